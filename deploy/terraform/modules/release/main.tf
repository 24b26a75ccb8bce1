# What every release needs, whichever way the servers run: the image's home, a cluster, and the one task that migrates
# the database. Only that task may read the owner's password, so a server that is broken into can't change the schema.

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

resource "aws_ecs_task_definition" "migrate" {
  family                   = "${var.name}-migrate"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  execution_role_arn       = aws_iam_role.migrate.arn
  skip_destroy             = true

  container_definitions = jsonencode([{
    name                   = "migrate"
    image                  = "${aws_ecr_repository.this.repository_url}:${var.image_tag}"
    command                = ["migrate", "--json"]
    essential              = true
    readonlyRootFilesystem = true
    environment            = [for name, value in var.environment : { name = name, value = value }]
    secrets = [
      { name = "DB_USER", valueFrom = "${var.owner_secret_arn}:username::" },
      { name = "DB_PASSWORD", valueFrom = "${var.owner_secret_arn}:password::" },
      { name = "SECRET_KEY", valueFrom = var.secret_arns.secret_key },
      { name = "TMS_DB_APP_PASSWORD", valueFrom = var.secret_arns.database_password },
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.application.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "migrate"
      }
    }
  }])
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
