variable "domain_name" {
  type        = string
  description = "The public name, such as tms.example.com"
}

variable "zone_id" {
  type        = string
  description = "The hosted zone that holds the name"
}

variable "balancer_dns_name" {
  type        = string
  description = "What the name stands for"
}

variable "balancer_zone_id" {
  type        = string
  description = "The balancer's own zone"
}
