variable "family" {
  type        = string
  description = "The family of the definition"
}

variable "container_name" {
  type        = string
  description = "The name of its container"
}

variable "region" {
  type        = string
  description = "The region of the log group"
}

variable "cpu" {
  type        = number
  description = "CPU units: 1024 is one processor"
}

variable "memory" {
  type        = number
  description = "MiB"
}

variable "start_role_arn" {
  type        = string
  description = "The role with which Fargate starts it"
}

variable "run_role_arn" {
  type        = string
  description = "The role of the program, if it does anything in AWS"
  default     = null
}

variable "image" {
  type        = string
  description = "The image with its tag"
}

variable "command" {
  type        = list(string)
  description = "What is run"
}

variable "environment" {
  type        = map(string)
  description = "Settings without secrets"
}

variable "secrets" {
  type        = map(string)
  description = "Setting to the ARN of its secret, a field of it behind a colon"
}

variable "log_group" {
  type        = string
  description = "Where its words go"
}

variable "stream" {
  type        = string
  description = "How the streams of the log begin"
}

variable "scratch" {
  type        = object({ path = string, gb = number })
  description = "A folder to write to, and the room that there is for it"
  default     = null
}

variable "more" {
  type        = any
  description = "What this container has besides, as ECS spells it"
  default     = {}
}
