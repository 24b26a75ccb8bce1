output "service" {
  description = "The service: name and ARN"
  value       = { name = aws_ecs_service.this.name, arn = aws_ecs_service.this.id }
}

output "task_family" {
  description = "The family of its task definitions"
  value       = module.task.family
}

output "role_arns" {
  description = "Roles that a release passes on"
  value       = [module.start_role.arn, module.run_role.arn]
}
