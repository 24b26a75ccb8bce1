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
  description = "The key that encrypts images, logs and secrets"
}

variable "image_tag" {
  type        = string
  description = "The release, as its image is tagged"
}

variable "environment" {
  type        = map(string)
  description = "Settings without secrets"
}

variable "owner_secret_arn" {
  type        = string
  description = "User name and password of the database's owner"
}

variable "secret_arns" {
  type        = map(string)
  description = "Secrets by name: secret_key, database_password, first_password"
}

variable "subnet_ids" {
  type        = list(string)
  description = "Where the migration runs"
}

variable "security_group_id" {
  type        = string
  description = "Lets the migration reach the database"
}
