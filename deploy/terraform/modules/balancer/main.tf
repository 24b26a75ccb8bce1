# The load balancer: HTTPS in, HTTP redirected, health asked of TMS itself.

resource "aws_lb" "this" {
  name                       = var.name
  load_balancer_type         = "application"
  subnets                    = var.subnet_ids
  security_groups            = [var.security_group_id]
  drop_invalid_header_fields = true
  enable_deletion_protection = var.deletion_protection
  # A long poll waits up to 55 s, and servers keep a line open for 75 s: the balancer lets go first.
  idle_timeout               = 65
  xff_header_processing_mode = "append"

  access_logs {
    bucket  = var.log_bucket
    prefix  = "balancer"
    enabled = true
  }
}

resource "aws_lb_target_group" "this" {
  name_prefix = "tms-"
  vpc_id      = var.vpc_id
  port        = var.application_port
  protocol    = "HTTP"
  target_type = var.target_type
  # New requests stop at once; TMS goes on answering for TMS_DRAIN_S (70) after SIGTERM, which covers this.
  deregistration_delay          = 60
  load_balancing_algorithm_type = "least_outstanding_requests"

  health_check {
    path                = "/health/"
    matcher             = "200"
    interval            = 30
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"
  default_action {
    type = "redirect"
    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}
