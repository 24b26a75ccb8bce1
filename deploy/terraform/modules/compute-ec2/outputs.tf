output "group" {
  description = "The scaling group: name and ARN"
  value       = { name = aws_autoscaling_group.this.name, arn = aws_autoscaling_group.this.arn }
}

output "role_arn" {
  description = "Role of the instances"
  value       = aws_iam_role.this.arn
}
