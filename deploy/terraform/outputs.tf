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
  description = "Where migrations run, and a machine for restores belongs: cluster, task, subnets and group"
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

output "workflow_variables" {
  description = "The variables of the repository that the workflow release reads"
  value = {
    AWS_REGION           = var.region
    TMS_COMPUTE          = var.compute
    TMS_DELIVERY_ROLE    = one(module.ci_role[*].role_arn)
    TMS_IMAGE_REPOSITORY = module.release.repository.url
    TMS_POSTGRES         = split(".", var.database.version)[0]
    TMS_RELEASE_BUCKET   = module.storage.buckets.releases
    TMS_URL              = "https://${var.domain_name}"
  }
}

output "alarm_topic" {
  description = "Where alarms go"
  value       = module.monitoring.topic_arn
}
