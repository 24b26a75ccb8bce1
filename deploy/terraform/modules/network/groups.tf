# Who may talk to whom: the world to the balancer, the balancer to the application, the application to its data.

resource "aws_security_group" "balancer" {
  name        = "${var.name}-balancer"
  description = "The load balancer: HTTP and HTTPS from anywhere"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${var.name}-balancer" }
}

resource "aws_security_group" "application" {
  name        = "${var.name}-application"
  description = "TMS servers: only from the load balancer"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${var.name}-application" }
}

resource "aws_security_group" "database" {
  name        = "${var.name}-database"
  description = "PostgreSQL: only from TMS servers"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${var.name}-database" }
}

resource "aws_security_group" "cache" {
  name        = "${var.name}-cache"
  description = "Redis: only from TMS servers"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${var.name}-cache" }
}

resource "aws_vpc_security_group_ingress_rule" "world_to_balancer" {
  for_each          = { http = 80, https = 443 }
  security_group_id = aws_security_group.balancer.id
  description       = "${each.key} from anywhere"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

locals {
  # From group, to group, port, what for.
  flows = {
    balancer_to_application = [aws_security_group.balancer.id, aws_security_group.application.id, var.application_port, "requests"]
    application_to_database = [aws_security_group.application.id, aws_security_group.database.id, 5432, "PostgreSQL"]
    application_to_cache    = [aws_security_group.application.id, aws_security_group.cache.id, 6379, "Redis"]
  }
}

resource "aws_vpc_security_group_egress_rule" "flow" {
  for_each                     = local.flows
  security_group_id            = each.value[0]
  referenced_security_group_id = each.value[1]
  description                  = each.value[3]
  ip_protocol                  = "tcp"
  from_port                    = each.value[2]
  to_port                      = each.value[2]
}

resource "aws_vpc_security_group_ingress_rule" "flow" {
  for_each                     = local.flows
  security_group_id            = each.value[1]
  referenced_security_group_id = each.value[0]
  description                  = each.value[3]
  ip_protocol                  = "tcp"
  from_port                    = each.value[2]
  to_port                      = each.value[2]
}

# AWS services, web hooks and package mirrors; mail goes through the submission port.
resource "aws_vpc_security_group_egress_rule" "application_out" {
  for_each          = { https = 443, submission = 587 }
  security_group_id = aws_security_group.application.id
  description       = "${each.key} to anywhere"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}
