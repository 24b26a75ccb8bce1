//! What AWS does for the server: one door, which in a build without AWS leads nowhere. A configuration that asks such a
//! build for more was refused already.

#[cfg(feature = "aws")]
mod logs;
#[cfg(feature = "aws")]
mod metrics;
#[cfg(feature = "aws")]
mod statics;

use std::sync::Arc;

use tms_backup::Depot;
use tms_core::{Tms, notification::Notifier};
use tokio::sync::watch;

use crate::config::Config;

#[cfg(feature = "aws")]
pub use logs::{Shipping, add_logs};
#[cfg(feature = "aws")]
pub use statics::collect_statics;
#[cfg(feature = "aws")]
pub use with_aws::*;
#[cfg(not(feature = "aws"))]
pub use without_aws::*;

#[cfg(feature = "aws")]
mod with_aws {
    use async_trait::async_trait;
    use tms_aws::{Aws, AwsSettings, S3Blobs, SnsNotifier};
    use tms_backup::Bucket;
    use tms_core::{
        blob::BlobPrefix,
        notification::{Destination, Letter, SendError, Target},
        text::InvalidText,
    };

    use super::{Arc, Config, Depot, Notifier, Tms, metrics, watch};

    pub(super) fn settings(config: &Config) -> AwsSettings {
        AwsSettings {
            region: config.cloud.region.clone(),
            endpoint_url: config.cloud.endpoint_url.clone(),
            is_path_style: config.cloud.is_path_style,
            ..AwsSettings::default()
        }
    }

    /// Prepares clients of AWS.
    pub(super) async fn aws(config: &Config) -> anyhow::Result<Aws> {
        let aws = Aws::load(&settings(config)).await;
        anyhow::ensure!(
            aws.region().is_some(),
            "AWS_REGION is not set, and nothing else names a region"
        );
        Ok(aws)
    }

    /// Returns a place of backups in a bucket.
    pub async fn depot(config: &Config, bucket: &str, prefix: &BlobPrefix) -> anyhow::Result<Depot> {
        let aws = aws(config).await?;
        let blobs = S3Blobs::new(&aws, bucket, prefix.clone());
        let address = format!("s3://{bucket}/{}", prefix.as_str());
        Ok(Depot::Bucket(Bucket::new(
            Arc::new(blobs),
            address,
            &config.backup.desk,
        )))
    }

    /// Sends what SNS sends by SNS, and everything else as before.
    pub fn notifier(config: &Config, others: impl Notifier) -> Arc<dyn Notifier> {
        Arc::new(Notifiers {
            sns: SnsNotifier::new(settings(config)),
            others,
        })
    }

    /// Publishes metrics until the server ends, if it is told to.
    pub async fn publish_metrics(config: Config, tms: Tms, ends: watch::Receiver<bool>) {
        if let Some(every) = config.cloud.metrics_every {
            metrics::run(&config, &tms, every, ends).await;
        }
    }

    /// Says whether a backup was made. What can't be said is told to people: the alarm for backups that are missing
    /// will find it.
    pub async fn report_backup(config: &Config, is_good: bool) {
        if config.cloud.metrics_every.is_some() {
            metrics::report_backup(config, is_good).await;
        }
    }

    #[derive(Debug)]
    struct Notifiers<O> {
        sns: SnsNotifier,
        others: O,
    }

    #[async_trait]
    impl<O: Notifier> Notifier for Notifiers<O> {
        fn check(&self, target: &Target) -> Result<(), InvalidText> {
            match target {
                Target::Sns { .. } => self.sns.check(target),
                _ => self.others.check(target),
            }
        }

        async fn send(&self, to: &Destination, letter: &Letter) -> Result<(), SendError> {
            match to {
                Destination::Sns { .. } => self.sns.send(to, letter).await,
                _ => self.others.send(to, letter).await,
            }
        }
    }
}

#[cfg(not(feature = "aws"))]
#[expect(
    clippy::unused_async,
    clippy::unnecessary_wraps,
    reason = "with AWS there is something to wait for, and something that fails"
)]
mod without_aws {
    use tms_core::blob::BlobPrefix;

    use super::{Arc, Config, Depot, Notifier, Tms, watch};
    use crate::telemetry::Logs;

    const NONE: &str = "this build has no AWS; build it with `--features aws`";

    /// Nothing that is sent.
    #[derive(Debug)]
    pub struct Shipping;

    impl Shipping {
        /// Does nothing.
        pub async fn end(self) {}
    }

    /// Adds nothing.
    pub fn add_logs(_config: &Config, _logs: &mut Logs) -> anyhow::Result<Option<Shipping>> {
        Ok(None)
    }

    /// Refuses.
    pub async fn depot(_config: &Config, _bucket: &str, _prefix: &BlobPrefix) -> anyhow::Result<Depot> {
        anyhow::bail!(NONE)
    }

    /// Refuses.
    pub async fn collect_statics(
        _config: &Config,
        _bucket: &str,
        _prefix: &BlobPrefix,
        _list: (&str, &str),
    ) -> anyhow::Result<Vec<String>> {
        anyhow::bail!(NONE)
    }

    /// Leaves the notifier as it is.
    pub fn notifier(_config: &Config, others: impl Notifier) -> Arc<dyn Notifier> {
        Arc::new(others)
    }

    /// Does nothing.
    pub async fn publish_metrics(_config: Config, _tms: Tms, _ends: watch::Receiver<bool>) {}

    /// Does nothing.
    pub async fn report_backup(_config: &Config, _is_good: bool) {}
}
