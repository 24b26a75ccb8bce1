//! Partitions of history, made ahead of time and, where a row came for a day that has none, at once.

use chrono::NaiveDate;
use tms_core::time::Timestamp;

use super::{error::Fault, pool::PgStore};

/// How many days ahead partitions are made.
const DAYS_AHEAD: u64 = 3;

impl PgStore {
    /// Makes the partitions for the days from `first` to `last`.
    pub(super) async fn add_partitions(&self, first: Option<Timestamp>, last: Option<Timestamp>) -> Result<(), Fault> {
        if let (Some(first), Some(last)) = (first, last) {
            ensure(self.pool(), date(first), date(last)).await?;
        }
        Ok(())
    }
}

/// Makes the partitions for the days around `now`.
pub(super) async fn ensure_around(executor: impl sqlx::PgExecutor<'_>, now: Timestamp) -> Result<(), Fault> {
    let today = date(now);
    let first = today.pred_opt().unwrap_or(today);
    let last = today.checked_add_days(chrono::Days::new(DAYS_AHEAD)).unwrap_or(today);
    ensure(executor, first, last).await
}

async fn ensure(executor: impl sqlx::PgExecutor<'_>, first: NaiveDate, last: NaiveDate) -> Result<(), Fault> {
    sqlx::query("SELECT tms_ensure_partitions($1, $2)")
        .bind(first)
        .bind(last)
        .execute(executor)
        .await?;
    Ok(())
}

/// Returns the day of a moment, UTC.
pub(super) fn date(time: Timestamp) -> NaiveDate {
    time.to_chrono().date_naive()
}
