//! Logs of terminals in memory.

use async_trait::async_trait;

use super::{
    MemoryStore,
    paging::{Keyed, page_of},
};
use crate::{
    error::StoreError,
    id::{LogId, TerminalId},
    page::{Order, Page, PageRequest},
    terminal_log::{LogEntry, StoredLog, TerminalLogStore, store::LogFilter},
    time::Timestamp,
};

fn matches(entry: &LogEntry, filter: &LogFilter) -> bool {
    let contains = |text: &String| {
        let message = entry.message.to_ascii_lowercase();
        message.contains(&text.to_ascii_lowercase())
    };
    filter.level.is_none_or(|level| entry.level == level)
        && filter.kind.as_ref().is_none_or(|kind| entry.kind == *kind)
        && filter.text.as_ref().is_none_or(contains)
}

#[async_trait]
impl TerminalLogStore for MemoryStore {
    async fn append(&self, terminal: TerminalId, entries: &[LogEntry], now: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.enter()?;
        state.terminal(terminal)?;
        let mut stored = 0;
        for entry in entries {
            if !state.log_ids.insert((terminal, entry.event_id.clone())) {
                continue;
            }
            let log = StoredLog {
                id: LogId::new(state.next_id()).expect("ids grow from one"),
                entry: entry.clone(),
                received_at: now,
            };
            state.logs.entry(terminal).or_default().push(log);
            stored += 1;
        }
        Ok(stored)
    }

    async fn list(
        &self,
        terminal: TerminalId,
        filter: &LogFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredLog>, StoreError> {
        let state = self.enter()?;
        let logs = state.logs.get(&terminal).into_iter().flatten();
        let matching = logs.filter(|log| matches(&log.entry, filter));
        let rows = matching.map(|log| Keyed::by_id(log.id.get(), log));
        Ok(page_of(rows.collect(), Order::Descending, page, StoredLog::clone))
    }
}
