//! Alerts: an open or resolved problem of one terminal, raised by a reconciler from state.

pub mod bulk;
pub mod cause;
pub mod reconcile;
pub mod rule;
pub mod rule_book;
pub mod service;
pub mod store;

use crate::{
    error::Error,
    event::{Event, EventKind},
    id::{AlertId, CustomerId, Revision, TerminalId},
    named_enum,
    presence::{Device, Presence},
    time::Timestamp,
};

pub use cause::{Cause, CauseSet};
pub use rule_book::AlertRuleBook;
pub use service::Alerts;
pub use store::AlertStore;

named_enum!(
    /// How bad it is; the worst first.
    Severity {
        /// The business stands still.
        Critical = "CRITICAL",
        /// Act now.
        High = "HIGH",
        /// Act today.
        Medium = "MEDIUM",
        /// Act some day.
        Low = "LOW",
        /// Good to know.
        Info = "INFO",
    }
);

named_enum!(
    /// Where an alert stands.
    AlertState {
        /// Nobody has answered it.
        Open = "open",
        /// Somebody has.
        Acknowledged = "acknowledged",
        /// It is over; final.
        Resolved = "resolved",
    }
);

named_enum!(
    /// How an alert ended.
    Resolution {
        /// A person ended it.
        Operator = "operator",
        /// The cause went away.
        Auto = "auto",
    }
);

/// An alert to raise.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAlert {
    /// Whose; `None` for an alert about the server itself.
    pub terminal: Option<TerminalId>,
    /// Whose terminal it is.
    pub customer: Option<CustomerId>,
    /// Why.
    pub cause: Cause,
    /// How bad.
    pub severity: Severity,
    /// The facts from which the text is made (message key and parameters, DECISIONS 22).
    pub details: serde_json::Value,
    /// When.
    pub at: Timestamp,
}

/// An alert as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// Whose; `None` for an alert about the server itself.
    pub terminal: Option<TerminalId>,
    /// Whose terminal it is.
    pub customer: Option<CustomerId>,
    /// Why.
    pub cause: Cause,
    /// How bad.
    pub severity: Severity,
    /// Where it stands.
    pub state: AlertState,
    /// The facts from which the text is made.
    pub details: serde_json::Value,
    /// How often it was raised while it was open.
    pub occurrences: i64,
    /// When it was raised.
    pub created_at: Timestamp,
    /// Who acknowledged it, and when.
    pub acknowledged: Option<(String, Timestamp)>,
    /// Who resolved it (nobody, if the cause went away), and when.
    pub resolved: Option<Resolved>,
    /// Counts the changes.
    pub revision: Revision,
}

/// The end of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// How.
    pub resolution: Resolution,
    /// By whom, if by a person.
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
    /// What the person noted.
    pub notes: Option<String>,
}

impl Alert {
    /// Tells whether it says that many terminals fell silent at once: it is about the server, not about one of them.
    pub const fn is_mass_loss(&self) -> bool {
        self.terminal.is_none() && matches!(self.cause, Cause::Offline)
    }

    /// Notes that `by` has seen it; again changes nothing.
    ///
    /// # Errors
    /// [`Error::Conflict`] once it is resolved.
    pub fn acknowledge(&mut self, by: &str, at: Timestamp) -> Result<(), Error> {
        match self.state {
            AlertState::Resolved => Err(Error::Conflict("a resolved alert stays as it is".to_owned())),
            AlertState::Acknowledged => Ok(()),
            AlertState::Open => {
                self.state = AlertState::Acknowledged;
                self.acknowledged = Some((by.to_owned(), at));
                Ok(())
            }
        }
    }

    /// Ends it on the word of a person.
    ///
    /// # Errors
    /// [`Error::Conflict`] once it is resolved.
    pub fn resolve(&mut self, by: &str, notes: Option<String>, at: Timestamp) -> Result<(), Error> {
        if self.state == AlertState::Resolved {
            return Err(Error::Conflict("a resolved alert stays as it is".to_owned()));
        }
        self.state = AlertState::Resolved;
        self.resolved = Some(Resolved {
            resolution: Resolution::Operator,
            by: Some(by.to_owned()),
            at,
            notes,
        });
        Ok(())
    }

    /// Makes the event that tells of a change to it.
    pub fn event(&self, kind: EventKind, at: Timestamp) -> Event {
        Event {
            kind,
            customer: self.customer,
            at,
            data: serde_json::json!({
                "alert_id": self.id.get(),
                "terminal_id": self.terminal.map(TerminalId::get),
                "alert_type": self.cause.as_str(),
                "severity": self.severity.as_str(),
                "status": self.state.as_str(),
            }),
        }
    }
}

/// What a reconciler does about the alerts of one terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertPlan {
    /// Whose.
    pub terminal: TerminalId,
    /// The causes that this was decided from; becomes the `alerted` of the presence row.
    pub seen_raised: CauseSet,
    /// Alerts to raise, unless one of the same cause is open.
    pub raise: Vec<NewAlert>,
    /// Causes whose open alert has ended.
    pub resolve: CauseSet,
    /// When the causes ended.
    pub at: Timestamp,
}

/// Decides what becomes of the alerts of a terminal whose `raised` and `alerted` differ.
///
/// A cause that a person resolved while it lasted stays in `alerted`: it is raised again only after it went away once.
pub fn decide(row: &Presence, rules: &rule::AlertRules, now: Timestamp) -> AlertPlan {
    let rules = rules.of(row.customer);
    let raise = row.raised.minus(row.alerted).iter().map(|cause| NewAlert {
        terminal: Some(row.terminal),
        customer: Some(row.customer),
        cause,
        severity: rules.severity(cause),
        details: details(row, cause, rules),
        at: now,
    });
    AlertPlan {
        terminal: row.terminal,
        seen_raised: row.raised,
        raise: raise.collect(),
        resolve: row.alerted.minus(row.raised),
        at: now,
    }
}

fn details(row: &Presence, cause: Cause, rules: rule::RulesOf<'_>) -> serde_json::Value {
    let skew = row
        .last_seen
        .zip(row.agent_time)
        .map(|(server, agent)| server.since(agent).max(agent.since(server)));
    match cause {
        Cause::Offline => serde_json::json!({
            "last_heartbeat": row.last_seen.map(|at| at.to_string()),
            "deadline": row.deadline.map(|at| at.to_string()),
        }),
        Cause::DeviceError => match row.device {
            Device::Error(code) => serde_json::json!({ "error_code": code }),
            _ => serde_json::json!({}),
        },
        _ => match rules.threshold(cause) {
            Some(rule) => serde_json::json!({
                "value": cause.measured(&row.metrics, skew.and_then(|s| i64::try_from(s.as_secs()).ok())),
                "threshold": rule.value,
                "duration_s": rule.duration_s,
            }),
            None => serde_json::json!({}),
        },
    }
}
