variable "name" {
  type        = string
  description = "Prefix of every name"
}

variable "region" {
  type        = string
  description = "The region, for the name of the S3 endpoint"
}

variable "cidr" {
  type        = string
  description = "The address range of the network, a /16"
}

variable "nat_per_zone" {
  type        = bool
  description = "A NAT gateway in each zone instead of one for both: costs more, survives the loss of a zone"
}

variable "application_port" {
  type        = number
  description = "Where the servers listen: 80 (nginx on EC2) or 8000 (ECS)"
}

variable "kms_key_arn" {
  type        = string
  description = "The key that encrypts the flow log"
}
