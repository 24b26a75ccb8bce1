variable "name" {
  type        = string
  description = "Name of the replication group"
}

variable "subnet_ids" {
  type        = list(string)
  description = "Subnets without a way out"
}

variable "security_group_id" {
  type        = string
  description = "Lets only the servers in"
}

variable "kms_key_arn" {
  type        = string
  description = "The key that encrypts what is on disk"
}

variable "node_type" {
  type        = string
  description = "Size of a node"
}
