# The stand-in keeps a replication group without encryption, subnets and members.
resource "aws_elasticache_replication_group" "this" {
  lifecycle {
    ignore_changes = all
  }
}
