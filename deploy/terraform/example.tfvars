# Copy to production.tfvars and change. No secret belongs here.
region            = "ap-northeast-1"
environment       = "production"
compute           = "ec2"
release           = "0.1.0"
domain_name       = "tms.example.com"
zone_id           = "Z0123456789ABCDEFGHIJ"
bucket_prefix     = "example-tms"
alarm_mail        = ["operations@example.com"]
github_repository = "example/tms"

database = {
  version        = "15"
  instance_class = "db.t3.medium"
  storage_gb     = 100
  max_storage_gb = 500
}

# The public half of `age-keygen`; keep the other half, which restores, away from AWS and twice.
backup = { public_key = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg" }

scale = { min = 2, max = 10 }
