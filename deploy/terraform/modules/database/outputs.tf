output "address" {
  description = "Host name"
  value       = aws_db_instance.this.address
}

output "identifier" {
  description = "Instance identifier, for alarms"
  value       = aws_db_instance.this.identifier
}

output "owner_secret_arn" {
  description = "The secret that RDS keeps: user name and password of the owner, for migrations"
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}
