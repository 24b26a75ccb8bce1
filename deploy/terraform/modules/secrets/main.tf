# What TMS must know and nobody else. The values are made while Terraform runs and are in no plan and no state file:
# they are ephemeral and written through write-only arguments. A higher generation makes new ones.

locals {
  secrets = {
    secret_key        = "SECRET_KEY: cursor and audit codes and the encryption of second factors are derived from it"
    secret_key_b      = "The second SECRET_KEY, which takes the place of the first when keys are rotated"
    database_password = "Password of tms_app, the database role of the servers"
    metrics_token     = "Bearer token of /metrics"
    first_password    = "First password of the administrator; worthless once it was changed"
  }
}

ephemeral "aws_secretsmanager_random_password" "this" {
  for_each            = local.secrets
  password_length     = 48
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "this" {
  for_each                = local.secrets
  name                    = "${var.name}/${each.key}"
  description             = each.value
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = 30
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each                 = local.secrets
  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.this[each.key].random_password
  secret_string_wo_version = lookup(var.generations, each.key, 1)
}
