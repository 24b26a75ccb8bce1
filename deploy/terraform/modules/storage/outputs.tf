output "buckets" {
  description = "Names by purpose: static, firmware, backups, logs"
  value = merge(
    { for name, bucket in aws_s3_bucket.this : name => bucket.bucket },
    # After the policy, so that the balancer may write from its first moment.
    { logs = aws_s3_bucket_policy.logs.bucket },
  )
}

output "arns" {
  description = "ARNs by purpose: static, firmware, backups"
  value       = { for name, bucket in aws_s3_bucket.this : name => bucket.arn }
}
