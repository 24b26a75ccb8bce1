# Private buckets: releases, static files, firmware, backups that nobody can delete, and access logs.

locals {
  buckets = {
    releases = "Release archives that new instances fetch"
    static   = "Static files of the console"
    firmware = "Firmware images, under their SHA-256"
    backups  = "Backups of the database"
  }
}

resource "aws_s3_bucket" "this" {
  for_each            = local.buckets
  bucket              = "${var.prefix}-${each.key}"
  object_lock_enabled = each.key == "backups"
  tags                = { Purpose = each.value }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each                = aws_s3_bucket.this
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each   = aws_s3_bucket.this
  bucket     = each.value.id
  depends_on = [aws_s3_bucket_versioning.this]

  rule {
    id     = "clean-up"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
    noncurrent_version_expiration {
      noncurrent_days = each.key == "backups" ? var.backup_days : 90
    }
  }

  # TMS deletes what is older than its 30 days; what it leaves behind becomes cheaper, and ends.
  dynamic "rule" {
    for_each = each.key == "backups" ? [1] : []
    content {
      id     = "age"
      status = "Enabled"
      filter {}
      transition {
        days          = 30
        storage_class = "STANDARD_IA"
      }
      expiration {
        days = 400
      }
    }
  }
}

resource "aws_s3_bucket_object_lock_configuration" "backups" {
  bucket     = aws_s3_bucket.this["backups"].id
  depends_on = [aws_s3_bucket_versioning.this]
  rule {
    default_retention {
      mode = var.backup_lock
      days = var.backup_days
    }
  }
}

data "aws_iam_policy_document" "tls_only" {
  for_each = aws_s3_bucket.this
  statement {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value.arn, "${each.value.arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "tls_only" {
  for_each   = aws_s3_bucket.this
  bucket     = each.value.id
  policy     = data.aws_iam_policy_document.tls_only[each.key].json
  depends_on = [aws_s3_bucket_public_access_block.this]
}
