//! Rolls up the hours that are over, in order, however long nobody did.

use std::time::Duration;

use super::{Hour, MetricStore};
use crate::{error::StoreError, lease::Fence, time::Timestamp};

/// How long after its end an hour is rolled up. By then every heartbeat that was received in it is stored: a batch that
/// takes longer is given up.
pub const GRACE: Duration = Duration::from_secs(120);

/// What was rolled up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RolledUp {
    /// Hours.
    pub hours: u64,
    /// Rows, one for each terminal that was heard in an hour.
    pub rows: u64,
}

/// Rolls up every hour that is over and was not rolled up so far, of those whose heartbeats are kept.
///
/// # Errors
/// What the store answered; [`StoreError::Fenced`] when another node leads. The hours before it stay rolled up.
pub async fn tick(
    store: &dyn MetricStore,
    metrics_days: u32,
    now: Timestamp,
    fence: Fence,
) -> Result<RolledUp, StoreError> {
    // Retention keeps the days before today, so many of them, as a whole.
    let kept_from = Timestamp::from_secs((now.day() - i64::from(metrics_days)) * 86_400);
    let first = Hour::of(kept_from);
    let mut hour = store.next_hour().await?.map_or(first, |next| next.max(first));
    let mut done = RolledUp::default();
    while hour.end().plus(GRACE) <= now {
        done.rows += store.roll_up(hour, fence).await?;
        done.hours += 1;
        hour = hour.next();
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::metric::store::MockMetricStore;

    async fn rolled(next: Option<&str>, now: &str) -> Vec<String> {
        let hours = Arc::new(Mutex::new(Vec::new()));
        let mut store = MockMetricStore::new();
        let next = next.map(|next| Hour::of(next.parse().unwrap()));
        store.expect_next_hour().returning(move || Ok(next));
        let noted = Arc::clone(&hours);
        store.expect_roll_up().returning(move |hour, _| {
            noted.lock().unwrap().push(hour.begin().to_string());
            Ok(1)
        });
        let fence = Fence { lease: "led", token: 1 };
        let done = tick(&store, 1, now.parse().unwrap(), fence).await.unwrap();
        let hours = hours.lock().unwrap().clone();
        assert_eq!(done.hours, u64::try_from(hours.len()).unwrap());
        hours
    }

    #[tokio::test]
    async fn hours_are_rolled_up_in_order_when_they_are_over() {
        let next = Some("2026-01-24T08:00:00Z");
        assert_eq!(
            rolled(next, "2026-01-24T10:02:00Z").await,
            ["2026-01-24T08:00:00Z", "2026-01-24T09:00:00Z"]
        );
        assert_eq!(rolled(next, "2026-01-24T09:01:59Z").await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn what_was_missed_is_made_up_for_as_far_as_heartbeats_go_back() {
        let hours = rolled(Some("2025-06-01T00:00:00Z"), "2026-01-24T02:30:00Z").await;
        assert_eq!((hours.len(), hours[0].as_str()), (26, "2026-01-23T00:00:00Z"));
        assert_eq!(rolled(None, "2026-01-24T02:30:00Z").await, hours);
    }
}
