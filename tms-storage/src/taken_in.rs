//! What both databases do alike when a transfer is taken in: from names to ids, and lines by terminal. No SQL.

use std::collections::HashMap;

use tms_core::{
    StoreError,
    id::{CustomerId, EntityRef, TerminalId},
    notification::ChannelDraft,
    terminal::TerminalDraft,
    terminal_log::LogEntry,
    text::SerialNumber,
    transfer::{ChannelEntry, LogLine, TerminalEntry, UserEntry},
};

/// The customers that a transfer names.
#[derive(Debug, Default)]
pub(crate) struct Companies(HashMap<String, CustomerId>);

impl FromIterator<(String, CustomerId)> for Companies {
    fn from_iter<I: IntoIterator<Item = (String, CustomerId)>>(rows: I) -> Self {
        Self(rows.into_iter().collect())
    }
}

impl Companies {
    fn get(&self, name: &str) -> Result<CustomerId, StoreError> {
        let missing = || StoreError::Missing(EntityRef::new("customer", name));
        self.0.get(name).copied().ok_or_else(missing)
    }

    /// Returns the only customer that a person sees.
    pub(crate) fn of_user(&self, user: &UserEntry) -> Result<Option<CustomerId>, StoreError> {
        user.customer.as_deref().map(|name| self.get(name)).transpose()
    }

    /// Returns the drafts of terminals.
    pub(crate) fn drafts(&self, entries: &[&TerminalEntry]) -> Result<Vec<TerminalDraft>, StoreError> {
        let draft = |entry: &&TerminalEntry| {
            let customer = self.get(&entry.draft.customer)?;
            Ok(entry.draft.clone().owned_by(customer))
        };
        entries.iter().map(draft).collect()
    }

    /// Returns the draft of a channel.
    pub(crate) fn channel(&self, entry: &ChannelEntry) -> Result<ChannelDraft, StoreError> {
        let customers = entry.customers.iter().map(|name| self.get(name));
        Ok(entry.told_of(customers.collect::<Result<_, _>>()?))
    }
}

/// The terminals to which things of a transfer belong, and whose they are.
#[derive(Debug, Default)]
pub(crate) struct Fleet(HashMap<SerialNumber, (TerminalId, CustomerId)>);

impl Extend<(SerialNumber, (TerminalId, CustomerId))> for Fleet {
    fn extend<I: IntoIterator<Item = (SerialNumber, (TerminalId, CustomerId))>>(&mut self, rows: I) {
        self.0.extend(rows);
    }
}

impl Fleet {
    /// Returns a terminal and whose it is.
    pub(crate) fn get(&self, serial: &SerialNumber) -> Result<(TerminalId, CustomerId), StoreError> {
        let missing = || StoreError::Missing(EntityRef::new("terminal", serial));
        self.0.get(serial).copied().ok_or_else(missing)
    }

    /// Returns lines by terminal.
    pub(crate) fn lines(&self, lines: &[LogLine]) -> Result<HashMap<TerminalId, Vec<LogEntry>>, StoreError> {
        let mut by_terminal: HashMap<TerminalId, Vec<LogEntry>> = HashMap::new();
        for line in lines {
            let (terminal, _) = self.get(&line.serial)?;
            by_terminal.entry(terminal).or_default().push(line.entry.clone());
        }
        Ok(by_terminal)
    }
}
