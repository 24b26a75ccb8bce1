# Makes the first administrator, once. The password comes from a secret and goes to the program through a pipe: it is on no
# command line and in no log. The image is the one of backups, which has a shell.

resource "aws_ecs_task_definition" "first_person" {
  family                   = "${var.name}-first-person"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  execution_role_arn       = aws_iam_role.migrate.arn

  container_definitions = jsonencode([{
    name                   = "first-person"
    image                  = "${aws_ecr_repository.this.repository_url}:backup-${var.image_tag}"
    entryPoint             = ["sh", "-c"]
    command                = ["printf %s \"$FIRST_PASSWORD\" | tms user create --username admin --role admin --password-stdin"]
    essential              = true
    readonlyRootFilesystem = true
    environment            = [for name, value in var.environment : { name = name, value = value }]
    secrets = [
      { name = "DB_USER", valueFrom = "${var.owner_secret_arn}:username::" },
      { name = "DB_PASSWORD", valueFrom = "${var.owner_secret_arn}:password::" },
      { name = "SECRET_KEY", valueFrom = var.secret_arns.secret_key },
      { name = "FIRST_PASSWORD", valueFrom = var.secret_arns.first_password },
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.application.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "first-person"
      }
    }
  }])
}
