# The stand-in keeps a replication group without encryption, subnets and members.
resource "aws_elasticache_replication_group" "this" {
  # It counts one member again after the first apply, which may not fail over.
  automatic_failover_enabled = false
  multi_az_enabled           = false

  lifecycle {
    ignore_changes = all
  }
}
