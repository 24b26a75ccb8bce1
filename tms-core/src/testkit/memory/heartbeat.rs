//! Heartbeats in memory.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{
    MemoryStore,
    paging::{Keyed, page_of, sortable},
};
use crate::{
    error::StoreError,
    heartbeat::{
        Answer, Heartbeat, HeartbeatRecord, HeartbeatStore,
        plan::{BatchRules, plan},
    },
    id::TerminalId,
    page::{Order, Page, PageRequest},
    time::Timestamp,
};

fn record(beat: &Heartbeat) -> HeartbeatRecord {
    HeartbeatRecord {
        received_at: beat.received_at,
        agent_time: beat.agent_time,
        seq: beat.sequence.as_ref().map(|sequence| sequence.seq),
        device: beat.device,
        metrics: beat.metrics,
        transaction_count: beat.counters.transaction_count,
    }
}

#[async_trait]
impl HeartbeatStore for MemoryStore {
    async fn record_batch(&self, beats: &[Heartbeat], rules: &BatchRules) -> Result<Vec<Answer>, StoreError> {
        let mut state = self.enter()?;
        let ids: BTreeSet<_> = beats.iter().map(|beat| beat.terminal).collect();
        let rows = ids.iter().filter_map(|id| state.presence.get(id).cloned()).collect();
        let plan = plan(rows, beats, rules);
        for write in plan.writes {
            state.presence.insert(write.row.terminal, write.row);
        }
        for beat in plan.history.iter().filter_map(|index| beats.get(*index)) {
            state.history.entry(beat.terminal).or_default().push(record(beat));
        }
        for change in plan.changes {
            state.note_change(change);
        }
        Ok(plan.answers)
    }

    async fn history(
        &self,
        terminal: TerminalId,
        from: Timestamp,
        to: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<HeartbeatRecord>, StoreError> {
        let state = self.enter()?;
        let records = (0..).zip(state.history.get(&terminal).into_iter().flatten());
        let matching = records.filter(|(_, record)| (from..to).contains(&record.received_at));
        let rows = matching.map(|(id, record)| Keyed {
            value: sortable(record.received_at.as_micros()),
            id,
            row: record,
        });
        Ok(page_of(rows.collect(), Order::Descending, page, HeartbeatRecord::clone))
    }
}
