//! The audit trail in memory.

use async_trait::async_trait;

use super::{
    MemoryStore,
    paging::{Keyed, page_of},
    state::State,
};
use crate::{
    audit::{
        AuditKeys, AuditRecord, Checkpoint, Head, Seal, SignedRecord,
        store::{AuditFilter, AuditRow, AuditStore, ChainEnd},
        verify::{Link, Unsealed},
    },
    envelope::Envelope,
    error::StoreError,
    id::{CustomerId, EntityRef},
    lease::Fence,
    page::{Order, Page, PageRequest},
    time::Timestamp,
};

/// The trail as kept.
#[derive(Debug, Default, Clone)]
pub(super) struct Trail {
    pub(super) keys: Option<AuditKeys>,
    pub(super) entries: Vec<SignedRecord>,
    seals: Vec<Seal>,
    checkpoint: Option<Checkpoint>,
    last_id: i64,
}

impl Trail {
    /// Signs and keeps an entry.
    pub(super) fn add(&mut self, entry: &crate::audit::AuditEntry, created: Option<i64>) {
        self.last_id += 1;
        let record = entry.record(self.last_id, created);
        self.entries
            .push(self.keys.get_or_insert_with(AuditKeys::public).sign(record));
    }

    fn end(&self) -> ChainEnd {
        let dropped = self.checkpoint.as_ref().map(|checkpoint| checkpoint.head);
        let last = self.seals.last();
        ChainEnd {
            checkpoint: self.checkpoint.clone(),
            head: last.map(Seal::head).or(dropped).unwrap_or_default(),
            verdict: last.map(|seal| seal.verdict),
        }
    }

    fn is_sealed(&self, id: i64) -> bool {
        self.seals.iter().any(|seal| seal.entry == id)
    }

    fn entry(&self, id: i64) -> Option<&SignedRecord> {
        self.entries.iter().find(|entry| entry.record.id == id)
    }

    fn waiting(&self, limit: u32) -> impl Iterator<Item = &SignedRecord> {
        let waiting = self.entries.iter().filter(|entry| !self.is_sealed(entry.record.id));
        waiting.take(limit as usize)
    }
}

fn matches(filter: &AuditFilter, record: &AuditRecord) -> bool {
    let is = |asked: &Option<String>, field: &str| asked.as_ref().is_none_or(|asked| asked == field);
    is(&filter.actor, &record.actor)
        && is(&filter.action, &record.action)
        && is(&filter.target_type, &record.target_type)
        && filter.target_id.is_none_or(|id| record.target_id == Some(id))
        && filter
            .customer
            .map(CustomerId::get)
            .is_none_or(|id| record.customer_id == Some(id))
        && filter.from.is_none_or(|from| record.at >= from)
        && filter.to.is_none_or(|to| record.at < to)
}

#[async_trait]
impl AuditStore for MemoryStore {
    fn use_keys(&self, keys: AuditKeys) {
        self.lock().trail.keys = Some(keys);
    }

    async fn record(&self, with: Envelope) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.finish(with, 0);
        Ok(())
    }

    async fn list(&self, filter: &AuditFilter, order: Order, page: &PageRequest) -> Result<Page<AuditRow>, StoreError> {
        let state = self.enter()?;
        let records = state.trail.entries.iter().map(|entry| &entry.record);
        let rows = records
            .filter(|record| matches(filter, record))
            .map(|record| Keyed::by_id(record.id, record));
        Ok(page_of(rows.collect(), order, page, |record| AuditRow {
            record: record.clone(),
            is_sealed: state.trail.is_sealed(record.id),
        }))
    }

    async fn chain_end(&self) -> Result<ChainEnd, StoreError> {
        Ok(self.enter()?.trail.end())
    }

    async fn pending(&self, limit: u32) -> Result<Vec<SignedRecord>, StoreError> {
        Ok(self.enter()?.trail.waiting(limit).cloned().collect())
    }

    async fn seal(&self, seals: &[Seal], fence: Fence) -> Result<(), StoreError> {
        let mut guard = self.enter()?;
        guard.check_fence(Some(fence))?;
        let State { trail, .. } = &mut *guard;
        let stale = |place: i64| StoreError::Stale(EntityRef::new("audit seal", place));
        for (place, seal) in (trail.end().head.place + 1..).zip(seals) {
            if seal.place != place || trail.is_sealed(seal.entry) {
                return Err(stale(seal.place));
            }
        }
        trail.seals.extend_from_slice(seals);
        Ok(())
    }

    async fn links(&self, after: i64, limit: u32) -> Result<Vec<Link>, StoreError> {
        let state = self.enter()?;
        let trail = &state.trail;
        let seals = trail.seals.iter().filter(|seal| seal.place > after);
        let link = |seal: &Seal| Link {
            seal: seal.clone(),
            entry: trail.entry(seal.entry).cloned(),
        };
        Ok(seals.take(limit as usize).map(link).collect())
    }

    async fn unsealed(&self, after: i64, limit: u32) -> Result<Vec<Unsealed>, StoreError> {
        let state = self.enter()?;
        let waiting = state.trail.waiting(u32::MAX).filter(|entry| entry.record.id > after);
        let row = |entry: &SignedRecord| Unsealed {
            id: entry.record.id,
            entry: Some(entry.clone()),
        };
        Ok(waiting.take(limit as usize).map(row).collect())
    }

    async fn cut(&self, before: Timestamp) -> Result<Option<Head>, StoreError> {
        let state = self.enter()?;
        let trail = &state.trail;
        let is_old = |seal: &&Seal| trail.entry(seal.entry).is_none_or(|entry| entry.record.at < before);
        Ok(trail.seals.iter().take_while(is_old).last().map(Seal::head))
    }

    async fn trim(&self, checkpoint: &Checkpoint, fence: Fence) -> Result<u64, StoreError> {
        let mut guard = self.enter()?;
        guard.check_fence(Some(fence))?;
        let State { trail, .. } = &mut *guard;
        trail.checkpoint = Some(checkpoint.clone());
        let kept = trail.seals.partition_point(|seal| seal.place <= checkpoint.head.place);
        let dropped: Vec<_> = trail.seals.drain(..kept).map(|seal| seal.entry).collect();
        let held = trail.entries.len();
        trail.entries.retain(|entry| !dropped.contains(&entry.record.id));
        Ok(u64::try_from(held - trail.entries.len()).unwrap_or(u64::MAX))
    }
}
