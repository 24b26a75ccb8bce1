//! TMS on AWS: blobs and static files in S3, metrics and logs in CloudWatch, messages by SNS, secrets from Secrets
//! Manager. Nothing else of TMS needs it to compile, and nothing of TMS waits for it.

#![warn(missing_docs)]

pub mod client;
pub mod cloudwatch_logs;
pub mod cloudwatch_metrics;
pub mod error;
pub mod s3;
pub mod secrets;
pub mod sns;
pub mod static_files;

pub use client::{Aws, AwsSettings, Patience};
pub use error::{AwsFault, FaultKind};
pub use s3::S3Blobs;
pub use sns::SnsNotifier;
