//! Leadership.

use std::time::Duration;

use async_trait::async_trait;
use tms_core::{
    StoreError,
    lease::{Fence, LeaseStore},
    time::Timestamp,
};

use super::{SqliteStore, error::OrFault};

#[async_trait]
impl LeaseStore for SqliteStore {
    async fn acquire(
        &self,
        lease: &'static str,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Fence>, StoreError> {
        let mut work = self.begin(None).await?;
        let token: Option<i64> = sqlx::query_scalar(
            "INSERT INTO lease (name, holder, token, expires_at) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT (name) DO UPDATE SET holder = ?2, expires_at = ?3,
                 token = CASE WHEN holder = ?2 THEN token ELSE token + 1 END
             WHERE holder = ?2 OR expires_at <= ?4 RETURNING token",
        )
        .bind(lease)
        .bind(holder)
        .bind(now.plus(ttl).as_micros())
        .bind(now.as_micros())
        .fetch_optional(work.conn())
        .await
        .or_fault("lease", lease)?;
        work.commit().await?;
        Ok(token.map(|token| Fence { lease, token }))
    }

    async fn release(&self, fence: Fence) -> Result<(), StoreError> {
        let mut work = self.begin(None).await?;
        // Nobody is called by the empty name, so whoever comes next gets a new token.
        sqlx::query("UPDATE lease SET holder = '', expires_at = 0 WHERE name = ? AND token = ?")
            .bind(fence.lease)
            .bind(fence.token)
            .execute(work.conn())
            .await
            .or_fault("lease", fence.lease)?;
        work.commit().await
    }
}
