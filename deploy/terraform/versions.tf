terraform {
  # Write-only arguments and ephemeral values keep secrets out of the state.
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
  # `terraform init -backend-config=backend.hcl`; the bootstrap prints what belongs into that file.
  backend "s3" {}
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { Application = "tms", Environment = var.environment, ManagedBy = "terraform" }
  }
}
