# Makes the first administrator, once. The password comes from a secret and goes to the program through a pipe: it is on no
# command line and in no log. The image is the one of backups, which has a shell.

module "first_person_task" {
  source         = "../task"
  family         = "${var.name}-first-person"
  container_name = "first-person"
  region         = var.region
  cpu            = 512
  memory         = 1024
  start_role_arn = module.start_role.arn
  image          = "${aws_ecr_repository.this.repository_url}:backup-${local.tag}"
  command        = ["printf %s \"$FIRST_PASSWORD\" | tms user create --username admin --role admin --password-stdin"]
  environment    = var.environment
  secrets        = merge(local.secrets, { FIRST_PASSWORD = var.secret_arns.first_password })
  log_group      = aws_cloudwatch_log_group.application.name
  stream         = "first-person"
  more           = { entryPoint = ["sh", "-c"] }
}
