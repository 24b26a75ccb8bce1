# The stand-in forgets parameters and Performance Insights.
resource "aws_db_parameter_group" "this" {
  lifecycle {
    create_before_destroy = true
    ignore_changes        = [parameter]
  }
}

resource "aws_db_instance" "this" {
  lifecycle {
    ignore_changes = [
      performance_insights_enabled, performance_insights_kms_key_id, performance_insights_retention_period,
    ]
  }
}
