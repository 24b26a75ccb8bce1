//! What is configured of AWS, and where backups are.

use std::{path::PathBuf, time::Duration};

use tms_core::blob::BlobPrefix;

use super::reader::Reader;

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
    /// How often metrics go to CloudWatch, if they do.
    pub metrics_every: Option<Duration>,
    /// The log group to which the log goes too.
    pub log_group: Option<String>,
}

/// Where backups are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupPlace {
    /// In a folder.
    Folder(PathBuf),
    /// In a bucket, below a prefix.
    S3 {
        /// The bucket.
        bucket: String,
        /// What keys begin with.
        prefix: BlobPrefix,
    },
}

/// The usual log group.
const LOG_GROUP: &str = "tms-application";
const SCHEME: &str = "s3://";

impl BackupPlace {
    /// Reads a folder or `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return Ok(Self::Folder(PathBuf::from(text)));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(is_plain) {
            return Err(format!("{bucket:?} is not the name of a bucket"));
        }
        let prefix = BlobPrefix::new(prefix).map_err(|_| format!("{prefix:?} can't be what keys begin with"))?;
        if cfg!(not(feature = "aws")) {
            return Err("this build has no AWS; build it with `--features aws`".to_owned());
        }
        Ok(Self::S3 {
            bucket: bucket.to_owned(),
            prefix,
        })
    }
}

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
            metrics_every: has_metrics.then(|| Duration::from_secs(every.clamp(1, 3_600))),
            log_group: self.log_group(),
        };
        if cfg!(not(feature = "aws")) {
            for (key, is_wanted) in [
                ("TMS_CLOUDWATCH_METRICS", has_metrics),
                ("TMS_CLOUDWATCH_LOGS", config.log_group.is_some()),
            ] {
                if is_wanted {
                    self.fault(format!("{key}: this build has no AWS; build it with `--features aws`"));
                }
            }
        }
        config
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_folders_or_buckets() {
        let folder = BackupPlace::parse("/var/backups/tms").unwrap();
        assert_eq!(folder, BackupPlace::Folder("/var/backups/tms".into()));
        for wrong in [
            "s3://",
            "s3://UPPER",
            "s3://ab",
            "s3://bucket/../x",
            "s3://bucket//x",
            "s3://user@bucket/x",
        ] {
            assert!(BackupPlace::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[cfg(feature = "aws")]
    #[test]
    fn a_bucket_has_a_name_and_a_prefix() {
        for (text, under) in [
            ("s3://tms-backups", ""),
            ("s3://tms-backups/", ""),
            ("s3://tms-backups/a/b/", "a/b/"),
        ] {
            let place = BackupPlace::parse(text).unwrap();
            let prefix = BlobPrefix::new(under).unwrap();
            let bucket = "tms-backups".to_owned();
            assert_eq!(place, BackupPlace::S3 { bucket, prefix }, "{text}");
        }
    }
}
