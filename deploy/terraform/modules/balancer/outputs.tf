output "arn" {
  description = "The load balancer"
  value       = aws_lb.this.arn
}

output "dns_name" {
  description = "Its own name"
  value       = aws_lb.this.dns_name
}

output "zone_id" {
  description = "Its zone, for an alias record"
  value       = aws_lb.this.zone_id
}

output "target_group_arn" {
  description = "Where servers register; known once the listener forwards to it"
  value       = aws_lb_listener.https.default_action[0].target_group_arn
}

output "metric_names" {
  description = "How metrics name the balancer and its targets"
  value = {
    balancer = aws_lb.this.arn_suffix
    targets  = aws_lb_target_group.this.arn_suffix
  }
}
