//! What all clients of AWS share: who asks, where, and how long anybody waits.

use std::{fmt, time::Duration};

use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};

/// How long AWS may take. One policy for every client, so that nobody waits for it longer than somewhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until a connection stands.
    pub connect: Duration,
    /// For one try, sending included: 30 s are 8 MiB at 2 Mbit/s.
    pub attempt: Duration,
    /// For all tries together.
    pub operation: Duration,
    /// How often something is tried; AWS and its clients call three times usual.
    pub attempts: u32,
    /// The longest rest between two tries. What is throttled rests longer with each try.
    pub most_rest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            attempt: Duration::from_secs(30),
            operation: Duration::from_secs(75),
            attempts: 3,
            most_rest: Duration::from_secs(5),
        }
    }
}

/// Which AWS, and how it is called. Credentials come from the usual chain alone: environment, profile, web identity,
/// the role of a container or an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// The region; from the usual chain without one.
    pub region: Option<String>,
    /// The address of what stands for AWS, such as another S3.
    pub endpoint_url: Option<String>,
    /// Whether the name of a bucket is a part of the path instead of the host, as other S3s want it.
    pub is_path_style: bool,
    /// How long it may take.
    pub patience: Patience,
}

/// The configuration that all clients share.
#[derive(Clone)]
pub struct Aws {
    pub(crate) config: SdkConfig,
    pub(crate) is_path_style: bool,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws")
            .field("region", &self.config.region())
            .field("endpoint_url", &self.config.endpoint_url())
            .finish_non_exhaustive()
    }
}

impl Aws {
    /// Reads the usual chain.
    pub async fn load(settings: &AwsSettings) -> Self {
        Self::load_with(aws_config::defaults(BehaviorVersion::latest()), settings).await
    }

    /// Goes on with a configuration that was begun elsewhere, such as with credentials of its own.
    pub async fn load_with(begun: ConfigLoader, settings: &AwsSettings) -> Self {
        let patience = settings.patience;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(patience.connect)
            .read_timeout(patience.attempt)
            .operation_attempt_timeout(patience.attempt)
            .operation_timeout(patience.operation)
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(patience.attempts)
            .with_max_backoff(patience.most_rest);
        let mut begun = begun.timeout_config(timeouts).retry_config(retries);
        if let Some(region) = &settings.region {
            begun = begun.region(Region::new(region.clone()));
        }
        if let Some(url) = &settings.endpoint_url {
            begun = begun.endpoint_url(url);
        }
        Self {
            config: begun.load().await,
            is_path_style: settings.is_path_style,
        }
    }

    /// Returns the region, if one is known.
    pub fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }
}
