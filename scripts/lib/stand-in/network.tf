# The stand-in forgets what rules between groups are for.
resource "aws_vpc_security_group_egress_rule" "flow" {
  lifecycle {
    ignore_changes = [description]
  }
}

resource "aws_vpc_security_group_ingress_rule" "flow" {
  lifecycle {
    ignore_changes = [description]
  }
}
