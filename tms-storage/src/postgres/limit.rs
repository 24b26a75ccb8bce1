//! Shared limits, in a table that costs no log and may be lost in a crash.

use std::collections::HashMap;

use async_trait::async_trait;
use tms_core::{
    StoreError,
    limit::store::{LimitStore, LimitUse},
    time::Timestamp,
};

use super::{error::Fault, pool::PgStore};

#[async_trait]
impl LimitStore for PgStore {
    async fn charge(&self, uses: &[LimitUse], now: Timestamp) -> Result<Vec<Timestamp>, StoreError> {
        self.bounded(async {
            // In one order on every node, so that none waits for another in a circle.
            let rows: Vec<(String, i64, i64)> = sqlx::query_as(
                "INSERT INTO shared_limit AS l (kind, key, full_at) SELECT n.kind, n.key, $4 + n.used \
                 FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS n (kind, key, used) ORDER BY n.kind, n.key \
                 ON CONFLICT (kind, key) DO UPDATE SET full_at = greatest(l.full_at, $4) + (excluded.full_at - $4) \
                 RETURNING kind, key, full_at",
            )
            .bind(uses.iter().map(|taken| taken.kind.as_str()).collect::<Vec<_>>())
            .bind(uses.iter().map(|taken| taken.key).collect::<Vec<_>>())
            .bind(uses.iter().map(|taken| taken.used_micros).collect::<Vec<_>>())
            .bind(now.as_micros())
            .fetch_all(self.pool())
            .await?;
            let full: HashMap<_, _> = rows.into_iter().map(|(kind, key, full)| ((kind, key), full)).collect();
            uses.iter()
                .map(|taken| {
                    let full = full.get(&(taken.kind.as_str().to_owned(), taken.key)).copied();
                    full.map(Timestamp::from_micros)
                        .ok_or_else(|| Fault::missing("limit", taken.kind))
                })
                .collect()
        })
        .await
    }

    async fn drop_full(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.bounded(async {
            let gone = sqlx::query("DELETE FROM shared_limit WHERE full_at <= $1")
                .bind(now.as_micros())
                .execute(self.pool())
                .await?;
            Ok(gone.rows_affected())
        })
        .await
    }
}
