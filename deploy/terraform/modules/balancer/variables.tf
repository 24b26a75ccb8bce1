variable "name" {
  type        = string
  description = "Name of the load balancer"
}

variable "vpc_id" {
  type        = string
  description = "The network"
}

variable "subnet_ids" {
  type        = list(string)
  description = "Public subnets in two zones"
}

variable "security_group_id" {
  type        = string
  description = "Lets the world in"
}

variable "certificate_arn" {
  type        = string
  description = "Certificate of the public name"
}

variable "application_port" {
  type        = number
  description = "Where the targets listen"
}

variable "target_type" {
  type        = string
  description = "instance (EC2) or ip (Fargate)"
}

variable "log_bucket" {
  type        = string
  description = "Bucket of the access logs"
}

variable "deletion_protection" {
  type        = bool
  description = "Refuse to delete the load balancer"
}
