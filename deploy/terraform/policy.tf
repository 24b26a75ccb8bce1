# What a server may do in AWS, wherever it runs. Backups are none of its business: a server that is broken into can
# neither read nor spoil them (modules/backup has the role that makes them).

data "aws_iam_policy_document" "run" {
  statement {
    sid       = "Files"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = [for name in ["static", "firmware"] : "${module.storage.arns[name]}/*"]
  }
  statement {
    sid       = "Lists"
    actions   = ["s3:ListBucket"]
    resources = [for name in ["static", "firmware"] : module.storage.arns[name]]
  }
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [module.keys.arn]
  }
  statement {
    sid       = "Metrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["TMS"]
    }
  }
  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${module.release.log_group.arn}:*"]
  }
  statement {
    sid       = "Notify"
    actions   = ["sns:Publish"]
    resources = [module.monitoring.topic_arn]
  }
}
