//! Metrics in CloudWatch. Whoever has figures puts them into a bounded queue and goes on; a task of its own sends them.
//! While AWS is away they wait; what finds no room is dropped, oldest first, and counted.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_sdk_cloudwatch::{
    Client,
    primitives::DateTime,
    types::{Dimension, MetricDatum, StandardUnit},
};
use tms_core::time::Timestamp;

use crate::{
    client::Aws,
    error::{AwsFault, FaultKind, fault},
};

/// The namespace of all metrics of TMS; the alarms and the role in `deploy/terraform` name it.
pub const NAMESPACE: &str = "TMS";
/// The dimension by which several installations in one account are told apart.
const INSTALLATION: &str = "Installation";
/// How many figures wait: some hours of an usual server.
const MOST_WAITING: usize = 10_000;
/// CloudWatch takes so many at a time.
const AT_A_TIME: usize = 1_000;

/// In what a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Things a second.
    PerSecond,
    /// Milliseconds.
    Milliseconds,
}

impl Unit {
    const fn spelled(self) -> StandardUnit {
        match self {
            Self::Count => StandardUnit::Count,
            Self::PerSecond => StandardUnit::CountSecond,
            Self::Milliseconds => StandardUnit::Milliseconds,
        }
    }
}

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// One value.
    One(f64),
    /// Values, and how often each was seen; at most 150 of them.
    Many(Vec<(f64, f64)>),
}

/// A figure of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The name of the metric.
    pub name: &'static str,
    /// Its dimension, a name and a value, if it has one.
    pub dimension: Option<(&'static str, String)>,
    /// In what it counts.
    pub unit: Unit,
    /// When.
    pub at: Timestamp,
    /// What was seen.
    pub seen: Seen,
}

impl Figure {
    /// Counts things.
    pub const fn count(name: &'static str, at: Timestamp, value: f64) -> Self {
        Self {
            name,
            dimension: None,
            unit: Unit::Count,
            at,
            seen: Seen::One(value),
        }
    }

    fn datum(&self, installation: Option<&str>) -> MetricDatum {
        let own = self.dimension.as_ref().map(|(name, value)| (*name, value.as_str()));
        let dimensions = installation.map(|name| (INSTALLATION, name)).into_iter().chain(own);
        let dimensions: Vec<_> = dimensions
            .map(|(name, value)| Dimension::builder().name(name).value(value).build())
            .collect();
        let datum = MetricDatum::builder()
            .metric_name(self.name)
            .set_dimensions((!dimensions.is_empty()).then_some(dimensions))
            .unit(self.unit.spelled())
            .timestamp(DateTime::from_millis(self.at.as_micros().div_euclid(1_000)));
        let datum = match &self.seen {
            Seen::One(value) => datum.value(*value),
            Seen::Many(all) => {
                let (values, counts) = all.iter().copied().unzip();
                datum.set_values(Some(values)).set_counts(Some(counts))
            }
        };
        datum.build()
    }
}

/// Where figures wait; cheap to clone. Nothing that is done with it waits for AWS.
#[derive(Debug, Clone, Default)]
pub struct MetricQueue(Arc<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    figures: Mutex<VecDeque<Figure>>,
    dropped: AtomicU64,
}

impl MetricQueue {
    /// Adds figures. The oldest ones go when there is no room.
    pub fn push(&self, figures: impl IntoIterator<Item = Figure>) {
        let mut waiting = self.lock();
        waiting.extend(figures);
        self.trim(&mut waiting);
    }

    /// Returns how many wait.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Tells whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    fn take(&self) -> Vec<Figure> {
        let mut waiting = self.lock();
        let most = waiting.len().min(AT_A_TIME);
        waiting.drain(..most).collect()
    }

    fn give_back(&self, figures: Vec<Figure>) {
        let mut waiting = self.lock();
        for figure in figures.into_iter().rev() {
            waiting.push_front(figure);
        }
        self.trim(&mut waiting);
    }

    fn trim(&self, waiting: &mut VecDeque<Figure>) {
        let over = waiting.len().saturating_sub(MOST_WAITING);
        waiting.drain(..over);
        self.count_dropped(over);
    }

    fn count_dropped(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.0.dropped.fetch_add(count, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Figure>> {
        self.0.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends what waits.
#[derive(Debug)]
pub struct MetricPublisher {
    client: Client,
    queue: MetricQueue,
    installation: Option<String>,
}

impl MetricPublisher {
    /// Sends what waits in this queue.
    pub fn new(aws: &Aws, queue: MetricQueue) -> Self {
        Self {
            client: Client::new(&aws.config),
            queue,
            installation: None,
        }
    }

    /// Gives all figures the dimension `Installation`, so that no other installation's stand for ours.
    #[must_use]
    pub fn of_installation(mut self, name: Option<String>) -> Self {
        self.installation = name;
        self
    }

    /// Sends all that waits; what can't be sent now waits on. Returns how many were sent.
    ///
    /// # Errors
    /// [`AwsFault`]; figures that CloudWatch refuses for good are dropped and counted.
    pub async fn flush(&self) -> Result<usize, AwsFault> {
        let mut sent = 0;
        loop {
            let figures = self.queue.take();
            if figures.is_empty() {
                return Ok(sent);
            }
            match self.send(&figures).await {
                Ok(()) => sent += figures.len(),
                Err(fault) if fault.kind == FaultKind::Refused => {
                    self.queue.count_dropped(figures.len());
                    return Err(fault);
                }
                Err(fault) => {
                    self.queue.give_back(figures);
                    return Err(fault);
                }
            }
        }
    }

    async fn send(&self, figures: &[Figure]) -> Result<(), AwsFault> {
        let data = figures
            .iter()
            .map(|figure| figure.datum(self.installation.as_deref()))
            .collect();
        let request = self.client.put_metric_data().namespace(NAMESPACE);
        let sent = request.set_metric_data(Some(data)).send().await;
        sent.map(drop).map_err(|error| fault(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(n: u32) -> Figure {
        Figure::count("X", Timestamp::from_secs(0), f64::from(n))
    }

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let queue = MetricQueue::default();
        let most = u32::try_from(MOST_WAITING).unwrap_or(u32::MAX);
        queue.push((0..most).map(figure));
        assert_eq!((queue.len(), queue.dropped()), (MOST_WAITING, 0));
        queue.push([figure(most), figure(most + 1)]);
        assert_eq!((queue.len(), queue.dropped()), (MOST_WAITING, 2));
        let taken = queue.take();
        assert_eq!((taken.len(), &taken[0]), (AT_A_TIME, &figure(2)));
        queue.push((0..1_500).map(figure));
        queue.give_back(taken);
        assert_eq!((queue.len(), queue.dropped()), (MOST_WAITING, 502 + 1_000));
    }
}
