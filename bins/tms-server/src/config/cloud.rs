//! What is configured of AWS.

use std::time::Duration;

use super::{location::check_bucket, reader::Reader};

/// What is configured of AWS. Credentials are not: they come from the usual chain.
#[derive(Debug, Clone, Default)]
#[cfg_attr(
    not(feature = "aws"),
    expect(dead_code, reason = "this build has no AWS, and says so to whoever asks for it")
)]
pub struct CloudConfig {
    /// The region, if not that of the usual chain.
    pub region: Option<String>,
    /// The address of what stands for AWS.
    pub endpoint_url: Option<String>,
    /// Whether the name of a bucket is a part of the path.
    pub is_path_style: bool,
    /// The bucket of static files.
    pub bucket: Option<String>,
    /// How often metrics go to CloudWatch, if they do.
    pub metrics_every: Option<Duration>,
    /// What tells these metrics from those of other installations in the same account.
    pub installation: Option<String>,
    /// The log group to which the log goes too.
    pub log_group: Option<String>,
}

/// The usual log group.
const LOG_GROUP: &str = "tms-application";

impl Reader {
    /// Returns what is configured of AWS.
    pub fn cloud(&mut self) -> CloudConfig {
        let every: u64 = self.parse("TMS_CLOUDWATCH_EVERY_S", 60, "a number of seconds");
        if every == 0 || every > 3_600 {
            self.fault("TMS_CLOUDWATCH_EVERY_S: must be 1 to 3600".to_owned());
        }
        let has_metrics = self.switch("TMS_CLOUDWATCH_METRICS", false);
        let config = CloudConfig {
            region: self.text("AWS_REGION"),
            endpoint_url: self.text("AWS_ENDPOINT_URL"),
            is_path_style: self.switch("TMS_S3_PATH_STYLE", false),
            bucket: self.bucket(),
            metrics_every: has_metrics.then(|| Duration::from_secs(every.clamp(1, 3_600))),
            installation: self.installation(),
            log_group: self.log_group(),
        };
        if cfg!(not(feature = "aws")) {
            for (key, is_wanted) in [
                ("TMS_CLOUDWATCH_METRICS", has_metrics),
                ("TMS_CLOUDWATCH_LOGS", config.log_group.is_some()),
                ("S3_BUCKET", config.bucket.is_some()),
            ] {
                if is_wanted {
                    self.fault(format!("{key}: this build has no AWS; build it with `--features aws`"));
                }
            }
        }
        config
    }

    fn bucket(&mut self) -> Option<String> {
        let bucket = self.text("S3_BUCKET")?;
        if let Err(wrong) = check_bucket(&bucket) {
            self.fault(format!("S3_BUCKET: {wrong}"));
        }
        Some(bucket)
    }

    fn installation(&mut self) -> Option<String> {
        let name = self.text("TMS_INSTALLATION")?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if name.len() > 64 || !name.bytes().all(is_plain) {
            self.fault(format!(
                "TMS_INSTALLATION: {name:?} is not 1 to 64 of A-Z, a-z, 0-9, _, - and ."
            ));
        }
        Some(name)
    }

    fn log_group(&mut self) -> Option<String> {
        let text = self.text("TMS_CLOUDWATCH_LOGS")?;
        match text.as_str() {
            "off" => None,
            "on" => Some(LOG_GROUP.to_owned()),
            group => {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-/.#".contains(&byte);
                if group.len() > 512 || !group.bytes().all(is_plain) {
                    self.fault(format!(
                        "TMS_CLOUDWATCH_LOGS: {group:?} is not on, off or the name of a log group"
                    ));
                }
                Some(text)
            }
        }
    }
}
