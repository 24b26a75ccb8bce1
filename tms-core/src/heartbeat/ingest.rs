//! Group commit: heartbeats that arrive while a batch commits form the next batch (DESIGN section 5).
//!
//! There is no timer: a lone heartbeat goes at once. The queue is bounded, and the answer goes out after the commit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

pub use super::latency::{LATENCY_BOUNDS_MS, LatencyCounts};
use super::{Answer, Heartbeat, HeartbeatStore, latency::Latency, plan::BatchRules};
use crate::{
    error::{Error, StoreError},
    random::mix,
};

/// How much is gathered and for how long a batch may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IngestSettings {
    /// How many heartbeats wait at most, in each lane.
    pub queue_length: usize,
    /// How many heartbeats a batch has at most.
    pub batch_length: usize,
    /// How many batches are under way at most; a terminal always takes the same lane.
    pub lanes: usize,
    /// How long a heartbeat may wait for its commit, retry included.
    pub deadline: Duration,
}

impl Default for IngestSettings {
    fn default() -> Self {
        Self {
            queue_length: 16_384,
            batch_length: 1_024,
            lanes: 2,
            deadline: Duration::from_millis(1_800),
        }
    }
}

/// What ingest has done since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestCounts {
    /// Heartbeats answered after a commit.
    pub stored: u64,
    /// Batches committed.
    pub batches: u64,
    /// Heartbeats refused because the queue was full.
    pub refused: u64,
    /// Heartbeats whose batch failed.
    pub failed: u64,
    /// How long stored ones waited for their commit.
    pub latency: LatencyCounts,
}

#[derive(Debug, Default)]
struct Counters {
    stored: AtomicU64,
    batches: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    latency: Latency,
}

type Reply = Result<Answer, Error>;

#[derive(Debug)]
struct Waiting {
    beat: Heartbeat,
    since: Instant,
    reply: oneshot::Sender<Reply>,
}

/// The door to group commit; cheap to clone.
#[derive(Debug, Clone)]
pub struct HeartbeatIngest {
    lanes: Arc<[mpsc::Sender<Waiting>]>,
    counters: Arc<Counters>,
    is_running: Arc<AtomicBool>,
}

/// The other end: a future that stores what arrives. Spawned by `Tms::run`.
#[derive(Debug)]
pub struct IngestWorkers {
    lanes: Vec<mpsc::Receiver<Waiting>>,
    store: Arc<dyn HeartbeatStore>,
    rules: watch::Receiver<Arc<BatchRules>>,
    settings: IngestSettings,
    counters: Arc<Counters>,
    is_running: Arc<AtomicBool>,
}

impl HeartbeatIngest {
    /// Makes both ends.
    pub fn new(
        store: Arc<dyn HeartbeatStore>,
        rules: watch::Receiver<Arc<BatchRules>>,
        settings: IngestSettings,
    ) -> (Self, IngestWorkers) {
        let (senders, lanes): (Vec<_>, Vec<_>) = (0..settings.lanes.max(1))
            .map(|_| mpsc::channel(settings.queue_length.max(1)))
            .unzip();
        let counters = Arc::new(Counters::default());
        let is_running = Arc::new(AtomicBool::new(false));
        let door = Self {
            lanes: senders.into(),
            counters: Arc::clone(&counters),
            is_running: Arc::clone(&is_running),
        };
        (
            door,
            IngestWorkers {
                lanes,
                store,
                rules,
                settings,
                counters,
                is_running,
            },
        )
    }

    /// Queues a heartbeat and waits until it is stored. It is stored even if the caller goes away meanwhile.
    ///
    /// # Errors
    /// [`Error::Unavailable`] at once when nothing runs the workers or the queue is full, later when the store failed.
    pub async fn submit(&self, beat: Heartbeat) -> Reply {
        if !self.is_running.load(Ordering::Acquire) {
            return Err(Error::unavailable("ingest is not running"));
        }
        let (reply, answer) = oneshot::channel();
        let count = u64::try_from(self.lanes.len()).unwrap_or(1);
        let place = mix(beat.terminal.get().unsigned_abs()) % count;
        let lane = usize::try_from(place).ok().and_then(|place| self.lanes.get(place));
        let lane = lane.ok_or_else(|| Error::unavailable("ingest has no lane"))?;
        let since = Instant::now();
        if lane.try_send(Waiting { beat, since, reply }).is_err() {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Error::unavailable("the heartbeat queue is full"));
        }
        answer
            .await
            .unwrap_or_else(|_| Err(Error::unavailable("ingest has stopped")))
    }

    /// Returns what was done since the start.
    pub fn counts(&self) -> IngestCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        IngestCounts {
            stored: read(&self.counters.stored),
            batches: read(&self.counters.batches),
            refused: read(&self.counters.refused),
            failed: read(&self.counters.failed),
            latency: self.counters.latency.counts(),
        }
    }
}

impl IngestWorkers {
    /// Stores what arrives until `stop` resolves; then stores what is queued and ends.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        self.is_running.store(true, Ordering::Release);
        let (closing, closed) = watch::channel(false);
        let lanes = self.lanes.into_iter().map(|queue| Lane {
            queue,
            store: Arc::clone(&self.store),
            rules: self.rules.clone(),
            settings: self.settings,
            counters: Arc::clone(&self.counters),
        });
        let work = futures::future::join_all(lanes.map(|lane| lane.run(closed.clone())));
        let stop = async {
            stop.await;
            self.is_running.store(false, Ordering::Release);
            let _ = closing.send(true);
        };
        tokio::join!(work, stop);
    }
}

/// Resolves when no more is taken; holds nothing of the channel, so that whoever waits may move between threads.
async fn ended(closed: &mut watch::Receiver<bool>) {
    let _ = closed.wait_for(|closed| *closed).await;
}

struct Lane {
    queue: mpsc::Receiver<Waiting>,
    store: Arc<dyn HeartbeatStore>,
    rules: watch::Receiver<Arc<BatchRules>>,
    settings: IngestSettings,
    counters: Arc<Counters>,
}

impl Lane {
    async fn run(mut self, mut closed: watch::Receiver<bool>) {
        let limit = self.settings.batch_length.max(1);
        let mut batch = Vec::with_capacity(limit);
        loop {
            let got = tokio::select! {
                biased;
                got = self.queue.recv_many(&mut batch, limit) => got,
                () = ended(&mut closed) => {
                    self.queue.close();
                    self.queue.recv_many(&mut batch, limit).await
                }
            };
            if got == 0 {
                return;
            }
            self.store(std::mem::take(&mut batch)).await;
        }
    }

    async fn store(&self, waiting: Vec<Waiting>) {
        let since: Vec<Instant> = waiting.iter().map(|w| w.since).collect();
        let (beats, replies): (Vec<_>, Vec<_>) = waiting.into_iter().map(|w| (w.beat, w.reply)).unzip();
        let rules = Arc::clone(&self.rules.borrow());
        let outcome = tokio::time::timeout(self.settings.deadline, self.commit(&beats, &rules)).await;
        let answers = outcome.unwrap_or_else(|_| {
            beats
                .iter()
                .map(|_| Err(Error::unavailable("storing took too long")))
                .collect()
        });
        self.counters.batches.fetch_add(1, Ordering::Relaxed);
        let stored = answers.iter().filter(|answer| answer.is_ok()).count();
        let failed = answers.len() - stored;
        let times = since.iter().zip(&answers).filter(|(_, answer)| answer.is_ok());
        self.counters
            .latency
            .note(times.map(|(since, _)| *since), Instant::now());
        self.counters
            .stored
            .fetch_add(u64::try_from(stored).unwrap_or(0), Ordering::Relaxed);
        self.counters
            .failed
            .fetch_add(u64::try_from(failed).unwrap_or(0), Ordering::Relaxed);
        for (reply, answer) in replies.into_iter().zip(answers) {
            // The caller may have gone; what it sent is stored all the same.
            let _ = reply.send(answer);
        }
    }

    /// Stores a batch; a part that the store refuses for good is halved until the culprit stands alone.
    async fn commit(&self, beats: &[Heartbeat], rules: &BatchRules) -> Vec<Reply> {
        let mut answers = Vec::with_capacity(beats.len());
        let mut parts = vec![beats];
        while let Some(part) = parts.pop() {
            match self.commit_part(part, rules).await {
                Ok(stored) => answers.extend(stored.into_iter().map(Ok)),
                Err(StoreError::Rejected(_)) if part.len() > 1 => {
                    let (left, right) = part.split_at(part.len() / 2);
                    parts.extend([right, left]);
                }
                Err(StoreError::Unavailable(cause)) => {
                    tracing::warn!(error = %cause, "heartbeats could not be stored");
                    answers.extend(part.iter().map(|_| Err(Error::unavailable("storage unavailable"))));
                }
                Err(error) => {
                    // Never with `?`: what a database adds for programs has the row, hence the body of a heartbeat.
                    let cause = std::error::Error::source(&error)
                        .map(ToString::to_string)
                        .unwrap_or_default();
                    tracing::error!(error = %error, cause, heartbeats = part.len(), "heartbeats were refused by the store");
                    answers.extend(
                        part.iter()
                            .map(|_| Err(Error::Internal("the store refused a heartbeat".into()))),
                    );
                }
            }
        }
        answers
    }

    async fn commit_part(&self, part: &[Heartbeat], rules: &BatchRules) -> Result<Vec<Answer>, StoreError> {
        match self.store.record_batch(part, rules).await {
            Err(StoreError::Unavailable(cause)) => {
                tracing::debug!(error = %cause, "storing heartbeats once more");
                self.store.record_batch(part, rules).await
            }
            outcome => outcome,
        }
    }
}

#[cfg(test)]
#[path = "ingest_tests.rs"]
mod tests;
