//! Adds the status of the whole fleet up by the quarter of an hour when an hour is over, so that reports of all terminals
//! need not read every change again. All zones' days begin on a quarter of an hour.

use std::time::Duration;

use super::{
    store::{ReportStore, Whose},
    tally::{Cuts, Times, spread},
};
use crate::{
    error::StoreError,
    lease::Fence,
    metric::{Hour, reconcile::GRACE},
    presence::PresenceStore,
    time::Timestamp,
};

/// The length of a piece.
pub const QUARTER: Duration = Duration::from_secs(900);
/// Hours that are added up at a time.
const AT_ONCE: usize = 24;

/// Tells whether `at` lies between two quarters.
pub const fn is_on_quarter(at: Timestamp) -> bool {
    at.as_micros() % 900_000_000 == 0
}

/// Adds up every hour that is over and was not added up so far, of those whose changes are kept; returns how many.
///
/// # Errors
/// What the store answered; [`StoreError::Fenced`] when another node leads. The hours before it stay added up.
pub async fn tick(
    reports: &dyn ReportStore,
    presence: &dyn PresenceStore,
    kept_days: u32,
    now: Timestamp,
    fence: Fence,
) -> Result<u64, StoreError> {
    let kept_from = Timestamp::from_secs((now.day() - i64::from(kept_days)) * 86_400);
    let first = Hour::of(kept_from);
    let mut hour = reports.next_hour().await?.map_or(first, |next| next.max(first));
    let is_over = |hour: Hour| hour.end().plus(GRACE) <= now;
    if !is_over(hour) {
        return Ok(0);
    }
    // An outage of ours that has just ended must be known before its time is added up.
    presence.stamp_alive(now).await?;
    let outages = presence.outages(hour.begin()).await?;
    let mut done = 0;
    while is_over(hour) {
        let begin = hour.begin();
        for _ in 0..AT_ONCE {
            if is_over(hour) {
                hour = hour.next();
                done += 1;
            }
        }
        let quarters = std::iter::successors(Some(begin), |at| Some(at.plus(QUARTER)));
        let quarters: Vec<_> = quarters.take_while(|at| *at <= hour.begin()).collect();
        let inside = |at: &Timestamp| begin < *at && *at < hour.begin();
        let ends = outages
            .iter()
            .flat_map(|outage| [outage.from, outage.to])
            .filter(inside);
        let Some(cuts) = Cuts::new(quarters.iter().copied().chain(ends).collect()) else {
            break;
        };
        let spans = reports.status_time(Whose::Everybody, &cuts).await?;
        let is_outage = |at: Timestamp| outages.iter().any(|outage| outage.from <= at && at < outage.to);
        let pieces = spread(&cuts, &spans, is_outage);
        let mut rows: Vec<(Timestamp, Times)> = Vec::new();
        for (at, times) in cuts.as_slice().iter().zip(&pieces) {
            match rows.last_mut() {
                Some((_, row)) if !is_on_quarter(*at) => row.add_all(times),
                _ => rows.push((*at, *times)),
            }
        }
        rows.retain(|(_, times)| *times != Times::default());
        reports.save_quarters(&rows, hour, fence).await?;
    }
    Ok(done)
}
