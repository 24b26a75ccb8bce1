//! Group commit under paused time, over a store that a test can hold, refuse and count.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use futures::future::join_all;
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinHandle,
    time::Instant,
};

use super::*;
use crate::{
    alert::rule::AlertRules,
    heartbeat::{HeartbeatRecord, Metrics, Next},
    id::TerminalId,
    page::{Page, PageRequest},
    presence::{Counters as AgentCounters, Device, Reported},
    time::Timestamp,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Unavailable,
    Never,
}

/// Notes each batch, waits for a permit, answers each heartbeat with its terminal's number.
#[derive(Debug)]
struct Fake {
    batches: Mutex<Vec<Vec<i64>>>,
    rules: Mutex<Vec<BatchRules>>,
    permits: Semaphore,
    script: Mutex<VecDeque<Outcome>>,
    refused: Vec<i64>,
}

impl Fake {
    fn new(permits: usize, refused: &[i64]) -> Arc<Self> {
        Arc::new(Self {
            batches: Mutex::default(),
            rules: Mutex::default(),
            permits: Semaphore::new(permits),
            script: Mutex::default(),
            refused: refused.to_vec(),
        })
    }

    fn free() -> Arc<Self> {
        Self::new(Semaphore::MAX_PERMITS, &[])
    }

    fn held() -> Arc<Self> {
        Self::new(0, &[])
    }

    fn then(self: Arc<Self>, outcomes: &[Outcome]) -> Arc<Self> {
        self.script.lock().unwrap().extend(outcomes);
        self
    }

    fn batches(&self) -> Vec<Vec<i64>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl HeartbeatStore for Fake {
    async fn record_batch(&self, beats: &[Heartbeat], rules: &BatchRules) -> Result<Vec<Answer>, StoreError> {
        let numbers: Vec<_> = beats.iter().map(|beat| beat.terminal.get()).collect();
        self.batches.lock().unwrap().push(numbers.clone());
        self.rules.lock().unwrap().push(rules.clone());
        let next = self.script.lock().unwrap().pop_front();
        match next {
            Some(Outcome::Unavailable) => return Err(StoreError::Unavailable("away".into())),
            Some(Outcome::Never) => futures::future::pending::<()>().await,
            None => {}
        }
        self.permits.acquire().await.unwrap().forget();
        if numbers.iter().any(|number| self.refused.contains(number)) {
            return Err(StoreError::Rejected("never".into()));
        }
        Ok(numbers.into_iter().map(answer_of).collect())
    }

    async fn history(
        &self,
        _terminal: TerminalId,
        _from: Timestamp,
        _to: Timestamp,
        _page: &PageRequest,
    ) -> Result<Page<HeartbeatRecord>, StoreError> {
        unreachable!("ingest reads no history")
    }
}

fn answer_of(number: i64) -> Answer {
    Answer::Recorded(Next {
        next_s: u32::try_from(number).unwrap(),
        config_version: 1,
    })
}

fn beat(number: i64) -> Heartbeat {
    Heartbeat {
        terminal: TerminalId::new(number).unwrap(),
        received_at: Timestamp::EPOCH,
        agent_time: Timestamp::EPOCH,
        sequence: None,
        device: Device::Ok,
        metrics: Metrics::default(),
        reported: Reported::default(),
        counters: AgentCounters::default(),
    }
}

/// An ingest at work.
struct Bench {
    door: HeartbeatIngest,
    rules: watch::Sender<Arc<BatchRules>>,
    stop: Option<oneshot::Sender<()>>,
    work: JoinHandle<()>,
}

impl Bench {
    async fn over(store: &Arc<Fake>, settings: IngestSettings) -> Self {
        let (rules, followed) = watch::channel(Arc::default());
        let (door, workers) = HeartbeatIngest::new(Arc::clone(store) as Arc<dyn HeartbeatStore>, followed, settings);
        let (stop, stopped) = oneshot::channel::<()>();
        let work = tokio::spawn(workers.run(async {
            let _ = stopped.await;
        }));
        settle().await;
        Self {
            door,
            rules,
            stop: Some(stop),
            work,
        }
    }

    /// Sends heartbeats one after the other, without waiting for their answers.
    async fn send(&self, numbers: impl IntoIterator<Item = i64>) -> Vec<JoinHandle<Reply>> {
        let mut sent = Vec::new();
        for number in numbers {
            let door = self.door.clone();
            sent.push(tokio::spawn(async move { door.submit(beat(number)).await }));
            settle().await;
        }
        sent
    }

    fn stop(&mut self) {
        let _ = self.stop.take().expect("it was not stopped before").send(());
    }
}

/// Lets every task that can go on do so; no time passes.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

const ONE_LANE: IngestSettings = IngestSettings {
    queue_length: 16,
    batch_length: 8,
    lanes: 1,
    deadline: Duration::from_millis(1_800),
};

async fn stored(sent: Vec<JoinHandle<Reply>>) -> Vec<Answer> {
    let answers = join_all(sent).await.into_iter();
    answers.map(|answer| answer.unwrap().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_lone_heartbeat_goes_at_once() {
    let store = Fake::free();
    let bench = Bench::over(&store, ONE_LANE).await;
    let began = Instant::now();
    assert_eq!(bench.door.submit(beat(7)).await.unwrap(), answer_of(7));
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(store.batches(), [[7]]);
    let counts = IngestCounts {
        stored: 1,
        batches: 1,
        latency: LatencyCounts {
            within: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            beyond: 0,
        },
        ..IngestCounts::default()
    };
    assert_eq!(bench.door.counts(), counts);
}

#[tokio::test(start_paused = true)]
async fn those_that_arrive_during_a_commit_form_one_batch() {
    let store = Fake::held();
    let bench = Bench::over(&store, ONE_LANE).await;
    let sent = bench.send(1..=5).await;
    assert_eq!(store.batches(), [[1]], "the first is under way, the others wait");
    store.permits.add_permits(2);
    assert_eq!(stored(sent).await, (1..=5).map(answer_of).collect::<Vec<_>>());
    assert_eq!(store.batches(), [vec![1], vec![2, 3, 4, 5]]);
    assert_eq!(bench.door.counts().batches, 2);
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_a_bound() {
    let store = Fake::held();
    let settings = IngestSettings {
        batch_length: 3,
        ..ONE_LANE
    };
    let bench = Bench::over(&store, settings).await;
    let sent = bench.send(1..=8).await;
    store.permits.add_permits(10);
    stored(sent).await;
    assert_eq!(store.batches(), [vec![1], vec![2, 3, 4], vec![5, 6, 7], vec![8]]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once() {
    let store = Fake::held();
    let settings = IngestSettings {
        queue_length: 2,
        ..ONE_LANE
    };
    let bench = Bench::over(&store, settings).await;
    let waiting = bench.send(1..=3).await;
    let began = Instant::now();
    let refused = bench.door.submit(beat(4)).await;
    assert!(
        matches!(refused, Err(Error::Unavailable { retry_after, .. }) if !retry_after.is_zero()),
        "{refused:?}"
    );
    assert_eq!(began.elapsed(), Duration::ZERO);
    store.permits.add_permits(10);
    stored(waiting).await;
    let counts = bench.door.counts();
    assert_eq!((counts.stored, counts.refused), (3, 1));
    assert!(bench.door.submit(beat(4)).await.is_ok(), "there is room again");
}

#[tokio::test(start_paused = true)]
async fn what_a_gone_caller_sent_is_stored() {
    let store = Fake::held();
    let bench = Bench::over(&store, ONE_LANE).await;
    let mut sent = bench.send(1..=3).await;
    sent.remove(1).abort();
    settle().await;
    store.permits.add_permits(10);
    stored(sent).await;
    assert_eq!(store.batches(), [vec![1], vec![2, 3]]);
    assert_eq!(bench.door.counts().stored, 3);
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_is_halved_until_the_culprits_stand_alone() {
    let store = Fake::new(0, &[3, 8]);
    let bench = Bench::over(&store, ONE_LANE).await;
    let sent = bench.send([100].into_iter().chain(1..=8)).await;
    store.permits.add_permits(100);
    for (number, answer) in [100].into_iter().chain(1..=8).zip(join_all(sent).await) {
        match answer.unwrap() {
            Ok(answer) => assert_eq!(answer, answer_of(number), "each gets its own answer"),
            Err(error) => {
                assert!([3, 8].contains(&number), "{number}: {error:?}");
                assert!(matches!(error, Error::Internal(_)), "{error:?}");
            }
        }
    }
    let counts = bench.door.counts();
    assert_eq!((counts.stored, counts.failed), (7, 2));
    let tried: Vec<_> = store.batches().into_iter().skip(1).map(|batch| batch.len()).collect();
    assert_eq!(tried[0], 8);
    assert!(
        tried.len() <= 1 + 2 * 2 * 3,
        "logarithmic in the batch for each culprit: {tried:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_tried_once_more() {
    let store = Fake::free().then(&[Outcome::Unavailable]);
    let bench = Bench::over(&store, ONE_LANE).await;
    assert_eq!(bench.door.submit(beat(1)).await.unwrap(), answer_of(1));
    assert_eq!(store.batches(), [[1], [1]]);

    let store = Fake::free().then(&[Outcome::Unavailable, Outcome::Unavailable]);
    let bench = Bench::over(&store, ONE_LANE).await;
    let answer = bench.door.submit(beat(1)).await;
    assert!(matches!(answer, Err(Error::Unavailable { .. })), "{answer:?}");
    assert_eq!(store.batches().len(), 2, "not a third time");
    assert_eq!(bench.door.counts().failed, 1);
    assert!(
        bench.door.submit(beat(2)).await.is_ok(),
        "it goes on when the store is back"
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_given_up_at_the_deadline() {
    let store = Fake::free().then(&[Outcome::Never]);
    let bench = Bench::over(&store, ONE_LANE).await;
    let began = Instant::now();
    let answer = bench.door.submit(beat(1)).await;
    assert!(matches!(answer, Err(Error::Unavailable { .. })), "{answer:?}");
    let took = began.elapsed();
    assert!(
        (ONE_LANE.deadline..ONE_LANE.deadline + Duration::from_millis(10)).contains(&took),
        "{took:?}"
    );
    assert!(bench.door.submit(beat(2)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn stopping_stores_what_is_queued_and_takes_no_more() {
    let store = Fake::held();
    let mut bench = Bench::over(&store, ONE_LANE).await;
    let sent = bench.send(1..=4).await;
    bench.stop();
    settle().await;
    let late = bench.door.submit(beat(5)).await;
    assert!(matches!(late, Err(Error::Unavailable { .. })), "{late:?}");
    assert!(!bench.work.is_finished(), "it waits for what is queued");
    store.permits.add_permits(10);
    assert_eq!(stored(sent).await.len(), 4);
    bench.work.await.unwrap();
    assert_eq!(store.batches(), [vec![1], vec![2, 3, 4]]);
}

#[tokio::test(start_paused = true)]
async fn an_idle_ingest_stops_at_once() {
    let mut bench = Bench::over(&Fake::free(), IngestSettings::default()).await;
    bench.stop();
    bench.work.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_workers_it_is_unavailable_at_once() {
    let (_rules, followed) = watch::channel(Arc::default());
    let (door, workers) = HeartbeatIngest::new(Fake::free(), followed, ONE_LANE);
    let answer = door.submit(beat(1)).await;
    assert!(matches!(answer, Err(Error::Unavailable { .. })), "{answer:?}");
    drop(workers);
    let answer = door.submit(beat(1)).await;
    assert!(matches!(answer, Err(Error::Unavailable { .. })), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn workers_that_are_dropped_answer_those_who_wait() {
    let store = Fake::held();
    let bench = Bench::over(&store, ONE_LANE).await;
    let sent = bench.send(1..=3).await;
    bench.work.abort();
    for answer in join_all(sent).await {
        assert!(matches!(answer.unwrap(), Err(Error::Unavailable { .. })));
    }
    let answer = bench.door.submit(beat(4)).await;
    assert!(matches!(answer, Err(Error::Unavailable { .. })), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn lanes_work_side_by_side_and_keep_each_terminal_in_order() {
    let store = Fake::held();
    let settings = IngestSettings { lanes: 4, ..ONE_LANE };
    let bench = Bench::over(&store, settings).await;
    let sent = bench.send((1..=12).chain(1..=12)).await;
    let under_way = store.batches().len();
    assert!((2..=4).contains(&under_way), "{under_way} lanes are at work");
    store.permits.add_permits(100);
    stored(sent).await;
    let batches = store.batches();
    for number in 1..=12 {
        let seen: usize = batches.iter().flatten().filter(|seen| **seen == number).count();
        assert_eq!(seen, 2);
    }
    let firsts: Vec<_> = batches.iter().take(under_way).map(|batch| batch[0]).collect();
    for first in firsts {
        let with_it: Vec<_> = batches.iter().filter(|batch| batch.contains(&first)).collect();
        assert_eq!(
            with_it.len(),
            2,
            "both heartbeats of {first} took one lane, one after the other"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn each_batch_is_judged_by_the_present_rules() {
    let store = Fake::free();
    let bench = Bench::over(&store, ONE_LANE).await;
    bench.door.submit(beat(1)).await.unwrap();
    let mut changed = BatchRules {
        alerts: AlertRules::new(Vec::new()),
        ..BatchRules::default()
    };
    changed.presence.lost_grace_s = 5;
    bench.rules.send(Arc::new(changed.clone())).unwrap();
    bench.door.submit(beat(1)).await.unwrap();
    assert_eq!(*store.rules.lock().unwrap(), [BatchRules::default(), changed]);
}
