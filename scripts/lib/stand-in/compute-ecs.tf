# The stand-in takes tags of scalable targets only behind their making.
resource "aws_appautoscaling_target" "this" {
  lifecycle {
    ignore_changes = [tags, tags_all]
  }
}

# It keeps neither of these.
resource "aws_ecs_service" "this" {
  lifecycle {
    ignore_changes = [desired_count, task_definition, availability_zone_rebalancing, health_check_grace_period_seconds]
  }
}
