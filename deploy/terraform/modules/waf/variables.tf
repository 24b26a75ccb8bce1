variable "name" {
  type        = string
  description = "Name of the list of rules"
}

variable "balancer_arn" {
  type        = string
  description = "What is protected"
}

variable "people_limit" {
  type        = number
  description = "Requests of one address in 5 minutes outside the agents' paths"
}

variable "agent_limit" {
  type        = number
  description = "Requests of one address in 5 minutes on the agents' paths"
}

variable "kms_key_arn" {
  type        = string
  description = "The key that encrypts the log"
}
