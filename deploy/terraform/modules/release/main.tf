# What every release needs, whichever way the servers run: the image's home, a cluster, and the one task that migrates
# the database. Only that task may read the owner's password, so a server that is broken into can't change the schema.

locals {
  # What was delivered last; the first time what the settings say. So no apply brings an older release back.
  tag = nonsensitive(aws_ssm_parameter.release.value)
}

resource "aws_ecr_repository" "this" {
  name                 = var.name
  image_tag_mutability = "IMMUTABLE"
  image_scanning_configuration {
    scan_on_push = true
  }
  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep fifty images to roll back to"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 50 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecs_cluster" "this" {
  name = "${var.name}-cluster"
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "application" {
  name              = "${var.name}-application"
  retention_in_days = 365
  kms_key_id        = var.kms_key_arn
}

locals {
  # What a task reads that works as the owner of the database.
  secrets = {
    DB_USER     = "${var.owner_secret_arn}:username::"
    DB_PASSWORD = "${var.owner_secret_arn}:password::"
    SECRET_KEY  = var.secret_arns.secret_key
  }
}

module "migrate_task" {
  source         = "../task"
  family         = "${var.name}-migrate"
  container_name = "migrate"
  region         = var.region
  cpu            = 512
  memory         = 1024
  start_role_arn = module.start_role.arn
  image          = "${aws_ecr_repository.this.repository_url}:${local.tag}"
  command        = ["migrate", "--json"]
  environment    = var.environment
  secrets        = merge(local.secrets, { TMS_DB_APP_PASSWORD = var.secret_arns.database_password })
  log_group      = aws_cloudwatch_log_group.application.name
  stream         = "migrate"
}

# The agent of Fargate, not the program, reads the secrets: this is its role, and the backup's too.
module "start_role" {
  source = "../start-role"
  name   = "${var.name}-migrate"
  secret_arns = [
    var.owner_secret_arn, var.secret_arns.secret_key, var.secret_arns.database_password, var.secret_arns.first_password,
  ]
  kms_key_arn    = var.kms_key_arn
  repository_arn = aws_ecr_repository.this.arn
  log_group_arn  = aws_cloudwatch_log_group.application.arn
}

# What runs and where tasks run: deploy/bin/deliver reads both and writes the first, so Terraform only begins it.
resource "aws_ssm_parameter" "release" {
  name        = "/${var.name}/release"
  description = "The release that new instances install"
  type        = "String"
  value       = var.image_tag
  lifecycle {
    ignore_changes = [value]
  }
}

resource "aws_ssm_parameter" "network" {
  name        = "/${var.name}/network"
  description = "Where the migration runs, as ecs run-task takes it"
  type        = "String"
  value = jsonencode({
    awsvpcConfiguration = { subnets = var.subnet_ids, securityGroups = [var.security_group_id], assignPublicIp = "DISABLED" }
  })
}
