# TMS on AWS: every line here is a room, and its inputs say what it hangs together with.

locals {
  name             = var.environment == "production" ? "tms" : "tms-${var.environment}"
  application_port = var.compute == "ec2" ? 80 : 8000

  # Settings of every server, without secrets.
  environment = {
    TMS_LISTEN          = var.compute == "ec2" ? "127.0.0.1:8000" : "0.0.0.0:8000"
    DB_HOST             = module.database.address
    DB_PORT             = "5432"
    DB_NAME             = "tms"
    DB_SSLMODE          = "verify-full"
    DB_SSLROOTCERT      = "/etc/tms/rds.pem"
    ALLOWED_HOSTS       = var.domain_name
    TMS_PUBLIC_URL      = "https://${var.domain_name}"
    TMS_TRUSTED_PROXIES = var.compute == "ec2" ? "127.0.0.1/32,${var.network_cidr}" : var.network_cidr
    TMS_DRAIN_S         = "70"
    TMS_LOG_FORMAT      = "json"
    AWS_REGION          = var.region

    TMS_CLOUDWATCH_METRICS = "on"
    TMS_INSTALLATION       = local.name
  }

  server_environment = merge(local.environment, {
    DB_USER   = "tms_app"
    REDIS_URL = module.cache.url
    # Where `tms collect-static` writes.
    S3_BUCKET = module.storage.buckets.static

    # Containers have a driver that does the same.
    TMS_CLOUDWATCH_LOGS = var.compute == "ec2" ? module.release.log_group.name : "off"
  }, var.compute == "ec2" ? { TMS_LOG_DIR = "/var/log/tms" } : {})

  # There are two keys, so that every server can know the next one before any server signs with it.
  secret_keys = { a = module.secrets.arns.secret_key, b = module.secrets.arns.secret_key_b }
  secret_key  = local.secret_keys[var.secret_keys.present]

  secrets = merge({
    SECRET_KEY        = local.secret_key
    DB_PASSWORD       = module.secrets.arns.database_password
    TMS_METRICS_TOKEN = module.secrets.arns.metrics_token
  }, var.secret_keys.known == null ? {} : { SECRET_KEY_PREVIOUS = local.secret_keys[var.secret_keys.known] })

  request_label = "${module.balancer.metric_names.balancer}/${module.balancer.metric_names.targets}"
}

module "keys" {
  source = "./modules/keys"
  name   = local.name
  region = var.region
}

module "network" {
  source           = "./modules/network"
  name             = local.name
  region           = var.region
  cidr             = var.network_cidr
  nat_per_zone     = var.nat_per_zone
  application_port = local.application_port
  kms_key_arn      = module.keys.arn
}

module "storage" {
  source      = "./modules/storage"
  prefix      = var.bucket_prefix
  kms_key_arn = module.keys.arn
  backup_days = 30
  backup_lock = var.backup.lock
}

module "secrets" {
  source      = "./modules/secrets"
  name        = local.name
  kms_key_arn = module.keys.arn
  generations = var.secret_generations
}

module "database" {
  source              = "./modules/database"
  name                = local.name
  subnet_ids          = module.network.subnets.data
  security_group_id   = module.network.groups.database
  kms_key_arn         = module.keys.arn
  engine_version      = var.database.version
  instance_class      = var.database.instance_class
  multi_az            = var.database.multi_az
  storage_gb          = var.database.storage_gb
  max_storage_gb      = var.database.max_storage_gb
  deletion_protection = var.deletion_protection
}

module "cache" {
  source            = "./modules/cache"
  name              = local.name
  subnet_ids        = module.network.subnets.data
  security_group_id = module.network.groups.cache
  kms_key_arn       = module.keys.arn
  node_type         = var.cache_node_type
}

module "dns" {
  source            = "./modules/dns"
  domain_name       = var.domain_name
  zone_id           = var.zone_id
  balancer_dns_name = module.balancer.dns_name
  balancer_zone_id  = module.balancer.zone_id
}

module "balancer" {
  source              = "./modules/balancer"
  name                = local.name
  vpc_id              = module.network.vpc_id
  subnet_ids          = module.network.subnets.public
  security_group_id   = module.network.groups.balancer
  certificate_arn     = module.dns.certificate_arn
  application_port    = local.application_port
  target_type         = var.compute == "ec2" ? "instance" : "ip"
  log_bucket          = module.storage.buckets.logs
  deletion_protection = var.deletion_protection
}

module "waf" {
  source       = "./modules/waf"
  name         = local.name
  balancer_arn = module.balancer.arn
  people_limit = 2000
  agent_limit  = var.agent_limit
  kms_key_arn  = module.keys.arn
}

module "release" {
  source            = "./modules/release"
  name              = local.name
  region            = var.region
  kms_key_arn       = module.keys.arn
  image_tag         = var.release
  owner_secret_arn  = module.database.owner_secret_arn
  secret_arns       = merge(module.secrets.arns, { secret_key = local.secret_key })
  environment       = merge(local.environment, { TMS_DB_APP_ROLE = "tms_app" })
  subnet_ids        = module.network.subnets.application
  security_group_id = module.network.groups.application
}

module "backup" {
  source            = "./modules/backup"
  name              = local.name
  region            = var.region
  kms_key_arn       = module.keys.arn
  cluster_arn       = module.release.cluster.arn
  repository_url    = module.release.repository.url
  image_tag         = module.release.tag
  log_group         = module.release.log_group.name
  environment       = local.environment
  owner_secret_arn  = module.database.owner_secret_arn
  secret_key_arn    = local.secret_key
  start_role_arn    = module.release.migrate.role_arn
  bucket            = module.storage.buckets.backups
  bucket_arn        = module.storage.arns.backups
  public_key        = var.backup.public_key
  schedule          = var.backup.schedule
  scratch_gb        = var.backup.scratch_gb
  subnet_ids        = module.network.subnets.application
  security_group_id = module.network.groups.application
}

module "compute_ec2" {
  source              = "./modules/compute-ec2"
  count               = var.compute == "ec2" ? 1 : 0
  name                = local.name
  region              = var.region
  release_bucket      = module.storage.buckets.releases
  release_bucket_arn  = module.storage.arns.releases
  release_parameter   = module.release.parameters.release
  environment         = local.server_environment
  secrets             = local.secrets
  run_policy          = data.aws_iam_policy_document.run.json
  kms_key_arn         = module.keys.arn
  instance_type       = var.instance_type
  subnet_ids          = module.network.subnets.application
  security_group_id   = module.network.groups.application
  target_group_arn    = module.balancer.target_group_arn
  request_label       = local.request_label
  scale               = var.scale
  requests_per_target = var.requests_per_target
}

module "compute_ecs" {
  source              = "./modules/compute-ecs"
  count               = var.compute == "ecs" ? 1 : 0
  name                = local.name
  region              = var.region
  cluster             = module.release.cluster
  repository_url      = module.release.repository.url
  repository_arn      = module.release.repository.arn
  image_tag           = module.release.tag
  environment         = local.server_environment
  secrets             = local.secrets
  run_policy          = data.aws_iam_policy_document.run.json
  kms_key_arn         = module.keys.arn
  log_group           = module.release.log_group
  subnet_ids          = module.network.subnets.application
  security_group_id   = module.network.groups.application
  target_group_arn    = module.balancer.target_group_arn
  request_label       = local.request_label
  port                = local.application_port
  cpu                 = var.task_size.cpu
  memory              = var.task_size.memory
  scale               = var.scale
  requests_per_target = var.requests_per_target
}

module "monitoring" {
  source               = "./modules/monitoring"
  name                 = local.name
  region               = var.region
  kms_key_arn          = module.keys.arn
  mail                 = var.alarm_mail
  database_identifier  = module.database.identifier
  database_connections = 190
  metric_names         = module.balancer.metric_names
  compute_metric = var.compute == "ec2" ? {
    namespace  = "AWS/EC2"
    dimensions = { AutoScalingGroupName = one(module.compute_ec2[*].group.name) }
    } : {
    namespace  = "AWS/ECS"
    dimensions = { ClusterName = module.release.cluster.name, ServiceName = one(module.compute_ecs[*].service.name) }
  }
}

module "ci_role" {
  source               = "./modules/ci-role"
  count                = var.github_repository == null ? 0 : 1
  name                 = local.name
  repository           = var.github_repository
  github_environment   = var.environment
  oidc_provider_arn    = var.github_oidc_provider_arn
  release_bucket_arn   = module.storage.arns.releases
  kms_key_arn          = module.keys.arn
  image_repository_arn = module.release.repository.arn
  cluster_arn          = module.release.cluster.arn
  migrate_task_arn     = module.release.migrate.arn
  pass_role_arns = concat(
    [module.release.migrate.role_arn, module.backup.role_arn],
    module.compute_ec2[*].role_arn,
    flatten(module.compute_ecs[*].role_arns),
  )
  scaling_group_arn = one(module.compute_ec2[*].group.arn)
  parameters        = module.release.parameters
  service_arn       = one(module.compute_ecs[*].service.arn)
}
