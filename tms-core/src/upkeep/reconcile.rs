//! Partition upkeep, retention and the small cleaning jobs, a step at a time.

use std::time::Duration;

use crate::{
    audit::{self, AuditKeys},
    error::StoreError,
    lease::Fence,
    metric,
    operator::guess::{DEVICE_LIFE, WINDOW},
    settings::Retention,
    stores::Stores,
    time::Timestamp,
};

/// How long entries of the revocation feed and ended sessions are kept.
const CREDENTIALS_KEPT: Duration = Duration::from_secs(86_400);
/// How long an API token that has run out is still shown to its owner.
const API_TOKENS_KEPT: Duration = Duration::from_secs(30 * 86_400);
/// How long messages of the outbox are kept.
const MESSAGES_KEPT: Duration = Duration::from_secs(7 * 86_400);
const STEP: u32 = 5_000;

/// Makes what will be needed and drops what is no longer kept. Runs hourly; twice or on two nodes does no harm.
///
/// # Errors
/// What the store answered; what was done until then stays done.
pub async fn tick(
    stores: &Stores,
    keep: &Retention,
    keys: &AuditKeys,
    now: Timestamp,
    fence: Fence,
) -> Result<(), StoreError> {
    stores.upkeep.ensure_partitions(now).await?;
    // Heartbeats go only once their measurements are rolled up.
    metric::reconcile::tick(&*stores.metrics, keep.metrics_days, now, fence).await?;
    let dropped = stores.upkeep.drop_history(keep, now).await?;
    let days = |days: u32| Duration::from_secs(u64::from(days) * 86_400);
    let kept_from = Timestamp::from_secs((now.day() - i64::from(keep.audit_days)) * 86_400);
    let entries = audit::reconcile::trim(&*stores.audit, keys, kept_from, now, fence).await?;
    let events = stores.events.drop_before(now.minus(days(keep.events_days))).await?;
    stores.credentials.drop_before(now.minus(CREDENTIALS_KEPT)).await?;
    drop_of_people(stores, now).await?;
    stores.limits.drop_full(now).await?;
    while stores.idempotency.drop_forgotten(now, STEP).await? == u64::from(STEP) {}
    let old = now.minus(MESSAGES_KEPT);
    while stores.notifications.drop_old(old, STEP).await? == u64::from(STEP) {}
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
        dropped.audit = entries,
        dropped.events = events,
        dropped.alerts = alerts,
        "upkeep done"
    );
    Ok(())
}

/// Drops what people were given and can't use any more.
async fn drop_of_people(stores: &Stores, now: Timestamp) -> Result<(), StoreError> {
    let kept = now.minus(CREDENTIALS_KEPT);
    stores.sessions.drop_ended(kept).await?;
    stores.api_tokens.drop_ended(now.minus(API_TOKENS_KEPT)).await?;
    stores.password_links.drop_ended(kept).await?;
    stores
        .guesses
        .drop_old(now.minus(WINDOW), now.minus(DEVICE_LIFE))
        .await?;
    Ok(())
}
