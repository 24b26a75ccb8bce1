# Alarms that wake somebody, and one page to look at.

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_subscription" "mail" {
  for_each  = toset(var.mail)
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

locals {
  database = { DBInstanceIdentifier = var.database_identifier }
  balancer = { LoadBalancer = var.metric_names.balancer }
  targets  = merge(local.balancer, { TargetGroup = var.metric_names.targets })
  # Another installation in this account may say that it is well: that must not silence an alarm of this one.
  own = { Installation = var.name }

  # What is bad, for how long, and what the person who is woken should do first: the runbook has a row for each.
  alarms = {
    database-cpu = {
      text      = "Database processor over 80 %", namespace = "AWS/RDS", metric = "CPUUtilization", dimensions = local.database
      statistic = "Average", over = 80, period = 300, times = 2, missing = "missing"
    }
    database-storage = {
      text      = "Database storage under 10 GB", namespace = "AWS/RDS", metric = "FreeStorageSpace", dimensions = local.database
      statistic = "Minimum", under = 10 * 1024 * 1024 * 1024, period = 300, times = 1, missing = "missing"
    }
    database-connections = {
      text      = "Many database connections", namespace = "AWS/RDS", metric = "DatabaseConnections", dimensions = local.database
      statistic = "Maximum", over = var.database_connections, period = 300, times = 2, missing = "missing"
    }
    server-cpu = {
      text       = "Server processor over 80 %", namespace = var.compute_metric.namespace, metric = "CPUUtilization"
      dimensions = var.compute_metric.dimensions
      statistic  = "Average", over = 80, period = 300, times = 2, missing = "missing"
    }
    errors = {
      text      = "Servers answer 5xx", namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", dimensions = local.balancer
      statistic = "Sum", over = 20, period = 300, times = 1, missing = "notBreaching"
    }
    balancer-errors = {
      text      = "No server could answer", namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", dimensions = local.balancer
      statistic = "Sum", over = 20, period = 300, times = 1, missing = "notBreaching"
    }
    unhealthy-targets = {
      text      = "A server fails its health check", namespace = "AWS/ApplicationELB", metric = "UnHealthyHostCount", dimensions = local.targets
      statistic = "Maximum", over = 0, period = 60, times = 5, missing = "notBreaching"
    }
    no-heartbeats = {
      text      = "No terminal reports", namespace = "TMS", metric = "HeartbeatRate", dimensions = local.own
      statistic = "Maximum", under = 0.0001, period = 300, times = 3, missing = "breaching"
    }
    backup-missing = {
      text      = "No good backup for 26 hours", namespace = "TMS", metric = "BackupSuccess", dimensions = local.own
      statistic = "Maximum", under = 1, period = 3600, times = 26, missing = "breaching"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.text}. Runbook: ${each.key}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = can(each.value.over) ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = try(each.value.over, each.value.under)
  period              = each.value.period
  evaluation_periods  = each.value.times
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [
      for index, alarm in keys(local.alarms) : {
        type   = "metric"
        x      = (index % 3) * 8
        y      = floor(index / 3) * 6
        width  = 8
        height = 6
        properties = {
          title  = local.alarms[alarm].text
          region = var.region
          stat   = local.alarms[alarm].statistic
          period = min(local.alarms[alarm].period, 300)
          metrics = [concat(
            [local.alarms[alarm].namespace, local.alarms[alarm].metric],
            flatten([for name, value in local.alarms[alarm].dimensions : [name, value]]),
          )]
          annotations = {
            horizontal = [{ label = "alarm", value = try(local.alarms[alarm].over, local.alarms[alarm].under) }]
          }
        }
      }
    ]
  })
}
