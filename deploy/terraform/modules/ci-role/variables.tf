variable "name" {
  type        = string
  description = "Prefix of every name"
}

variable "repository" {
  type        = string
  description = "OWNER/NAME of the repository that delivers"
}

variable "github_environment" {
  type        = string
  description = "The repository's environment whose jobs may deliver"
}

variable "oidc_provider_arn" {
  type        = string
  description = "The account's provider for token.actions.githubusercontent.com, where it has one; null makes it"
  default     = null
}

variable "release_bucket_arn" {
  type        = string
  description = "Where release archives go"
}

variable "kms_key_arn" {
  type        = string
  description = "The key of that bucket"
}

variable "image_repository_arn" {
  type        = string
  description = "Where images are pushed"
}

variable "cluster_arn" {
  type        = string
  description = "Where tasks run"
}

variable "migrate_task_arn" {
  type        = string
  description = "The task that migrates, without its revision"
}

variable "pass_role_arns" {
  type        = list(string)
  description = "Roles that tasks and instances run with"
}

variable "scaling_group_arn" {
  type        = string
  description = "The group to refresh, for servers on EC2"
  default     = null
}

variable "service_arn" {
  type        = string
  description = "The service to change, for servers on ECS"
  default     = null
}

variable "parameters" {
  type        = map(object({ name = string, arn = string }))
  description = "Parameters that a delivery reads; it writes the one called release"
}
