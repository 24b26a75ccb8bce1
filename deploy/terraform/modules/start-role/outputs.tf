output "arn" {
  description = "The role"
  value       = module.role.arn
}
