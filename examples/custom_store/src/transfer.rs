//! Transfers into the other stores, and their lines into ours.
//!
//! A folder takes no part in a database's transaction: lines are written once the rest is there. Who is cut off in
//! between does the transfer again, which adds the lines that are missing and nothing else.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{EntityRef, TerminalId},
    terminal::TerminalStore,
    terminal_log::{LogEntry, TerminalLogStore},
    text::SerialNumber,
    time::Timestamp,
    transfer::{Fixture, Taken, TransferStore, store::Ending},
};

use crate::JsonLinesLogs;

/// The transfers of another store, whose lines go into ours.
#[derive(Debug)]
pub(crate) struct WithLogs {
    logs: Arc<JsonLinesLogs>,
    inner: Arc<dyn TransferStore>,
    terminals: Arc<dyn TerminalStore>,
}

impl WithLogs {
    pub(crate) fn new(
        logs: Arc<JsonLinesLogs>,
        inner: Arc<dyn TransferStore>,
        terminals: Arc<dyn TerminalStore>,
    ) -> Self {
        Self { logs, inner, terminals }
    }

    async fn id(&self, serial: &SerialNumber) -> Result<Option<TerminalId>, StoreError> {
        let found = self.terminals.find_by_serial(serial).await?;
        Ok(found.map(|view| view.terminal.id))
    }
}

#[async_trait]
impl TransferStore for WithLogs {
    async fn take_in(
        &self,
        fixture: &Fixture,
        ending: Ending,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Taken, StoreError> {
        let mut lines: BTreeMap<&SerialNumber, Vec<LogEntry>> = BTreeMap::new();
        for line in &fixture.logs {
            lines.entry(&line.serial).or_default().push(line.entry.clone());
        }
        let mut new = 0;
        for (serial, entries) in &lines {
            let known = match self.id(serial).await? {
                Some(terminal) => self.logs.read(terminal)?,
                None if fixture.terminals.iter().any(|entry| entry.draft.serial == **serial) => Vec::new(),
                None => return Err(StoreError::Missing(EntityRef::new("terminal", serial))),
            };
            let mut ids: HashSet<_> = known.iter().map(|log| log.entry.event_id.as_str()).collect();
            new += entries.iter().filter(|entry| ids.insert(&entry.event_id)).count();
        }
        let rest = Fixture {
            logs: Vec::new(),
            ..fixture.clone()
        };
        let mut taken = self.inner.take_in(&rest, ending, now, with).await?;
        taken.logs = u64::try_from(new).unwrap_or(u64::MAX);
        if ending == Ending::Keep {
            for (serial, entries) in &lines {
                if let Some(terminal) = self.id(serial).await? {
                    self.logs.append(terminal, entries, now).await?;
                }
            }
        }
        Ok(taken)
    }
}
