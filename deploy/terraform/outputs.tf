output "url" {
  description = "Where TMS answers"
  value       = "https://${var.domain_name}"
}

output "buckets" {
  description = "Buckets by purpose"
  value       = module.storage.buckets
}

output "image_repository" {
  description = "Where images are pushed"
  value       = module.release.repository.url
}

output "migrate" {
  description = "What deploy/bin/migrate needs: cluster, task, subnets and group"
  value = {
    cluster = module.release.cluster.name
    task    = module.release.migrate.family
    subnets = module.network.subnets.application
    group   = module.network.groups.application
  }
}

output "delivery_role" {
  description = "The role of the delivery workflow"
  value       = one(module.ci_role[*].role_arn)
}

output "alarm_topic" {
  description = "Where alarms go"
  value       = module.monitoring.topic_arn
}
