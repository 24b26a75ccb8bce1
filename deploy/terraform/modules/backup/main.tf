# A backup each night: the scheduler starts a task that dumps the database as its owner, encrypts the dump to a public key
# and puts it into the bucket from which nobody can delete it. The private key is nowhere in AWS.

resource "aws_ecs_task_definition" "this" {
  family                   = "${var.name}-backup"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 1024
  memory                   = 2048
  execution_role_arn       = var.start_role_arn
  task_role_arn            = aws_iam_role.run.arn
  skip_destroy             = true

  # Where the dump waits for its upload.
  ephemeral_storage {
    size_in_gib = var.scratch_gb
  }

  volume {
    name = "scratch"
  }

  container_definitions = jsonencode([{
    name                   = "backup"
    image                  = "${var.repository_url}:backup-${var.image_tag}"
    command                = ["backup", "--json"]
    essential              = true
    readonlyRootFilesystem = true
    mountPoints            = [{ sourceVolume = "scratch", containerPath = "/data", readOnly = false }]
    environment = [for name, value in merge(var.environment, {
      TMS_BACKUP_DIR        = "s3://${var.bucket}"
      TMS_BACKUP_PUBLIC_KEY = var.public_key
    }) : { name = name, value = value }]
    secrets = [
      { name = "DB_USER", valueFrom = "${var.owner_secret_arn}:username::" },
      { name = "DB_PASSWORD", valueFrom = "${var.owner_secret_arn}:password::" },
      { name = "SECRET_KEY", valueFrom = var.secret_key_arn },
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = var.log_group
        awslogs-region        = var.region
        awslogs-stream-prefix = "backup"
      }
    }
  }])
}

data "aws_iam_policy_document" "assume_task" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

# What the program may do. It removes backups that are too old; object lock decides when that is possible.
data "aws_iam_policy_document" "run" {
  statement {
    sid       = "Backups"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = ["${var.bucket_arn}/*"]
  }
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]
  }
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }
  statement {
    sid       = "Metrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["TMS"]
    }
  }
}

resource "aws_iam_role" "run" {
  name               = "${var.name}-backup"
  assume_role_policy = data.aws_iam_policy_document.assume_task.json
}

resource "aws_iam_role_policy" "run" {
  name   = "run"
  role   = aws_iam_role.run.id
  policy = data.aws_iam_policy_document.run.json
}

data "aws_iam_policy_document" "assume_schedule" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "schedule" {
  statement {
    sid       = "Start"
    actions   = ["ecs:RunTask"]
    resources = ["${aws_ecs_task_definition.this.arn_without_revision}:*", aws_ecs_task_definition.this.arn_without_revision]
    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [var.cluster_arn]
    }
  }
  statement {
    sid       = "PassRoles"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.run.arn, var.start_role_arn]
  }
  statement {
    sid       = "OwnSchedule"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]
  }
}

resource "aws_iam_role" "schedule" {
  name               = "${var.name}-backup-schedule"
  assume_role_policy = data.aws_iam_policy_document.assume_schedule.json
}

resource "aws_iam_role_policy" "schedule" {
  name   = "start"
  role   = aws_iam_role.schedule.id
  policy = data.aws_iam_policy_document.schedule.json
}

resource "aws_scheduler_schedule" "this" {
  name                         = "${var.name}-backup"
  description                  = "Backs up the database"
  schedule_expression          = var.schedule
  schedule_expression_timezone = "Asia/Tokyo"
  kms_key_arn                  = var.kms_key_arn

  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 15
  }

  target {
    arn      = var.cluster_arn
    role_arn = aws_iam_role.schedule.arn

    # Without a revision: a delivery registers the next one.
    ecs_parameters {
      task_definition_arn = aws_ecs_task_definition.this.arn_without_revision
      launch_type         = "FARGATE"
      network_configuration {
        subnets          = var.subnet_ids
        security_groups  = [var.security_group_id]
        assign_public_ip = false
      }
    }

    retry_policy {
      maximum_retry_attempts       = 3
      maximum_event_age_in_seconds = 3600
    }
  }
}
