//! The connections, and the one door through which every piece of work passes: bounded in time, and quick to recover
//! after the database was away.

use std::{
    fmt,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use sqlx::{
    Connection, PgConnection, PgPool, Postgres, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tms_core::{StoreError, Stores, audit::AuditKeys};
use tokio::sync::Semaphore;

use super::{
    commits::Commits,
    error::{Fault, TooSlow},
    presence_cache::PresenceCache,
    settings::{ConnectError, PgSettings, quoted},
    terminal_list::Many,
};

/// A transaction that rolls back unless it is committed.
pub(super) type Tx = Transaction<'static, Postgres>;

/// A connection that was idle for longer is asked for a sign of life before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// How long such a sign may take.
const PING_TIMEOUT: Duration = Duration::from_millis(500);

/// How many connections a node has for what it lives by.
const DUTY_CONNECTIONS: u32 = 4;
/// How many tokens a node looks up at a time: however many unknown ones are shown, one of those connections is left.
const LOOK_UPS_AT_ONCE: usize = 3;
/// How many long reports a node makes at a time, so that they leave connections to everybody else.
const REPORTS_AT_ONCE: usize = 2;

/// Every port of the core on one PostgreSQL database.
pub struct PgStore {
    pool: PgPool,
    /// Plans once and by index only: what it runs looks up each row of a batch by its key.
    heartbeat_pool: PgPool,
    /// What a node lives by: tokens and their revocations, the lease, the notes that it is alive.
    duty_pool: PgPool,
    pub(super) reports: Semaphore,
    pub(super) look_ups: Semaphore,
    patience: Duration,
    pub(super) migrations_table: String,
    pub(super) presence_cache: PresenceCache,
    pub(super) many: Many,
    audit_keys: RwLock<Arc<AuditKeys>>,
    pub(super) commits: OnceLock<Arc<dyn Commits>>,
}

impl fmt::Debug for PgStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgStore")
            .field("connections", &self.pool.size())
            .field("heartbeat_connections", &self.heartbeat_pool.size())
            .field("duty_connections", &self.duty_pool.size())
            .finish_non_exhaustive()
    }
}

impl PgStore {
    /// Prepares the connections; must be called within a tokio runtime. Connects only when there is work, so that a
    /// database that is away does not matter yet.
    ///
    /// # Errors
    /// [`ConnectError`] for settings that can't be read.
    pub fn connect(settings: &PgSettings) -> Result<Arc<Self>, ConnectError> {
        quoted(&settings.migrations_table)?;
        let options = settings.options()?.options([
            ("statement_timeout", millis(settings.statement_timeout)),
            ("lock_timeout", millis(settings.lock_timeout)),
            (
                "idle_in_transaction_session_timeout",
                millis(settings.statement_timeout * 2),
            ),
        ]);
        let general = options.clone().options([
            // The values of a filter decide which index is best.
            ("plan_cache_mode", "force_custom_plan"),
            // What is read often is in memory, and disks without arms read any page as fast as the next.
            ("random_page_cost", "1.1"),
            // One list or sweep takes one core at most, so that heartbeats keep the others.
            ("max_parallel_workers_per_gather", "0"),
        ]);
        let by_index = options.options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("enable_seqscan", "off"),
            ("enable_bitmapscan", "off"),
        ]);
        let duty = general.clone();
        Ok(Arc::new(Self {
            pool: lazy_pool(settings, general, settings.max_connections),
            heartbeat_pool: lazy_pool(settings, by_index, settings.heartbeat_connections),
            duty_pool: lazy_pool(settings, duty, DUTY_CONNECTIONS),
            reports: Semaphore::new(REPORTS_AT_ONCE),
            look_ups: Semaphore::new(LOOK_UPS_AT_ONCE),
            patience: settings.acquire_timeout + settings.statement_timeout,
            migrations_table: settings.migrations_table.clone(),
            presence_cache: PresenceCache::new(settings.remembered_terminals),
            many: Many::default(),
            audit_keys: RwLock::new(Arc::new(AuditKeys::public())),
            commits: OnceLock::new(),
        }))
    }

    /// Hands out every port.
    pub fn stores(self: &Arc<Self>) -> Stores {
        Stores::from_one(self)
    }

    /// Closes all connections; work that comes later is answered `Unavailable`.
    pub async fn close(&self) {
        self.pool.close().await;
        self.heartbeat_pool.close().await;
        self.duty_pool.close().await;
    }

    pub(super) fn set_audit_keys(&self, keys: AuditKeys) {
        *self.audit_keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// Returns the keys that sign what is written to the audit trail.
    pub(super) fn audit_keys(&self) -> Arc<AuditKeys> {
        Arc::clone(&self.audit_keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Returns the connections that no list, report or act of a person takes.
    pub(super) const fn duty(&self) -> &PgPool {
        &self.duty_pool
    }

    pub(super) async fn begin(&self) -> Result<Tx, Fault> {
        Ok(self.pool.begin().await?)
    }

    /// Begins a transaction that may take long and promises to write no event, so that readers of events pass by it
    /// (`tms_event_horizon`).
    pub(super) async fn begin_without_events(&self) -> Result<Tx, Fault> {
        let mut tx = self.begin().await?;
        // Before anything is written: from then on readers would wait.
        sqlx::query("SELECT pg_advisory_xact_lock_shared(hashtextextended('tms_no_events', 0))")
            .execute(&mut *tx)
            .await?;
        Ok(tx)
    }

    pub(super) async fn heartbeat_connection(&self) -> Result<PoolConnection<Postgres>, Fault> {
        Ok(self.heartbeat_pool.acquire().await?)
    }

    /// Runs a piece of work no longer than a connection and a statement may take.
    pub(super) async fn bounded<T>(
        &self,
        work: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, StoreError> {
        self.bounded_by(self.patience, work).await
    }

    /// Runs a piece of work that may take long.
    pub(super) async fn bounded_by<T>(
        &self,
        patience: Duration,
        work: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, StoreError> {
        let outcome = tokio::time::timeout(patience, work).await;
        let outcome = outcome.unwrap_or_else(|_| Err(StoreError::Unavailable(TooSlow.into()).into()));
        outcome.map_err(|fault| {
            if fault.is_lost_server() {
                self.drop_idle();
                // The next connection may lead to another server, which may have lost what this one had last.
                self.presence_cache.clear();
            }
            fault.into()
        })
    }

    /// Forgets the connections that nobody uses: they lead to a server that is gone or must not be written to, and
    /// the next piece of work connects anew.
    fn drop_idle(&self) {
        for pool in [&self.pool, &self.heartbeat_pool, &self.duty_pool] {
            while let Some(connection) = pool.try_acquire() {
                drop(connection.detach());
            }
        }
    }
}

fn millis(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

fn lazy_pool(settings: &PgSettings, options: PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections.max(1))
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(Duration::from_secs(300))
        .max_lifetime(Duration::from_secs(1_800))
        // One round trip less for a connection that was used just now.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for < TRUSTED_IDLE {
                    return Ok(true);
                }
                Ok(answers(connection).await)
            })
        })
        // A connection given back in the middle of something may lead nowhere; without a bound it would keep its
        // place in the pool until the network gives up.
        .after_release(|connection, _| Box::pin(async move { Ok(answers(connection).await) }))
        .connect_lazy_with(options)
}

async fn answers(connection: &mut PgConnection) -> bool {
    matches!(tokio::time::timeout(PING_TIMEOUT, connection.ping()).await, Ok(Ok(())))
}
