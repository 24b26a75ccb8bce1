# A backup each night: the scheduler starts a task that dumps the database as its owner, encrypts the dump to a public key
# and puts it into the bucket from which nobody can delete it. The private key is nowhere in AWS.

module "task" {
  source         = "../task"
  family         = "${var.name}-backup"
  container_name = "backup"
  region         = var.region
  cpu            = 1024
  memory         = 2048
  start_role_arn = var.start_role_arn
  run_role_arn   = module.run_role.arn
  image          = "${var.repository_url}:backup-${var.image_tag}"
  command        = ["backup", "--json"]
  log_group      = var.log_group
  stream         = "backup"

  # Where the dump waits for its upload.
  scratch = { path = "/data", gb = var.scratch_gb }

  environment = merge(var.environment, {
    TMS_BACKUP_DIR        = "s3://${var.bucket}"
    TMS_BACKUP_PUBLIC_KEY = var.public_key
  })
  secrets = {
    DB_USER     = "${var.owner_secret_arn}:username::"
    DB_PASSWORD = "${var.owner_secret_arn}:password::"
    SECRET_KEY  = var.secret_key_arn
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

module "run_role" {
  source      = "../role"
  name        = "${var.name}-backup"
  policy_name = "run"
  policy      = data.aws_iam_policy_document.run.json
}

data "aws_iam_policy_document" "schedule" {
  statement {
    sid       = "Start"
    actions   = ["ecs:RunTask"]
    resources = ["${module.task.arn_without_revision}:*", module.task.arn_without_revision]
    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [var.cluster_arn]
    }
  }
  statement {
    sid       = "PassRoles"
    actions   = ["iam:PassRole"]
    resources = [module.run_role.arn, var.start_role_arn]
  }
  statement {
    sid       = "OwnSchedule"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]
  }
}

module "schedule_role" {
  source      = "../role"
  name        = "${var.name}-backup-schedule"
  service     = "scheduler.amazonaws.com"
  policy_name = "start"
  policy      = data.aws_iam_policy_document.schedule.json
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
    role_arn = module.schedule_role.arn

    # Without a revision: a delivery registers the next one.
    ecs_parameters {
      task_definition_arn = module.task.arn_without_revision
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
