variable "name" {
  type        = string
  description = "Name of the alias"
}

variable "region" {
  type        = string
  description = "The region, for the name of its log service"
}
