//! Leadership.

use std::time::Duration;

use async_trait::async_trait;
use tms_core::{
    StoreError,
    lease::{Fence, LeaseStore},
    time::Timestamp,
};

use super::{pool::PgStore, time::At};

#[async_trait]
impl LeaseStore for PgStore {
    async fn acquire(
        &self,
        lease: &'static str,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Fence>, StoreError> {
        self.bounded(async {
            // A lease that was given back has no holder, so that whoever takes it counts as a new leader.
            let token: Option<i64> = sqlx::query_scalar(
                "INSERT INTO lease AS l (name, holder, token, expires_at) VALUES ($1, $2, 1, $4) \
                 ON CONFLICT (name) DO UPDATE SET holder = $2, expires_at = $4, \
                 token = l.token + CASE WHEN l.holder = $2 THEN 0 ELSE 1 END \
                 WHERE l.holder = $2 OR l.holder = '' OR l.expires_at <= $3 RETURNING l.token",
            )
            .bind(lease)
            .bind(holder)
            .bind(At::from(now))
            .bind(At::from(now.plus(ttl)))
            .fetch_optional(self.pool())
            .await?;
            Ok(token.map(|token| Fence { lease, token }))
        })
        .await
    }

    async fn release(&self, fence: Fence) -> Result<(), StoreError> {
        self.bounded(async {
            sqlx::query("UPDATE lease SET holder = '' WHERE name = $1 AND token = $2")
                .bind(fence.lease)
                .bind(fence.token)
                .execute(self.pool())
                .await?;
            Ok(())
        })
        .await
    }
}
