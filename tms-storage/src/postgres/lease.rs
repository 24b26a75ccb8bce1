//! Leadership. Whoever writes under a fence holds the row against a change of leader until its end; the renewal by the
//! present one waits for nobody.

use std::time::Duration;

use async_trait::async_trait;
use tms_core::{
    StoreError,
    lease::{Fence, LeaseStore},
    time::Timestamp,
};

use super::{error::Fault, pool::PgStore, time::At};

/// Who reaches for a lease, and from when to when.
struct Reach<'a> {
    lease: &'static str,
    holder: &'a str,
    now: At,
    until: At,
}

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
            let reach = Reach {
                lease,
                holder,
                now: now.into(),
                until: now.plus(ttl).into(),
            };
            let token = match self.renew(&reach).await? {
                Some(token) => Some(token),
                None => match self.take_over(&reach).await {
                    // The former leader still writes: the next try comes soon.
                    Err(fault) if fault.is_lock_timeout() => None,
                    outcome => outcome?,
                },
            };
            Ok(token.map(|token| Fence { lease, token }))
        })
        .await
    }

    async fn release(&self, fence: Fence) -> Result<(), StoreError> {
        self.bounded(async {
            sqlx::query("UPDATE lease SET holder = '' WHERE name = $1 AND token = $2")
                .bind(fence.lease)
                .bind(fence.token)
                .execute(self.duty())
                .await?;
            Ok(())
        })
        .await
    }
}

impl PgStore {
    /// Extends the lease of who has it. Changes no key, so that it passes by those who write under the fence.
    async fn renew(&self, reach: &Reach<'_>) -> Result<Option<i64>, Fault> {
        let token =
            sqlx::query_scalar("UPDATE lease SET expires_at = $3 WHERE name = $1 AND holder = $2 RETURNING token")
                .bind(reach.lease)
                .bind(reach.holder)
                .bind(reach.until)
                .fetch_optional(self.duty())
                .await?;
        Ok(token)
    }

    /// Takes a lease that is new, was given back or ran out. The lock waits for everybody who writes under the old fence,
    /// and whoever comes with it later finds the new token. A lease that was given back has no holder, so that whoever
    /// takes it counts as a new leader.
    async fn take_over(&self, reach: &Reach<'_>) -> Result<Option<i64>, Fault> {
        let mut tx = self.duty().begin().await?;
        let is_free = sqlx::query("SELECT FROM lease WHERE name = $1 AND (holder = '' OR expires_at <= $2) FOR UPDATE")
            .bind(reach.lease)
            .bind(reach.now)
            .fetch_optional(&mut *tx)
            .await?
            .is_some();
        let statement = if is_free {
            "UPDATE lease SET holder = $2, expires_at = $3, token = token + 1 WHERE name = $1 RETURNING token"
        } else {
            "INSERT INTO lease (name, holder, token, expires_at) VALUES ($1, $2, 1, $3) \
             ON CONFLICT DO NOTHING RETURNING token"
        };
        let token = sqlx::query_scalar(statement)
            .bind(reach.lease)
            .bind(reach.holder)
            .bind(reach.until)
            .fetch_optional(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(token)
    }
}
