output "role_arn" {
  description = "The role of the program, which a delivery passes on with the next revision"
  value       = module.run_role.arn
}
