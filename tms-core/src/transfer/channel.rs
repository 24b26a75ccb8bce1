//! Notification channels in a transfer: where they lead and what they are told, without their secret and out of use.

use std::collections::{BTreeMap, BTreeSet};

use crate::{error::Error, id::CustomerId, notification::ChannelDraft};

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelEntry {
    /// What people set. It is never in use: nobody shall be told of another fleet before somebody has looked, and most
    /// channels need a secret first. Its routing names no customers, since ids say nothing elsewhere.
    pub draft: ChannelDraft,
    /// The only customers whose alerts it is told of, by company name; all when empty.
    pub customers: BTreeSet<String>,
}

impl ChannelEntry {
    /// Makes the entry of a channel; `None` for one that is told of nothing any more, as all its customers are gone.
    pub(super) fn of(mut draft: ChannelDraft, names: &BTreeMap<CustomerId, String>) -> Option<Self> {
        let of_whom = std::mem::take(&mut draft.routing.customers);
        draft.is_enabled = false;
        let customers: BTreeSet<String> = of_whom.iter().filter_map(|id| names.get(id).cloned()).collect();
        (of_whom.is_empty() || !customers.is_empty()).then_some(Self { draft, customers })
    }

    /// Returns the draft of this channel, told of the customers whose names it says.
    pub fn told_of(&self, customers: BTreeSet<CustomerId>) -> ChannelDraft {
        let mut draft = self.draft.clone();
        draft.routing.customers = customers;
        draft
    }

    /// Checks and cleans every field as those of any channel; whose alerts it is told of, is checked by name.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each wrong field.
    pub fn checked(self) -> Result<Self, Error> {
        let mut draft = self.draft.checked()?;
        draft.is_enabled = false;
        draft.routing.customers.clear();
        Ok(Self { draft, ..self })
    }
}
