variable "name" {
  type        = string
  description = "Prefix of every name"
}

variable "region" {
  type        = string
  description = "The region of the log group"
}

variable "cluster" {
  type        = object({ name = string, arn = string })
  description = "The cluster"
}

variable "repository_url" {
  type        = string
  description = "Where the image is"
}

variable "repository_arn" {
  type        = string
  description = "The same as ARN"
}

variable "image_tag" {
  type        = string
  description = "The release, as its image is tagged"
}

variable "environment" {
  type        = map(string)
  description = "Settings without secrets"
}

variable "secrets" {
  type        = map(string)
  description = "Setting to the ARN of its secret"
}

variable "run_policy" {
  type        = string
  description = "What TMS may do in AWS, as JSON"
}

variable "kms_key_arn" {
  type        = string
  description = "The key of the secrets"
}

variable "log_group" {
  type        = object({ name = string, arn = string })
  description = "Where standard output goes"
}

variable "subnet_ids" {
  type        = list(string)
  description = "Subnets of the application"
}

variable "security_group_id" {
  type        = string
  description = "Lets only the load balancer in"
}

variable "target_group_arn" {
  type        = string
  description = "Where tasks register"
}

variable "request_label" {
  type        = string
  description = "BALANCER/TARGETS, as the metric of requests per target names them"
}

variable "port" {
  type        = number
  description = "Where TMS listens"
}

variable "cpu" {
  type        = number
  description = "CPU units of a task: 1024 is one processor"
}

variable "memory" {
  type        = number
  description = "Memory of a task, MiB"
}

variable "scale" {
  type        = object({ min = number, max = number })
  description = "How many tasks"
}

variable "requests_per_target" {
  type        = number
  description = "Requests a minute of one task at which another is started"
}
