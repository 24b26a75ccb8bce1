variable "prefix" {
  type        = string
  description = "First part of the buckets' names; they are unique in the world"
}

variable "kms_key_arn" {
  type        = string
  description = "The key that encrypts the objects"
}

variable "backup_lock" {
  type        = string
  description = "COMPLIANCE: nobody deletes a backup before its days are over; GOVERNANCE: who may bypass it does"
}

variable "backup_days" {
  type        = number
  description = "How long no backup can be deleted, days"
}
