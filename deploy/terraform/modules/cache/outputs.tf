output "url" {
  description = "Address for REDIS_URL, TLS"
  value       = "rediss://${aws_elasticache_replication_group.this.primary_endpoint_address}:6379"
}
