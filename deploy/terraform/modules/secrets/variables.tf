variable "name" {
  type        = string
  description = "First part of each secret's name"
}

variable "kms_key_arn" {
  type        = string
  description = "The key that encrypts the secrets"
}

variable "generations" {
  type        = map(number)
  description = "Raise a number to replace that secret: secret_key, secret_key_b, database_password or metrics_token; the runbook says what else to do"
  default     = {}
}
