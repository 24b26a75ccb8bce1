output "family" {
  description = "The family"
  value       = aws_ecs_task_definition.this.family
}

output "arn" {
  description = "This revision"
  value       = aws_ecs_task_definition.this.arn
}

output "arn_without_revision" {
  description = "Whichever is the newest"
  value       = aws_ecs_task_definition.this.arn_without_revision
}
