//! Redis beside the store, where several nodes share one.

use tms_core::{Stores, Tms};
use tms_http::Aid;

use crate::config::Config;
#[cfg(feature = "redis")]
use {
    crate::config::{RedisConfig, StoreConfig},
    anyhow::Context,
    std::sync::Arc,
    tms_core::random::SystemRandom,
    tms_storage::redis::{Redis, RedisSettings},
};

/// The link of this node to Redis, if one is configured.
#[derive(Debug, Default, Clone)]
pub struct RedisLink {
    #[cfg(feature = "redis")]
    redis: Option<Arc<Redis>>,
}

#[cfg(feature = "redis")]
fn settings(wanted: &RedisConfig) -> RedisSettings {
    RedisSettings {
        authorities: wanted.authorities.clone(),
        ..RedisSettings::new(wanted.url.expose())
    }
}

/// Tries to use Redis once; `None` when none is set up.
#[cfg(feature = "redis")]
pub async fn reach(config: &Config) -> Option<Result<(), String>> {
    let redis = match Redis::new(&settings(config.redis.as_ref()?)) {
        Ok(redis) => redis,
        Err(error) => {
            let cause = std::error::Error::source(&error)
                .map(ToString::to_string)
                .unwrap_or_default();
            return Some(Err(format!("{error}: {cause}")));
        }
    };
    Some(redis.try_once().await)
}

/// Has none to try.
#[cfg(not(feature = "redis"))]
#[expect(clippy::unused_async, reason = "a build with Redis waits for it")]
pub async fn reach(_config: &Config) -> Option<Result<(), String>> {
    None
}

#[cfg(feature = "redis")]
impl RedisLink {
    /// Opens the store to serve from, with Redis before it if one is configured.
    pub async fn open(config: &Config) -> anyhow::Result<(Stores, Self)> {
        let (Some(wanted), StoreConfig::Postgres { .. }) = (&config.redis, &config.store) else {
            let stores = super::open_stores(config, super::Purpose::Serve).await?;
            return Ok((stores, Self::default()));
        };
        let redis = Redis::new(&settings(wanted)).context("REDIS_URL")?;
        let store = super::postgres_store(config)?;
        let stores = redis.before(&store, &super::secret_keys(config)?, Arc::new(SystemRandom));
        Ok((stores, Self { redis: Some(redis) }))
    }

    /// Returns how readiness shows Redis.
    pub fn aid(&self) -> Option<Aid> {
        let redis = self.redis.clone()?;
        // Anybody may read it, and the log says more.
        let problem = "it can't be reached, or takes no writes".to_owned();
        Some(Aid::new("redis", move || redis.problem().map(|_| problem.clone())))
    }

    /// Puts what happened into the metrics.
    pub fn report(&self) {
        let Some(redis) = &self.redis else { return };
        let counts = redis.counts();
        metrics::gauge!("tms_redis_up").set(if redis.problem().is_none() { 1.0 } else { 0.0 });
        metrics::counter!("tms_redis_losses_total").absolute(counts.losses);
        metrics::counter!("tms_redis_done_without_total").absolute(counts.without);
        metrics::counter!("tms_redis_sessions_total", "found" => "yes").absolute(counts.session_hits);
        metrics::counter!("tms_redis_sessions_total", "found" => "no").absolute(counts.session_misses);
        metrics::counter!("tms_redis_nudges_sent_total").absolute(counts.nudges_sent);
        metrics::counter!("tms_redis_nudges_heard_total").absolute(counts.nudges_heard);
    }

    /// Keeps the connection for as long as the process lives.
    pub fn keep(&self, tms: &Tms) {
        if let Some(redis) = self.redis.clone() {
            let live = tms.live().clone();
            tokio::spawn(async move { redis.run(|| live.nudge()).await });
        }
    }
}

#[cfg(not(feature = "redis"))]
impl RedisLink {
    /// Opens the store to serve from.
    pub async fn open(config: &Config) -> anyhow::Result<(Stores, Self)> {
        Ok((
            super::open_stores(config, super::Purpose::Serve).await?,
            Self::default(),
        ))
    }

    /// Returns how readiness shows Redis: not at all.
    #[expect(clippy::unused_self, reason = "a build with Redis reads it")]
    pub fn aid(&self) -> Option<Aid> {
        None
    }

    /// Has nothing to report.
    #[expect(clippy::unused_self, reason = "a build with Redis reads it")]
    pub fn report(&self) {}

    /// Has nothing to keep.
    #[expect(clippy::unused_self, reason = "a build with Redis reads it")]
    pub fn keep(&self, _tms: &Tms) {}
}
