variable "name" {
  type        = string
  description = "Prefix of every name"
}

variable "region" {
  type        = string
  description = "The region"
}

variable "release_bucket" {
  type        = string
  description = "Where release archives are"
}

variable "release_bucket_arn" {
  type        = string
  description = "The same as ARN"
}

variable "release_parameter" {
  type        = object({ name = string, arn = string })
  description = "The parameter that names the release which new instances install"
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
  description = "The key of the secrets and releases"
}

variable "instance_type" {
  type        = string
  description = "Size of an instance"
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
  description = "Where instances register"
}

variable "request_label" {
  type        = string
  description = "BALANCER/TARGETS, as the metric of requests per target names them"
}

variable "scale" {
  type        = object({ min = number, max = number })
  description = "How many instances"
}

variable "requests_per_target" {
  type        = number
  description = "Requests a minute of one instance at which another is started"
}
