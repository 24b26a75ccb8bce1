//! Every port in memory: one lock around the whole state, so that each call is a transaction. For tests and for trying
//! things out; nothing survives the process. It decides nothing: it calls the same pure rules as every store.

mod alert;
mod api_token;
mod audit;
mod credential;
mod customer;
mod enrolment;
mod event;
mod guess;
mod heartbeat;
mod idempotency;
mod lease;
mod limit;
mod maintenance;
mod metric;
mod notification;
mod paging;
mod password_link;
mod presence;
mod report;
mod second_factor;
mod session;
mod settings;
mod state;
mod terminal;
mod terminal_log;
mod transfer;
mod upkeep;
mod user;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use crate::{Stores, audit::AuditRecord, error::StoreError};
use state::State;

/// All stores in memory, with a switch that makes them fail.
///
/// ```
/// use tms_core::testkit::MemoryStore;
///
/// let store = MemoryStore::new();
/// let stores = store.stores();
/// store.fail_next(1);
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// assert!(stores.settings.load().await.is_err());
/// assert_eq!(stores.settings.load().await.unwrap(), None);
/// # });
/// ```
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    failures: AtomicU32,
    is_unavailable: AtomicBool,
}

impl MemoryStore {
    /// Makes an empty store.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Returns all ports of this store.
    pub fn stores(self: &Arc<Self>) -> Stores {
        Stores::from_one(self)
    }

    /// Returns the audit trail, oldest first, with the ids that were assigned.
    pub fn audit_entries(&self) -> Vec<AuditRecord> {
        let entries = self.lock().trail.entries.clone();
        entries.into_iter().map(|entry| entry.record).collect()
    }

    /// Makes the next `calls` calls answer [`StoreError::Unavailable`] and change nothing.
    pub fn fail_next(&self, calls: u32) {
        self.failures.store(calls, Ordering::SeqCst);
    }

    /// Makes every call answer [`StoreError::Unavailable`] until this is called with `false`.
    pub fn set_unavailable(&self, is_unavailable: bool) {
        self.is_unavailable.store(is_unavailable, Ordering::SeqCst);
    }

    /// Begins a transaction: the lock, unless the fault switch is on.
    fn enter(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let take_one = |left: u32| left.checked_sub(1);
        let fails = self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take_one)
            .is_ok();
        if fails || self.is_unavailable.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the test switched the store off".into()));
        }
        Ok(self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic between check and change can't happen: changes never fail.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
