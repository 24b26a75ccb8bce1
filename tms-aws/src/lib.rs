//! TMS on AWS: blobs and static files in S3, metrics and logs in CloudWatch, messages by SNS, secrets from Secrets
//! Manager. Nothing else of TMS needs it to compile, and nothing of TMS waits for it.

#![warn(missing_docs)]
