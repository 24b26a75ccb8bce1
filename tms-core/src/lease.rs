//! Leadership: one node at a time does the background work, proven by a fencing token that every write carries.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use crate::{error::StoreError, time::Timestamp};

/// Proof that a node led when it decided to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The lease.
    pub lease: &'static str,
    /// Grows with each change of leader.
    pub token: i64,
}

/// Durable home of leases.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait LeaseStore: fmt::Debug + Send + Sync + 'static {
    /// Takes or renews `lease` for `holder` until `now + ttl`; `None` while another holds it.
    ///
    /// Renewing keeps the token; taking over increments it (cases `lease::renewing_keeps_the_token`,
    /// `lease::takeover_fences_the_old_leader`).
    async fn acquire(
        &self,
        lease: &'static str,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Fence>, StoreError>;

    /// Gives `fence` back at once, so that another node need not wait; nothing happens if it was taken over already.
    async fn release(&self, fence: Fence) -> Result<(), StoreError>;
}
