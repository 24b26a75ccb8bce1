variable "name" {
  type        = string
  description = "Its name"
}

variable "service" {
  type        = string
  description = "Who takes the role on"
  default     = "ecs-tasks.amazonaws.com"
}

variable "policy_name" {
  type        = string
  description = "What the policy is called"
}

variable "policy" {
  type        = string
  description = "What the role may do, as JSON"
}
