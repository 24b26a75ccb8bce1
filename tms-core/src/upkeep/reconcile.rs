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
/// A step that fails stops no other, so that what can't be dropped for once does not let everything else grow.
///
/// # Errors
/// What the store answered to the first step that failed; what the others did stays done.
pub async fn tick(
    stores: &Stores,
    keep: &Retention,
    keys: &AuditKeys,
    now: Timestamp,
    fence: Fence,
) -> Result<(), StoreError> {
    let mut steps = Steps::default();
    steps.note("partitions", stores.upkeep.ensure_partitions(now).await);
    let mut history = *keep;
    let rolled = metric::reconcile::tick(&*stores.metrics, keep.metrics_days, now, fence).await;
    if steps.note("metrics", rolled).is_none() {
        // Heartbeats go only once their measurements are rolled up.
        history.metrics_days = keep.metrics_days.max(keep.metrics_hourly_days);
    }
    let dropped = steps.take("history", stores.upkeep.drop_history(&history, now).await);
    let days = |days: u32| Duration::from_secs(u64::from(days) * 86_400);
    let kept_from = Timestamp::from_secs((now.day() - i64::from(keep.audit_days)) * 86_400);
    let entries = audit::reconcile::trim(&*stores.audit, keys, kept_from, now, fence).await;
    let entries = steps.take("audit", entries);
    let events = stores.events.drop_before(now.minus(days(keep.events_days))).await;
    let events = steps.take("events", events);
    drop_of_people(stores, now, &mut steps).await;
    let alerts = drop_alerts(stores, now.minus(days(keep.resolved_alerts_days))).await;
    let alerts = steps.take("alerts", alerts);
    if steps.take("counts", stores.upkeep.recount().await) {
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
    steps.failed.map_or(Ok(()), Err)
}

/// What became of the steps.
#[derive(Debug, Default)]
struct Steps {
    /// What the first of those that failed was answered.
    failed: Option<StoreError>,
}

impl Steps {
    /// Notes how a step ended. Which one failed is logged, because only the first failure is told on, without its step.
    fn note<T>(&mut self, step: &'static str, outcome: Result<T, StoreError>) -> Option<T> {
        match outcome {
            Ok(done) => Some(done),
            Err(error) => {
                tracing::warn!(step, error = %error, "a step of upkeep failed");
                self.failed.get_or_insert(error);
                None
            }
        }
    }

    /// Notes how a step ended and returns what it did, nothing if it failed.
    fn take<T: Default>(&mut self, step: &'static str, outcome: Result<T, StoreError>) -> T {
        self.note(step, outcome).unwrap_or_default()
    }
}

/// Drops what people and agents were given and can't use any more, and what was kept for their requests.
async fn drop_of_people(stores: &Stores, now: Timestamp, steps: &mut Steps) {
    let kept = now.minus(CREDENTIALS_KEPT);
    steps.note("credentials", stores.credentials.drop_before(kept).await);
    steps.note("sessions", stores.sessions.drop_ended(kept).await);
    let tokens = stores.api_tokens.drop_ended(now.minus(API_TOKENS_KEPT)).await;
    steps.note("tokens", tokens);
    steps.note("links", stores.password_links.drop_ended(kept).await);
    let guesses = stores.guesses.drop_old(now.minus(WINDOW), now.minus(DEVICE_LIFE)).await;
    steps.note("guesses", guesses);
    steps.note("limits", stores.limits.drop_full(now).await);
    let answers = by_steps(|| stores.idempotency.drop_forgotten(now, STEP)).await;
    steps.note("answers", answers);
    let old = now.minus(MESSAGES_KEPT);
    steps.note("messages", by_steps(|| stores.notifications.drop_old(old, STEP)).await);
}

async fn drop_alerts(stores: &Stores, before: Timestamp) -> Result<u64, StoreError> {
    by_steps(|| stores.alerts.drop_resolved(before, STEP)).await
}

/// Drops a step at a time until one is not full; returns how many there were.
async fn by_steps<F: Future<Output = Result<u64, StoreError>>>(drop: impl Fn() -> F) -> Result<u64, StoreError> {
    let mut total = 0;
    loop {
        let step = drop().await?;
        total += step;
        if step < u64::from(STEP) {
            return Ok(total);
        }
    }
}

#[cfg(all(test, feature = "testkit"))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        alert::store::MockAlertStore,
        event::store::MockEventStore,
        metric::store::MockMetricStore,
        testkit::{MemoryStore, build::NOW, given},
        upkeep::store::{Dropped, MockUpkeepStore},
    };

    fn away<T>() -> Result<T, StoreError> {
        Err(StoreError::Unavailable("it is away".into()))
    }

    /// What can't be dropped for once stops nothing behind it, and is told.
    #[tokio::test]
    async fn a_step_that_fails_stops_no_other() {
        let mut stores = MemoryStore::new().stores();
        let fence = given::fence(&stores).await;
        let mut events = MockEventStore::new();
        events.expect_drop_before().times(1).returning(|_| away());
        stores.events = Arc::new(events);
        let mut alerts = MockAlertStore::new();
        alerts.expect_drop_resolved().times(1).returning(|_, _| Ok(7));
        stores.alerts = Arc::new(alerts);
        let done = tick(&stores, &Retention::default(), &AuditKeys::public(), NOW, fence).await;
        assert!(matches!(done, Err(StoreError::Unavailable(_))), "{done:?}");
    }

    /// While measurements can't be rolled up, heartbeats are kept as long as the hours would be; the rest goes.
    #[tokio::test]
    async fn heartbeats_stay_until_they_are_rolled_up() {
        let mut stores = MemoryStore::new().stores();
        let fence = given::fence(&stores).await;
        let mut metrics = MockMetricStore::new();
        metrics.expect_next_hour().returning(away);
        stores.metrics = Arc::new(metrics);
        let mut upkeep = MockUpkeepStore::new();
        upkeep.expect_ensure_partitions().returning(|_| Ok(()));
        upkeep.expect_recount().returning(|| Ok(false));
        let keep = Retention::default();
        let is_kept = move |asked: &Retention, _: &Timestamp| {
            asked.metrics_days == keep.metrics_hourly_days && asked.logs_days == keep.logs_days
        };
        let dropped = |_: &Retention, _| Ok(Dropped::default());
        upkeep.expect_drop_history().withf(is_kept).times(1).returning(dropped);
        stores.upkeep = Arc::new(upkeep);
        let done = tick(&stores, &keep, &AuditKeys::public(), NOW, fence).await;
        assert!(matches!(done, Err(StoreError::Unavailable(_))), "{done:?}");
    }
}
