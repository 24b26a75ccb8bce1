//! The sealer links what was written since, and retention trims the chain from its beginning. One node at a time leads.

use super::{
    AuditKeys,
    chain::{Head, Seal, Verdict},
    checkpoint::Checkpoint,
    store::AuditStore,
};
use crate::{error::StoreError, lease::Fence, time::Timestamp};

/// Entries of one transaction of the sealer.
const STEP: u32 = 1_000;

/// What the sealer did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sealed {
    /// How many entries it linked.
    pub linked: u64,
    /// How many of them nobody with the key had written.
    pub forged: u64,
    /// Where the chain ends; `None` if nothing was linked.
    pub head: Option<Head>,
}

/// Links everything that waits. Run twice, or on two nodes, it links nothing twice.
///
/// # Errors
/// What the store answered; [`StoreError::Fenced`] when another node leads. What was linked until then stays linked.
pub async fn seal(store: &dyn AuditStore, keys: &AuditKeys, fence: Fence) -> Result<Sealed, StoreError> {
    let mut done = Sealed::default();
    loop {
        let entries = store.pending(STEP).await?;
        if entries.is_empty() {
            return Ok(done);
        }
        let end = store.chain_end().await?;
        let mut head = end.head;
        let mut is_beginning = head.place == 0 || end.verdict == Some(Verdict::Adopted);
        let mut seals = Vec::with_capacity(entries.len());
        for entry in &entries {
            let seal = Seal::link(keys, &head, entry, is_beginning);
            is_beginning &= seal.verdict == Verdict::Adopted;
            done.forged += u64::from(seal.verdict == Verdict::Forged);
            head = seal.head();
            seals.push(seal);
        }
        store.seal(&seals, fence).await?;
        done.linked += u64::try_from(seals.len()).unwrap_or(u64::MAX);
        done.head = Some(head);
    }
}

/// Drops what is older than `before` and leaves a signed checkpoint in its place; returns how many entries went.
///
/// # Errors
/// What the store answered; [`StoreError::Fenced`] when another node leads.
pub async fn trim(
    store: &dyn AuditStore,
    keys: &AuditKeys,
    before: Timestamp,
    now: Timestamp,
    fence: Fence,
) -> Result<u64, StoreError> {
    let Some(head) = store.cut(before).await? else {
        return Ok(0);
    };
    store.trim(&Checkpoint::new(keys, head, now), fence).await
}
