variable "name" {
  type        = string
  description = "Name of the instance"
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
  description = "The key that encrypts storage, secret and insights"
}

variable "engine_version" {
  type        = string
  description = "PostgreSQL version, such as 15.12 or 15; TMS is tested with 15 and needs 13"
  validation {
    condition     = can(regex("^1[3-7](\\.[0-9]+)?$", var.engine_version))
    error_message = "Must be PostgreSQL 13 to 17, such as 15 or 15.12."
  }
}

variable "instance_class" {
  type        = string
  description = "Size of the instance"
}

variable "multi_az" {
  type        = bool
  description = "A standby in the other zone"
}

variable "storage_gb" {
  type        = number
  description = "Storage at first, GB"
}

variable "max_storage_gb" {
  type        = number
  description = "How far the storage may grow by itself, GB"
}

variable "deletion_protection" {
  type        = bool
  description = "Refuse to delete the database"
}
