output "arn" {
  description = "The role"
  value       = aws_iam_role.this.arn
}
