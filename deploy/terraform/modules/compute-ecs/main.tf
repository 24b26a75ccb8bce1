# Servers on Fargate.

module "task" {
  source         = "../task"
  family         = "${var.name}-task"
  container_name = var.name
  region         = var.region
  cpu            = var.cpu
  memory         = var.memory
  start_role_arn = module.start_role.arn
  run_role_arn   = module.run_role.arn
  image          = "${var.repository_url}:${var.image_tag}"
  command        = ["serve"]
  environment    = var.environment
  secrets        = var.secrets
  log_group      = var.log_group.name
  stream         = "serve"

  more = {
    # Longer than TMS_DRAIN_S, so that it ends by itself.
    stopTimeout     = 90
    portMappings    = [{ containerPort = var.port, protocol = "tcp" }]
    linuxParameters = { initProcessEnabled = true }
  }
}

resource "aws_ecs_service" "this" {
  name                               = "${var.name}-service"
  cluster                            = var.cluster.arn
  task_definition                    = module.task.arn
  desired_count                      = var.scale.min
  launch_type                        = "FARGATE"
  platform_version                   = "1.4.0"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 30
  propagate_tags                     = "SERVICE"

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.security_group_id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = var.target_group_arn
    container_name   = var.name
    container_port   = var.port
  }

  # A release that does not become healthy is taken back by itself.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  lifecycle {
    # The number follows the load, the release is set by the workflow.
    ignore_changes = [desired_count, task_definition]
  }
}

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  resource_id        = "service/${var.cluster.name}/${aws_ecs_service.this.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.scale.min
  max_capacity       = var.scale.max
}

resource "aws_appautoscaling_policy" "this" {
  for_each = {
    cpu      = { metric = "ECSServiceAverageCPUUtilization", value = 60, label = null }
    requests = { metric = "ALBRequestCountPerTarget", value = var.requests_per_target, label = var.request_label }
  }
  name               = "${var.name}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  resource_id        = aws_appautoscaling_target.this.resource_id
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  target_tracking_scaling_policy_configuration {
    target_value       = each.value.value
    scale_in_cooldown  = 300
    scale_out_cooldown = 60
    predefined_metric_specification {
      predefined_metric_type = each.value.metric
      resource_label         = each.value.label
    }
  }
}
