# Two roles: one with which Fargate starts the task (image, secrets, logs), one with which TMS runs (files, metrics).

module "start_role" {
  source         = "../start-role"
  name           = "${var.name}-ecs-start"
  secret_arns    = values(var.secrets)
  kms_key_arn    = var.kms_key_arn
  repository_arn = var.repository_arn
  log_group_arn  = var.log_group.arn
}

module "run_role" {
  source      = "../role"
  name        = "${var.name}-ecs-run"
  policy_name = "run"
  policy      = var.run_policy
}
