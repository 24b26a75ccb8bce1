//! Notifications: who is told of alerts, by which channel, and the outbox that makes sure of it.
//!
//! Nothing is sent from here; a [`Notifier`] does.

pub mod deliver;
mod direct;
pub mod document;
pub mod follow;
pub mod hours;
pub mod letter;
mod seal;
pub mod send;
pub mod service;
pub mod store;
pub mod target;

use std::{collections::BTreeSet, time::Duration};

use crate::{
    alert::Severity,
    error::FieldErrors,
    id::{AlertId, ChannelId, CustomerId, MessageId, Revision},
    named_enum,
    text::{Lines, clean},
    time::Timestamp,
};

pub(crate) use direct::Invitation;
pub use hours::Hours;
pub(crate) use seal::ChannelSeal;
pub use send::{Destination, Letter, Notifier, SendError};
pub use service::Notifications;
pub use store::NotificationStore;
pub use target::{MailSecurity, MailTarget, Target};

/// How long a message waits for other alerts before it is sent.
pub const GATHER: Duration = Duration::from_secs(5);
/// The least time between two messages of a channel.
pub const PACE: Duration = Duration::from_secs(10);
/// The most alerts in one message.
pub const MOST_ITEMS: usize = 500;
/// After this time an unsent message is given up.
pub const GIVEN_UP_AFTER: Duration = Duration::from_secs(86_400);

named_enum!(
    /// The language of a channel's messages.
    Language {
        /// English.
        English = "en",
        /// Japanese.
        Japanese = "ja",
    }
);

/// What people set of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelDraft {
    /// What people call it; unique.
    pub name: String,
    /// Whether it is used.
    pub is_enabled: bool,
    /// Where it leads.
    pub target: Target,
    /// What it is told.
    pub routing: Routing,
    /// In which language.
    pub language: Language,
}

/// Which alerts a channel is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing {
    /// The least severe ones.
    pub lowest: Severity,
    /// Only of these customers; of all, and of the server itself, when empty.
    pub customers: BTreeSet<CustomerId>,
    /// Only at these hours.
    pub hours: Option<Hours>,
    /// Whether the end of an alert is told too.
    pub tells_end: bool,
}

impl Routing {
    /// Tells whether an alert of this severity and customer is told at `at`.
    pub fn wants(&self, severity: Severity, customer: Option<CustomerId>, at: Timestamp) -> bool {
        // The order of severities is that of the declaration, the worst first.
        severity <= self.lowest && self.reaches(customer) && self.hours.is_none_or(|hours| hours.contains(at))
    }

    /// Tells whether alerts of this customer are told at all.
    pub fn reaches(&self, customer: Option<CustomerId>) -> bool {
        self.customers.is_empty() || customer.is_some_and(|customer| self.customers.contains(&customer))
    }
}

impl ChannelDraft {
    /// Checks every field.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] naming wrong fields.
    pub fn checked(mut self) -> Result<Self, crate::Error> {
        let mut errors = FieldErrors::default();
        self.name = errors
            .take("name", clean(&self.name, 1, 100, Lines::One))
            .unwrap_or_default();
        self.target.check(&mut errors);
        if self.routing.customers.len() > 1_000 {
            errors.add("routing.customer_ids", "at most 1000");
        }
        errors.finish()?;
        Ok(self)
    }
}

/// A secret as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret(pub Vec<u8>);

impl std::fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedSecret(..)")
    }
}

/// How a channel fares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelState {
    /// How often it failed since it last worked.
    pub failures: u32,
    /// Why, the last time.
    pub last_error: Option<String>,
    /// When it last failed.
    pub last_failed_at: Option<Timestamp>,
    /// When it last worked.
    pub last_sent_at: Option<Timestamp>,
    /// When it may be used next.
    pub resume_at: Option<Timestamp>,
    /// How many messages wait.
    pub queued: u64,
}

/// A channel as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// What people set.
    pub draft: ChannelDraft,
    /// Its password, key or secret address.
    pub secret: Option<SealedSecret>,
    /// How it fares.
    pub state: ChannelState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When people last changed it.
    pub updated_at: Timestamp,
    /// Counts the changes of people.
    pub revision: Revision,
}

/// An alert within a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Item {
    /// Which.
    pub alert: AlertId,
    /// Whether its end is told, not its beginning.
    pub is_end: bool,
}

/// A message that waits in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id; what receivers know a repetition by.
    pub id: MessageId,
    /// By which channel.
    pub channel: ChannelId,
    /// What it tells, oldest first.
    pub items: Vec<Item>,
    /// How often it was tried. One that was tried is told again as it was.
    pub attempts: u32,
    /// When it is to be sent.
    pub due_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What came of sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// When.
    pub at: Timestamp,
    /// Why it failed; `None` when it worked.
    pub error: Option<String>,
    /// When the channel may be used next.
    pub resume_at: Timestamp,
}

/// Returns how long a channel rests after it failed `failures` times.
pub fn back_off(failures: u32) -> Duration {
    let doubled = 10_u64.saturating_mul(1 << failures.saturating_sub(1).min(10));
    Duration::from_secs(doubled.min(900))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::build::NOW;

    #[test]
    fn a_channel_is_told_of_what_is_bad_enough_and_its_own() {
        let customer = |n| CustomerId::new(n).unwrap();
        let mut routing = Routing {
            lowest: Severity::High,
            customers: BTreeSet::new(),
            hours: None,
            tells_end: false,
        };
        assert!(routing.wants(Severity::Critical, None, NOW) && routing.wants(Severity::High, Some(customer(1)), NOW));
        assert!(!routing.wants(Severity::Medium, None, NOW));
        routing.customers = BTreeSet::from([customer(1)]);
        assert!(routing.wants(Severity::High, Some(customer(1)), NOW));
        assert!(!routing.wants(Severity::High, Some(customer(2)), NOW) && !routing.wants(Severity::High, None, NOW));
    }

    #[test]
    fn a_channel_that_fails_rests_ever_longer() {
        let rests: Vec<_> = (1..9).map(|n| back_off(n).as_secs()).collect();
        assert_eq!(rests, [10, 20, 40, 80, 160, 320, 640, 900]);
        assert_eq!(back_off(u32::MAX).as_secs(), 900);
    }
}
