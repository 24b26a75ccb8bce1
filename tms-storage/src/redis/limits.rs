//! Shared limits in one sorted set: a member is a bucket, its score the microsecond at which it is full again.

use std::sync::Arc;

use async_trait::async_trait;
use redis::{AsyncCommands, Script, aio::MultiplexedConnection};
use tms_core::{
    StoreError,
    limit::store::{LimitStore, LimitUse},
    time::Timestamp,
};

use super::Redis;

/// Buckets that are full are forgotten on the way. Times of this century are exact in the numbers of Lua and of scores.
const CHARGE: &str = "\
local now = tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local full = {}
for i = 2, #ARGV, 2 do
    local stored = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or now)
    local at = string.format('%.0f', math.max(stored, now) + tonumber(ARGV[i + 1]))
    redis.call('ZADD', KEYS[1], at, ARGV[i])
    full[#full + 1] = at
end
redis.call('EXPIRE', KEYS[1], 86400)
return full";
/// How many buckets a script looks at; nobody else is served meanwhile.
const AT_A_TIME: usize = 1_000;

/// Limits in Redis, and in `inner` while Redis is away.
///
/// Nodes remember what they learned, so a change from one to the other forgets at most what other nodes let pass in the
/// minute before.
#[derive(Debug)]
pub(super) struct RedisLimits {
    redis: Arc<Redis>,
    inner: Arc<dyn LimitStore>,
    key: String,
    charge: Script,
}

impl RedisLimits {
    pub(super) fn new(redis: Arc<Redis>, inner: Arc<dyn LimitStore>) -> Self {
        Self {
            key: format!("{}limits", redis.prefix),
            redis,
            inner,
            charge: Script::new(CHARGE),
        }
    }

    /// Takes from buckets; `None` when Redis is away.
    async fn charge_here(&self, uses: &[LimitUse], now: Timestamp) -> Option<Vec<Timestamp>> {
        let mut full = Vec::with_capacity(uses.len());
        for part in uses.chunks(AT_A_TIME) {
            let mut call = self.charge.key(&self.key);
            call.arg(now.as_micros());
            for taken in part {
                call.arg(format!("{}:{}", taken.kind, taken.key)).arg(taken.used_micros);
            }
            let answer: Vec<i64> = self
                .redis
                .ask(async |mut connection: MultiplexedConnection| call.invoke_async(&mut connection).await)
                .await?;
            full.extend(answer.into_iter().map(Timestamp::from_micros));
        }
        (full.len() == uses.len()).then_some(full)
    }
}

#[async_trait]
impl LimitStore for RedisLimits {
    async fn charge(&self, uses: &[LimitUse], now: Timestamp) -> Result<Vec<Timestamp>, StoreError> {
        match self.charge_here(uses, now).await {
            Some(full) => Ok(full),
            None => self.inner.charge(uses, now).await,
        }
    }

    async fn drop_full(&self, now: Timestamp) -> Result<u64, StoreError> {
        let dropped: Option<u64> = self
            .redis
            .ask(async |mut connection: MultiplexedConnection| {
                connection.zrembyscore(&self.key, "-inf", now.as_micros()).await
            })
            .await;
        // The database has those of the times when Redis was away.
        Ok(dropped.unwrap_or(0) + self.inner.drop_full(now).await?)
    }
}
