output "role_arn" {
  description = "What the workflow assumes"
  value       = aws_iam_role.this.arn
}
