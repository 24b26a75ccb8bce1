variable "name" {
  type        = string
  description = "Prefix of every name"
}

variable "region" {
  type        = string
  description = "The region of the log group"
}

variable "kms_key_arn" {
  type        = string
  description = "The key that encrypts the bucket"
}

variable "cluster_arn" {
  type        = string
  description = "Where the task runs"
}

variable "repository_url" {
  type        = string
  description = "The home of the image with PostgreSQL's programs, tagged backup-RELEASE"
}

variable "image_tag" {
  type        = string
  description = "The release"
}

variable "log_group" {
  type        = string
  description = "Where the task's words go"
}

variable "environment" {
  type        = map(string)
  description = "Settings without secrets"
}

variable "owner_secret_arn" {
  type        = string
  description = "User name and password of the database's owner"
}

variable "secret_key_arn" {
  type        = string
  description = "The secret of SECRET_KEY, with which the end of the audit trail is read"
}

variable "start_role_arn" {
  type        = string
  description = "The role that reads these secrets for a task, as that of the migration does"
}

variable "bucket" {
  type        = string
  description = "The bucket of backups"
}

variable "bucket_arn" {
  type        = string
  description = "Its ARN"
}

variable "public_key" {
  type        = string
  description = "The public key to which backups are encrypted, age1..."
}

variable "schedule" {
  type        = string
  description = "When, in Tokyo's time, as the scheduler spells it"
}

variable "scratch_gb" {
  type        = number
  description = "Room for a dump before it is uploaded, GiB"
}

variable "subnet_ids" {
  type        = list(string)
  description = "Where the task runs"
}

variable "security_group_id" {
  type        = string
  description = "Lets the task reach the database"
}
