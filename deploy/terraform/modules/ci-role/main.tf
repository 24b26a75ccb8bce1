# What the delivery workflow may do. It signs in with GitHub's OIDC tokens: there is no long-lived key.

# An account has one provider of a kind: where it is there already, it is named.
resource "aws_iam_openid_connect_provider" "github" {
  count          = var.oidc_provider_arn == null ? 1 : 0
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [coalesce(var.oidc_provider_arn, one(aws_iam_openid_connect_provider.github[*].arn))]
    }
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }
    # Only jobs of this environment, whose protection rules say who may release.
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:${var.repository}:environment:${var.github_environment}"]
    }
  }
}

data "aws_iam_policy_document" "deliver" {
  statement {
    sid       = "Archive"
    actions   = ["s3:PutObject", "s3:GetObject"]
    resources = ["${var.release_bucket_arn}/tms-*"]
  }
  statement {
    sid       = "Key"
    actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
    resources = [var.kms_key_arn]
  }
  statement {
    sid = "Image"
    actions = [
      "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
      "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
    ]
    resources = [var.image_repository_arn]
  }
  statement {
    # checkov:skip=CKV_AWS_356:these actions know no resource
    # checkov:skip=CKV_AWS_111:these actions know no resource
    sid = "Look"
    actions = [
      "ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition",
      "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeInstanceRefreshes",
    ]
    resources = ["*"]
  }
  statement {
    sid       = "Migrate"
    actions   = ["ecs:RunTask"]
    resources = ["${var.migrate_task_arn}:*"]
    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [var.cluster_arn]
    }
  }
  statement {
    sid       = "Watch"
    actions   = ["ecs:DescribeTasks"]
    resources = ["*"]
    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [var.cluster_arn]
    }
  }
  statement {
    sid       = "ReadParameters"
    actions   = ["ssm:GetParameter", "ssm:GetParameterHistory"]
    resources = [for parameter in var.parameters : parameter.arn]
  }
  statement {
    sid       = "NoteRelease"
    actions   = ["ssm:PutParameter"]
    resources = [var.parameters.release.arn]
  }
  statement {
    sid       = "PassRoles"
    actions   = ["iam:PassRole"]
    resources = var.pass_role_arns
  }

  dynamic "statement" {
    for_each = var.service_arn == null ? [] : [1]
    content {
      sid       = "Service"
      actions   = ["ecs:DescribeServices", "ecs:UpdateService"]
      resources = [var.service_arn]
    }
  }

  dynamic "statement" {
    for_each = var.scaling_group_arn == null ? [] : [1]
    content {
      sid       = "Refresh"
      actions   = ["autoscaling:StartInstanceRefresh", "autoscaling:CancelInstanceRefresh"]
      resources = [var.scaling_group_arn]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = "${var.name}-deliver"
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "this" {
  name   = "deliver"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.deliver.json
}
