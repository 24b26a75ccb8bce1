# A task of one container on Fargate. Its root is read-only, its words go to the log group, its secrets come from Secrets
# Manager.

locals {
  scratch = "scratch"
  container = {
    name                   = var.container_name
    image                  = var.image
    command                = var.command
    essential              = true
    readonlyRootFilesystem = true
    environment            = [for name, value in var.environment : { name = name, value = value }]
    secrets                = [for name, from in var.secrets : { name = name, valueFrom = from }]
    # The only folder to which it may write, which ends with it.
    mountPoints = [for scratch in var.scratch[*] : { sourceVolume = local.scratch, containerPath = scratch.path, readOnly = false }]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = var.log_group
        awslogs-region        = var.region
        awslogs-stream-prefix = var.stream
      }
    }
  }
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.family
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = var.start_role_arn
  task_role_arn            = var.run_role_arn
  # Former revisions are what a rollback goes back to.
  skip_destroy          = true
  container_definitions = jsonencode([merge(local.container, var.more)])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }

  dynamic "ephemeral_storage" {
    for_each = var.scratch[*]
    content {
      size_in_gib = ephemeral_storage.value.gb
    }
  }

  dynamic "volume" {
    for_each = var.scratch[*]
    content {
      name = local.scratch
    }
  }
}
