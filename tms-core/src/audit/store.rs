//! The port of the audit trail.

use std::fmt;

use async_trait::async_trait;

use super::{
    chain::{Head, Seal, Verdict},
    checkpoint::Checkpoint,
    key::AuditKeys,
    record::{AuditRecord, SignedRecord},
    verify::{Link, Unsealed},
};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::CustomerId,
    lease::Fence,
    page::{Order, Page, PageRequest},
    time::Timestamp,
};

/// Which entries are asked for; every part bounds further.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only those of this actor.
    pub actor: Option<String>,
    /// Only this action.
    pub action: Option<String>,
    /// Only about this kind of object.
    pub target_type: Option<String>,
    /// Only about the object with this id.
    pub target_id: Option<i64>,
    /// Only about what is this customer's.
    pub customer: Option<CustomerId>,
    /// Only at or after.
    pub from: Option<Timestamp>,
    /// Only before.
    pub to: Option<Timestamp>,
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// The entry.
    pub record: AuditRecord,
    /// Whether it is in the chain.
    pub is_sealed: bool,
}

/// Where the chain ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainEnd {
    /// The newest checkpoint.
    pub checkpoint: Option<Checkpoint>,
    /// The last place of the chain, be it dropped; the default before the first.
    pub head: Head,
    /// The verdict of the last place, if it is still there.
    pub verdict: Option<Verdict>,
}

/// Durable home of the audit trail. Entries themselves come in with the envelopes of every port; what this port adds is
/// reading, linking and dropping.
///
/// Each entry is signed when it is written, with the keys given to [`Self::use_keys`], and can't be changed by anybody
/// who can't sign (case `audit::entries_are_signed_as_written`).
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait AuditStore: fmt::Debug + Send + Sync + 'static {
    /// Signs whatever any port of this backend writes from now on; until then the public keys are used.
    fn use_keys(&self, keys: AuditKeys);

    /// Writes the entries of an envelope that has no change to go with, in a transaction of their own (case
    /// `audit::refusals_are_written_by_themselves`).
    async fn record(&self, with: Envelope) -> Result<(), StoreError>;

    /// Lists entries in the order of their ids (cases `audit::filters_match_the_model`,
    /// `audit::cursors_walk_each_entry_once`).
    async fn list(&self, filter: &AuditFilter, order: Order, page: &PageRequest) -> Result<Page<AuditRow>, StoreError>;

    /// Returns where the chain ends.
    async fn chain_end(&self) -> Result<ChainEnd, StoreError>;

    /// Returns entries that are not in the chain yet, in the order of their ids. One whose transaction commits late
    /// comes later, and is never skipped (case `audit::every_entry_is_linked_once`).
    async fn pending(&self, limit: u32) -> Result<Vec<SignedRecord>, StoreError>;

    /// Adds links to the end of the chain, all or none (case `audit::a_chain_has_one_end`).
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another node leads, [`StoreError::Stale`] when the chain does not end before the
    /// first of them.
    async fn seal(&self, seals: &[Seal], fence: Fence) -> Result<(), StoreError>;

    /// Returns the links behind the place `after`, in order, each with its entry.
    async fn links(&self, after: i64, limit: u32) -> Result<Vec<Link>, StoreError>;

    /// Returns what is not in the chain, with ids above `after`, in order of the ids: entries without a seal, and what
    /// waits to be sealed and has no entry any more.
    async fn unsealed(&self, after: i64, limit: u32) -> Result<Vec<Unsealed>, StoreError>;

    /// Returns the last place of the chain before which, itself included, everything is older than `before`; `None`
    /// when there is nothing so old.
    async fn cut(&self, before: Timestamp) -> Result<Option<Head>, StoreError>;

    /// Keeps `checkpoint`, and drops all entries and links up to its place; returns how many entries went (case
    /// `audit::a_trimmed_chain_verifies`). PostgreSQL drops nothing that is younger than 30 days.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another node leads.
    async fn trim(&self, checkpoint: &Checkpoint, fence: Fence) -> Result<u64, StoreError>;
}
