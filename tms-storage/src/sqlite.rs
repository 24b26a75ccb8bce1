//! The ports on an embedded SQLite file: one writer, a few readers, one process. No rule of the business belongs here.
//!
//! All mutations go through `Work`, an immediate transaction on the only connection that may write. A
//! future that is dropped within one rolls back: the driver queues the rollback before anything that follows.

mod alert;
mod alert_apply;
mod alert_save;
mod api_token;
mod audit;
mod audit_row;
mod bulk;
mod cache;
mod credential;
mod customer;
mod enrolment;
mod error;
mod event;
mod fields;
mod guess;
mod heartbeat;
mod idempotency;
mod lease;
mod limit;
mod listing;
mod maintenance;
mod metric;
mod notification;
mod open;
mod outbox;
mod password_link;
mod presence;
mod presence_write;
mod redeem;
mod report;
mod room;
mod second_factor;
mod session;
mod settings;
mod terminal;
mod terminal_import;
mod terminal_list;
mod terminal_log;
mod transfer;
mod upkeep;
mod user;
mod work;

use std::{
    fs::File,
    sync::{Arc, PoisonError, RwLock},
};

use sqlx::{Sqlite, SqlitePool, pool::PoolConnection};
use tms_core::{StoreError, Stores, audit::AuditKeys};
use tokio::sync::Mutex;

use self::{cache::PresenceCache, error::OrFault};

pub use open::OpenError;

/// All ports of `tms-core` on one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Held by whoever writes, so that the rows in it are always what is stored.
    cache: Mutex<PresenceCache>,
    audit_keys: RwLock<Arc<AuditKeys>>,
    limits: limit::Buckets,
    /// Held for as long as a server's store lives; the system releases it even after a crash.
    _lock: Option<File>,
}

impl SqliteStore {
    /// Returns the ports.
    pub fn stores(self: &Arc<Self>) -> Stores {
        Stores::from_one(self)
    }

    /// Ends all connections, so that SQLite folds its log into the database file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    fn set_audit_keys(&self, keys: AuditKeys) {
        *self.audit_keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    async fn read(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.readers.acquire().await.or_fault("database", "")
    }
}
