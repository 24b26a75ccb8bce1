//! Partition upkeep, retention and the small cleaning jobs, a step at a time.

use std::time::Duration;

use crate::{error::StoreError, settings::Retention, stores::Stores, time::Timestamp};

/// How long entries of the revocation feed and ended sessions are kept.
const CREDENTIALS_KEPT: Duration = Duration::from_secs(86_400);
const STEP: u32 = 5_000;

/// Makes what will be needed and drops what is no longer kept. Runs hourly; twice or on two nodes does no harm.
///
/// # Errors
/// What the store answered; what was done until then stays done.
pub async fn tick(stores: &Stores, keep: &Retention, now: Timestamp) -> Result<(), StoreError> {
    stores.upkeep.ensure_partitions(now).await?;
    let dropped = stores.upkeep.drop_history(keep, now).await?;
    let days = |days: u32| Duration::from_secs(u64::from(days) * 86_400);
    let events = stores.events.drop_before(now.minus(days(keep.events_days))).await?;
    stores.credentials.drop_before(now.minus(CREDENTIALS_KEPT)).await?;
    stores.operators.drop_sessions(now.minus(CREDENTIALS_KEPT)).await?;
    let before = now.minus(days(keep.resolved_alerts_days));
    let mut alerts = 0;
    loop {
        let step = stores.alerts.drop_resolved(before, STEP).await?;
        alerts += step;
        if step < u64::from(STEP) {
            break;
        }
    }
    if stores.upkeep.recount().await? {
        tracing::warn!("the counts of terminals by status were wrong and have been mended");
    }
    tracing::info!(
        dropped.partitions = dropped.partitions,
        dropped.rows = dropped.rows,
        dropped.events = events,
        dropped.alerts = alerts,
        "upkeep done"
    );
    Ok(())
}
