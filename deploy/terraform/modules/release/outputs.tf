output "repository" {
  description = "Where images are pushed: url and arn"
  value       = { url = aws_ecr_repository.this.repository_url, arn = aws_ecr_repository.this.arn }
}

output "tag" {
  description = "The release that runs"
  value       = local.tag
}

output "cluster" {
  description = "The cluster: name and arn"
  value       = { name = aws_ecs_cluster.this.name, arn = aws_ecs_cluster.this.arn }
}

output "log_group" {
  description = "The application's log group: name and arn"
  value       = { name = aws_cloudwatch_log_group.application.name, arn = aws_cloudwatch_log_group.application.arn }
}

output "migrate" {
  description = "The task that migrates: its family, its ARN without the revision, and its role"
  value = {
    family   = module.migrate_task.family
    arn      = module.migrate_task.arn_without_revision
    role_arn = module.start_role.arn
  }
}

output "parameters" {
  description = "Parameters that a delivery reads: the release and the network, name and ARN of each"
  value = {
    release = { name = aws_ssm_parameter.release.name, arn = aws_ssm_parameter.release.arn }
    network = { name = aws_ssm_parameter.network.name, arn = aws_ssm_parameter.network.arn }
  }
}
