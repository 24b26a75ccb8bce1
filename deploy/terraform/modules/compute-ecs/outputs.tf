output "service" {
  description = "The service: name and ARN"
  value       = { name = aws_ecs_service.this.name, arn = aws_ecs_service.this.id }
}

output "task_family" {
  description = "The family of its task definitions"
  value       = aws_ecs_task_definition.this.family
}

output "role_arns" {
  description = "Roles that a release passes on"
  value       = [aws_iam_role.start.arn, aws_iam_role.run.arn]
}
