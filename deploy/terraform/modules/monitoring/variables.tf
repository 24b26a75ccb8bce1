variable "name" {
  type        = string
  description = "Prefix of every name"
}

variable "region" {
  type        = string
  description = "The region of the metrics"
}

variable "kms_key_arn" {
  type        = string
  description = "The key that encrypts the topic"
}

variable "mail" {
  type        = list(string)
  description = "Who is written to; each confirms once"
}

variable "database_identifier" {
  type        = string
  description = "The database, as its metrics name it"
}

variable "database_connections" {
  type        = number
  description = "How many connections are too many"
}

variable "metric_names" {
  type        = object({ balancer = string, targets = string })
  description = "How metrics name the balancer and its targets"
}

variable "compute_metric" {
  type        = object({ namespace = string, dimensions = map(string) })
  description = "Where the servers' CPUUtilization is found"
}
