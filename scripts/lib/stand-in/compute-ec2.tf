# What the stand-in does not keep of templates, groups and their policies.
resource "aws_launch_template" "this" {
  lifecycle {
    create_before_destroy = true
    ignore_changes        = [tag_specifications]
  }
}

resource "aws_autoscaling_group" "this" {
  lifecycle {
    ignore_changes = [desired_capacity, default_instance_warmup]
  }
}

resource "aws_autoscaling_policy" "this" {
  lifecycle {
    ignore_changes = [enabled, predictive_scaling_configuration]
  }
}
