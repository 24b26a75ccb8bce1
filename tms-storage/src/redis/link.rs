//! The one connection of a node to Redis: whether it can be used, and what the others say over it.
//!
//! A command never waits for a connection: without one it is answered at once, and whoever asked does without Redis. The
//! connection is looked after by [`Redis::run`] alone.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use redis::{
    AsyncConnectionConfig, Client, RedisResult, TlsCertificates,
    aio::{MultiplexedConnection, PubSub},
};
use tokio::{sync::Notify, time::Instant};

use super::{RedisError, RedisSettings};

/// How long a command may take. What waits for it are requests of people and the sharing of limits.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long connecting may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked whether Redis can still be written to.
const PROBE_EVERY: Duration = Duration::from_millis(500);
/// How long to wait before connecting again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// The least time between two nudges of one node.
const NUDGE_EVERY: Duration = Duration::from_millis(20);

/// The problem before the first attempt.
const FIRST: &str = "not connected yet";

/// Redis, as one node sees it.
pub struct Redis {
    client: Client,
    pub(super) prefix: String,
    state: RwLock<State>,
    /// Says that a command found Redis away.
    lost: Notify,
    /// Says that events were committed here.
    news: Notify,
    counts: Counters,
}

enum State {
    Usable(MultiplexedConnection),
    Away(String),
}

#[derive(Debug, Default)]
struct Counters {
    losses: AtomicU64,
    without: AtomicU64,
    session_hits: AtomicU64,
    session_misses: AtomicU64,
    nudges_sent: AtomicU64,
    nudges_heard: AtomicU64,
}

/// What happened since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedisCounts {
    /// How often Redis went away.
    pub losses: u64,
    /// How often something was done without it.
    pub without: u64,
    /// How many sessions were found in it.
    pub session_hits: u64,
    /// How many were read from the database.
    pub session_misses: u64,
    /// How often others were told that there are events.
    pub nudges_sent: u64,
    /// How often this node was told, by itself too.
    pub nudges_heard: u64,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("problem", &self.problem())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl Redis {
    /// Reads the settings. Connects only in [`Redis::run`], so that it does not matter whether Redis is there yet.
    ///
    /// # Errors
    /// [`RedisError::Settings`] for an address or certificates that can't be read.
    pub fn new(settings: &RedisSettings) -> Result<Arc<Self>, RedisError> {
        let url = settings.url.expose().as_str();
        let client = match &settings.authorities {
            None => Client::open(url),
            Some(pem) => Client::build_with_tls(
                url,
                TlsCertificates {
                    client_tls: None,
                    root_cert: Some(pem.clone().into_bytes()),
                },
            ),
        };
        Ok(Arc::new(Self {
            client: client.map_err(|error| RedisError::Settings(error.into()))?,
            prefix: settings.prefix.clone(),
            state: RwLock::new(State::Away(FIRST.to_owned())),
            lost: Notify::new(),
            news: Notify::new(),
            counts: Counters::default(),
        }))
    }

    /// Tries once whether Redis can be used as [`Redis::run`] uses it, and lets go of it again.
    ///
    /// # Errors
    /// Why it can't.
    pub async fn try_once(&self) -> Result<(), String> {
        self.connect().await.map(drop).map_err(Trouble::into_text)
    }

    /// Returns why Redis can't be used at the moment; `None` while it can.
    pub fn problem(&self) -> Option<String> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Usable(_) => None,
            State::Away(problem) => Some(problem.clone()),
        }
    }

    /// Returns what happened since the start.
    pub fn counts(&self) -> RedisCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RedisCounts {
            losses: read(&self.counts.losses),
            without: read(&self.counts.without),
            session_hits: read(&self.counts.session_hits),
            session_misses: read(&self.counts.session_misses),
            nudges_sent: read(&self.counts.nudges_sent),
            nudges_heard: read(&self.counts.nudges_heard),
        }
    }

    /// Connects, again and again when it must, and calls `nudged` when a node has committed events. Never ends.
    pub async fn run(&self, nudged: impl Fn()) {
        loop {
            let problem = match self.connect().await {
                Err(trouble) => trouble.into_text(),
                Ok((connection, heard)) => {
                    self.set(State::Usable(connection.clone()));
                    // What was said meanwhile was not heard.
                    nudged();
                    self.keep(connection, heard, &nudged).await
                }
            };
            self.set(State::Away(problem));
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    /// Runs one command; `None` when Redis is away, for whatever reason.
    pub(super) async fn ask<T, F>(&self, command: impl FnOnce(MultiplexedConnection) -> F) -> Option<T>
    where
        F: Future<Output = RedisResult<T>> + Send,
    {
        let connection = match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Usable(connection) => Some(connection.clone()),
            State::Away(_) => None,
        };
        let answer = match connection {
            Some(connection) => in_time(PATIENCE, command(connection)).await.map_err(Some),
            None => Err(None),
        };
        if let Err(trouble) = &answer {
            self.counts.without.fetch_add(1, Ordering::Relaxed);
            // Whether a refusal is about more than this command, the next probe finds out.
            if let Some(Trouble::Silence(problem)) = trouble {
                // Nobody else shall wait for what does not answer.
                self.set(State::Away(problem.clone()));
                self.lost.notify_one();
            }
        }
        answer.ok()
    }

    /// Counts a session that was asked for.
    pub(super) fn count_session(&self, was_found: bool) {
        let counter = if was_found {
            &self.counts.session_hits
        } else {
            &self.counts.session_misses
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Says that events were committed here.
    pub(super) fn nudge(&self) {
        self.news.notify_one();
    }

    fn channel(&self) -> String {
        format!("{}events", self.prefix)
    }

    async fn connect(&self) -> Result<(MultiplexedConnection, PubSub), Trouble> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let connection = in_time(CONNECT_PATIENCE, connecting).await?;
        in_time(PATIENCE, self.probe(connection.clone())).await?;
        let mut heard = in_time(CONNECT_PATIENCE, self.client.get_async_pubsub()).await?;
        in_time(CONNECT_PATIENCE, heard.subscribe(self.channel())).await?;
        Ok((connection, heard))
    }

    /// Looks whether Redis takes writes: one that is full, or follows another, answers and is of no use.
    async fn probe(&self, mut connection: MultiplexedConnection) -> RedisResult<()> {
        let mut command = redis::cmd("SET");
        command.arg(format!("{}probe", self.prefix)).arg(1).arg("PX").arg(5_000);
        command.query_async(&mut connection).await
    }

    /// Listens and speaks until Redis is lost; returns why.
    async fn keep(&self, connection: MultiplexedConnection, heard: PubSub, nudged: &impl Fn()) -> String {
        let (_sink, mut heard) = heard.split();
        let mut probe = tokio::time::interval(PROBE_EVERY);
        let (mut has_news, mut next_nudge) = (false, Instant::now());
        loop {
            tokio::select! {
                message = heard.next() => match message {
                    Some(_) => {
                        self.counts.nudges_heard.fetch_add(1, Ordering::Relaxed);
                        nudged();
                    }
                    None => return "the connection was closed".to_owned(),
                },
                () = self.lost.notified() => {
                    return self.problem().unwrap_or_else(|| "a command failed".to_owned());
                }
                () = self.news.notified(), if !has_news => has_news = true,
                () = tokio::time::sleep_until(next_nudge), if has_news => {
                    has_news = false;
                    next_nudge = Instant::now() + NUDGE_EVERY;
                    self.publish().await;
                }
                _ = probe.tick() => {
                    if let Err(trouble) = in_time(PATIENCE, self.probe(connection.clone())).await {
                        return trouble.into_text();
                    }
                }
            }
        }
    }

    async fn publish(&self) {
        // Without a content: who hears it asks the database.
        let mut command = redis::cmd("PUBLISH");
        command.arg(self.channel()).arg("");
        let told: Option<()> = self
            .ask(async |mut connection| command.query_async(&mut connection).await)
            .await;
        if told.is_some() {
            self.counts.nudges_sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes whether Redis can be used, and says so when that changes.
    fn set(&self, next: State) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match (&*state, &next) {
            (State::Away(_), State::Usable(_)) => tracing::info!("Redis is used"),
            (State::Usable(_), State::Away(problem)) => {
                self.counts.losses.fetch_add(1, Ordering::Relaxed);
                warn_away(problem);
            }
            // Said at the start; afterwards only what changes is news.
            (State::Away(before), State::Away(problem)) if before == FIRST => warn_away(problem),
            _ => {}
        }
        *state = next;
    }
}

fn warn_away(problem: &str) {
    tracing::warn!(
        problem,
        "Redis is away: limits are shared through the database, sessions read from it, and live events come a moment later"
    );
}

/// Why a command was not done.
enum Trouble {
    /// Redis has said no.
    Refusal(String),
    /// It has not said anything.
    Silence(String),
}

impl Trouble {
    fn into_text(self) -> String {
        let (Self::Refusal(text) | Self::Silence(text)) = self;
        text
    }
}

/// Waits for an answer for so long.
async fn in_time<T>(patience: Duration, work: impl Future<Output = RedisResult<T>>) -> Result<T, Trouble> {
    match tokio::time::timeout(patience, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.is_io_error() || error.is_unrecoverable_error() => {
            Err(Trouble::Silence(error.to_string()))
        }
        Ok(Err(error)) => Err(Trouble::Refusal(error.to_string())),
        Err(_) => Err(Trouble::Silence(format!(
            "no answer within {} ms",
            patience.as_millis()
        ))),
    }
}
