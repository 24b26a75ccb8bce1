variable "name" {
  type        = string
  description = "Its name"
}

variable "secret_arns" {
  type        = list(string)
  description = "The secrets that it may read"
}

variable "kms_key_arn" {
  type        = string
  description = "The key of these secrets"
}

variable "repository_arn" {
  type        = string
  description = "The home of the image"
}

variable "log_group_arn" {
  type        = string
  description = "Where the task's words go"
}
