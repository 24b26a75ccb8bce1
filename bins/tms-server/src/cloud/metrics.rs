//! The figures of this server and of the fleet, for CloudWatch. Counting and sending don't wait for each other, and
//! nothing waits for them.

use std::time::Duration;

use tms_aws::{
    Aws,
    cloudwatch_metrics::{Figure, MetricPublisher, MetricQueue, Seen, Unit},
};
use tms_core::{
    Tms,
    heartbeat::ingest::IngestCounts,
    lease::Fence,
    summary::Summary,
    time::{Clock, SystemClock, Timestamp},
};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};

use super::settings;
use crate::{config::Config, output::complain};

/// Whoever holds this lease counts the fleet: several counts of one minute would be added up.
const FLEET: &str = "cloudwatch";
/// How long the database may take to count, and the end of the server may wait for the last figures.
const COUNTING: Duration = Duration::from_secs(10);
const FAREWELL: Duration = Duration::from_secs(3);

/// Publishes until `ends`.
pub(super) async fn run(config: &Config, tms: &Tms, every: Duration, ends: watch::Receiver<bool>) {
    let aws = Aws::load(&settings(config)).await;
    let queue = MetricQueue::default();
    let publisher = MetricPublisher::new(&aws, queue.clone()).of_installation(config.cloud.installation.clone());
    let counter = FleetCounter {
        tms,
        node: &config.node,
        every,
    };
    let ended = |mut ends: watch::Receiver<bool>| async move {
        let _ = ends.wait_for(|ends| *ends).await;
    };
    tokio::join!(
        count(&counter, &queue, ended(ends.clone())),
        send(&publisher, &queue, every, ended(ends.clone())),
    );
    let _ = tokio::time::timeout(FAREWELL, publisher.flush()).await;
}

/// Says whether a backup was made.
pub(super) async fn report_backup(config: &Config, is_good: bool) {
    let aws = Aws::load(&settings(config)).await;
    let queue = MetricQueue::default();
    let value = if is_good { 1.0 } else { 0.0 };
    queue.push([Figure::count("BackupSuccess", SystemClock.now(), value)]);
    let publisher = MetricPublisher::new(&aws, queue).of_installation(config.cloud.installation.clone());
    if let Err(fault) = publisher.flush().await {
        complain(format_args!("the metric BackupSuccess could not be published: {fault}"));
    }
}

async fn send(publisher: &MetricPublisher, queue: &MetricQueue, every: Duration, end: impl Future<Output = ()>) {
    let sending = async {
        let mut timer = tokio::time::interval(every);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            timer.tick().await;
            let sent = publisher.flush().await;
            metrics::counter!("tms_cloudwatch_metrics_dropped_total").absolute(queue.dropped());
            match &sent {
                Ok(_) if is_failing => tracing::info!("metrics reach CloudWatch again"),
                Err(fault) if !is_failing => {
                    tracing::warn!(error = %fault, waiting = queue.len(), "metrics wait for CloudWatch");
                }
                _ => {}
            }
            is_failing = sent.is_err();
        }
    };
    tokio::select! {
        () = sending => {}
        () = end => {}
    }
}

struct FleetCounter<'a> {
    tms: &'a Tms,
    node: &'a str,
    every: Duration,
}

async fn count(counter: &FleetCounter<'_>, queue: &MetricQueue, end: impl Future<Output = ()>) {
    let mut held = None;
    let counting = async {
        let mut timer = tokio::time::interval(counter.every);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        timer.tick().await;
        let (mut before, mut since) = (counter.tms.heartbeats().counts(), Instant::now());
        loop {
            timer.tick().await;
            let (counts, now) = (counter.tms.heartbeats().counts(), Instant::now());
            queue.push(own(&before, &counts, now - since, counter.tms.now(), queue.dropped()));
            (before, since) = (counts, now);
            match tokio::time::timeout(COUNTING, counter.fleet(&mut held)).await {
                Ok(Ok(figures)) => queue.push(figures),
                Ok(Err(error)) => tracing::warn!(error = %error, "the fleet could not be counted for CloudWatch"),
                Err(_) => tracing::warn!("counting the fleet for CloudWatch took too long"),
            }
        }
    };
    tokio::select! {
        () = counting => {}
        () = end => {}
    }
    if let Some(fence) = held {
        let release = counter.tms.stores().leases.release(fence);
        let _ = tokio::time::timeout(FAREWELL, release).await;
    }
}

impl FleetCounter<'_> {
    /// Counts the fleet, unless another node does.
    async fn fleet(&self, held: &mut Option<Fence>) -> Result<Vec<Figure>, tms_core::Error> {
        let (stores, now) = (self.tms.stores(), self.tms.now());
        // Longer than a round: the same node goes on as long as it lives.
        let ttl = self.every * 5 / 2;
        *held = stores.leases.acquire(FLEET, self.node, now, ttl).await?;
        if held.is_none() {
            return Ok(Vec::new());
        }
        let summary = self.tms.summaries().get(&self.tms.system_ctx()).await?;
        Ok(fleet(&summary, now))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a figure of a metric need not be exact beyond 2^53"
)]
const fn float(count: u64) -> f64 {
    count as f64
}

/// What this server has done since the last round. Without a dimension of the server: CloudWatch adds up what all of them say.
fn own(
    before: &IngestCounts,
    counts: &IngestCounts,
    passed: Duration,
    at: Timestamp,
    dropped: u64,
) -> impl Iterator<Item = Figure> {
    let stored = counts.stored.saturating_sub(before.stored);
    let rate = Figure {
        unit: Unit::PerSecond,
        ..Figure::count("HeartbeatRate", at, float(stored) / passed.as_secs_f64().max(0.001))
    };
    let seen = counts.latency.since(&before.latency);
    let classes: Vec<(f64, f64)> = seen.seen().map(|(ms, count)| (float(ms), float(count))).collect();
    let latency = (!classes.is_empty()).then(|| Figure {
        unit: Unit::Milliseconds,
        seen: Seen::Many(classes),
        ..Figure::count("IngestLatency", at, 0.0)
    });
    let refused = counts.refused.saturating_sub(before.refused) + counts.failed.saturating_sub(before.failed);
    let refused = Figure::count("HeartbeatsRefused", at, float(refused));
    let dropped = Figure::count("MetricsDropped", at, float(dropped));
    [Some(rate), latency, Some(refused), Some(dropped)]
        .into_iter()
        .flatten()
}

/// What the fleet is like.
fn fleet(summary: &Summary, at: Timestamp) -> Vec<Figure> {
    let unresolved = summary.alerts.iter().map(|(_, count)| count).sum();
    let mut figures = vec![
        Figure::count("ActiveTerminals", at, float(summary.terminals.online)),
        Figure::count("UnresolvedAlerts", at, float(unresolved)),
    ];
    figures.extend(summary.alerts.iter().map(|(severity, count)| Figure {
        dimension: Some(("Severity", severity.as_str().to_owned())),
        ..Figure::count("OpenAlerts", at, float(*count))
    }));
    figures
}

#[cfg(test)]
mod tests {
    use tms_core::{alert::Severity, heartbeat::ingest::LatencyCounts, terminal::store::StatusCounts};

    use super::*;

    #[test]
    fn a_round_is_what_came_since_the_last() {
        let mut before = IngestCounts::default();
        let mut after = IngestCounts {
            stored: 120,
            refused: 3,
            failed: 1,
            latency: LatencyCounts {
                beyond: 2,
                ..LatencyCounts::default()
            },
            ..before
        };
        after.latency.within[3] = 5;
        let at = Timestamp::from_secs(60);
        let figures: Vec<_> = own(&before, &after, Duration::from_secs(60), at, 7).collect();
        let told: Vec<_> = figures
            .iter()
            .map(|figure| (figure.name, figure.seen.clone()))
            .collect();
        let expected = [
            ("HeartbeatRate", Seen::One(2.0)),
            ("IngestLatency", Seen::Many(vec![(10.0, 5.0), (4_000.0, 2.0)])),
            ("HeartbeatsRefused", Seen::One(4.0)),
            ("MetricsDropped", Seen::One(7.0)),
        ];
        assert_eq!(told, expected);
        before = after;
        let quiet: Vec<_> = own(&before, &after, Duration::from_secs(60), at, 7)
            .map(|f| f.name)
            .collect();
        assert_eq!(
            quiet,
            ["HeartbeatRate", "HeartbeatsRefused", "MetricsDropped"],
            "a rate of none is a rate"
        );
    }

    #[test]
    fn the_fleet_is_told_by_severity() {
        let summary = Summary {
            terminals: StatusCounts {
                online: 9,
                offline: 2,
                ..StatusCounts::default()
            },
            alerts: vec![(Severity::Critical, 1), (Severity::High, 3)],
            as_of: Timestamp::from_secs(0),
        };
        let figures = fleet(&summary, Timestamp::from_secs(1));
        let told: Vec<_> = figures
            .into_iter()
            .map(|f| (f.name, f.dimension.map(|(_, value)| value), f.seen))
            .collect();
        let dimension = |value: &str| Some(value.to_owned());
        let expected = [
            ("ActiveTerminals", None, Seen::One(9.0)),
            ("UnresolvedAlerts", None, Seen::One(4.0)),
            ("OpenAlerts", dimension("CRITICAL"), Seen::One(1.0)),
            ("OpenAlerts", dimension("HIGH"), Seen::One(3.0)),
        ];
        assert_eq!(told, expected);
    }
}
