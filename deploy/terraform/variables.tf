variable "region" {
  type        = string
  description = "AWS region"
  default     = "ap-northeast-1"
}

variable "environment" {
  type        = string
  description = "production, or the name of another installation in the same account; part of every name"
  default     = "production"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}$", var.environment))
    error_message = "Must be 2 to 15 of a-z, 0-9 and -, beginning with a letter."
  }
}

variable "compute" {
  type        = string
  description = "Where servers run: ec2 (scaling group with nginx) or ecs (Fargate)"
  default     = "ec2"
  validation {
    condition     = contains(["ec2", "ecs"], var.compute)
    error_message = "Must be ec2 or ecs."
  }
}

variable "release" {
  type        = string
  description = "The first release to run, such as 0.1.0: tag of the image and part of the archive's name; later ones are delivered"
  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+([.-][0-9A-Za-z.-]+)?$", var.release))
    error_message = "Must be a version such as 0.1.0 or 0.1.0-rc.1."
  }
}

variable "domain_name" {
  type        = string
  description = "The public name, such as tms.example.com"
  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "Must be a host name in lower case."
  }
}

variable "zone_id" {
  type        = string
  description = "The Route 53 hosted zone that holds the name"
}

variable "network_cidr" {
  type        = string
  description = "Address range of the network, a /16"
  default     = "10.20.0.0/16"
  validation {
    condition     = can(cidrhost(var.network_cidr, 0)) && endswith(var.network_cidr, "/16")
    error_message = "Must be a /16 such as 10.20.0.0/16."
  }
}

variable "nat_per_zone" {
  type        = bool
  description = "A NAT gateway in each zone: costs more, survives the loss of a zone"
  default     = true
}

variable "bucket_prefix" {
  type        = string
  description = "First part of the buckets' names, unique in the world"
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{2,40}$", var.bucket_prefix))
    error_message = "Must be 3 to 41 of a-z, 0-9 and -."
  }
}

variable "database" {
  type = object({
    version        = optional(string, "15")
    instance_class = optional(string, "db.t3.medium")
    multi_az       = optional(bool, true)
    storage_gb     = optional(number, 100)
    max_storage_gb = optional(number, 500)
  })
  description = "PostgreSQL: version, size, standby, storage and how far it may grow"
  default     = {}
}

variable "backup" {
  type = object({
    public_key = string
    schedule   = optional(string, "cron(30 3 * * ? *)")
    scratch_gb = optional(number, 100)
    lock       = optional(string, "GOVERNANCE")
  })
  description = "Backups: the public key to which they are encrypted (age-keygen makes the pair), when in Tokyo's time, room for a dump, and whether nobody at all (COMPLIANCE) or only who has the right to bypass it (GOVERNANCE) may delete one within 30 days"
  validation {
    condition     = can(regex("^age1[0-9a-z]{58}$", var.backup.public_key))
    error_message = "public_key must be the public half, age1...; the private one stays outside AWS."
  }
  validation {
    condition     = var.backup.scratch_gb >= 21 && var.backup.scratch_gb <= 200
    error_message = "Fargate has room for 21 to 200 GiB."
  }
  validation {
    condition     = contains(["GOVERNANCE", "COMPLIANCE"], var.backup.lock)
    error_message = "lock must be GOVERNANCE or COMPLIANCE."
  }
}

variable "cache_node_type" {
  type        = string
  description = "Size of a Redis node"
  default     = "cache.t3.small"
}

variable "instance_type" {
  type        = string
  description = "Size of a server on EC2"
  default     = "t3.medium"
}

variable "task_size" {
  type        = object({ cpu = number, memory = number })
  description = "Size of a server on ECS: CPU units and MiB"
  default     = { cpu = 1024, memory = 2048 }
}

variable "scale" {
  type        = object({ min = number, max = number })
  description = "How many servers"
  default     = { min = 2, max = 10 }
  validation {
    condition     = var.scale.min >= 2 && var.scale.max >= var.scale.min
    error_message = "At least two servers, so that one may fail, and max not below min."
  }
}

variable "requests_per_target" {
  type        = number
  description = "Requests a minute of one server at which another is started"
  default     = 120000
}

variable "agent_limit" {
  type        = number
  description = "Requests of one address in 5 minutes on the agents' paths: a shop's terminals share one"
  default     = 20000
}

variable "alarm_mail" {
  type        = list(string)
  description = "Who is written to when an alarm goes off"
  default     = []
}

variable "github_repository" {
  type        = string
  description = "OWNER/NAME of the repository whose workflow delivers; null for none"
  default     = null
}

variable "github_oidc_provider_arn" {
  type        = string
  description = "The account's provider for token.actions.githubusercontent.com, where it has one already (an account has one at most); null makes it"
  default     = null
}

variable "secret_generations" {
  type        = map(number)
  description = "Raise a number to replace a secret: secret_key, secret_key_b, database_password, metrics_token, first_password (runbook: key rotation)"
  default     = {}
}

variable "secret_keys" {
  type        = object({ present = optional(string, "a"), known = optional(string) })
  description = "Which of the two secret keys, a or b, servers write with, and whether they know the other one too (runbook: key rotation)"
  default     = {}
  validation {
    condition     = contains(["a", "b"], var.secret_keys.present)
    error_message = "present must be a or b."
  }
  validation {
    condition     = var.secret_keys.known == null || var.secret_keys.known == (var.secret_keys.present == "a" ? "b" : "a")
    error_message = "known must be the other one, or be left out."
  }
}

variable "deletion_protection" {
  type        = bool
  description = "Refuse to delete database and load balancer"
  default     = true
}
