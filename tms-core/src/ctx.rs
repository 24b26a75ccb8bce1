//! The context of one request or one tick: who acts, when, from where. Services take it first and read no clock below.

use std::net::IpAddr;

use crate::{
    audit::{AuditEntry, AuditTarget},
    credential::AgentIdentity,
    error::Error,
    id::{CustomerId, SessionId, UserId},
    permission::{Permission, Role},
    time::Timestamp,
};

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Nobody has signed in; may only sign in or enrol.
    Anonymous,
    /// The program itself: a reconciler or the command line.
    System,
    /// An agent, bound to one terminal.
    Agent(AgentIdentity),
    /// A person.
    Operator(OperatorIdentity),
}

/// A signed-in person as read from the store for this very request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorIdentity {
    /// Who.
    pub user: UserId,
    /// The name used to sign in.
    pub username: String,
    /// The present role.
    pub role: Role,
    /// The session.
    pub session: SessionId,
    /// The only customer this person sees, if bound to one.
    pub customer: Option<CustomerId>,
}

/// Where a request came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Names the request in logs, audit and answers.
    pub request_id: String,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// What the client says it is, cut to 200 characters.
    pub user_agent: String,
}

/// Who acts, when and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ctx {
    /// Who.
    pub actor: Actor,
    /// When, read once from the clock.
    pub now: Timestamp,
    /// From where.
    pub origin: Origin,
}

impl Ctx {
    /// Makes the context of the program itself.
    pub fn system(now: Timestamp) -> Self {
        Self {
            actor: Actor::System,
            now,
            origin: Origin::default(),
        }
    }

    /// Checks that the actor has `permission`.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when nobody has signed in, [`Error::Denied`] when the role lacks it.
    pub fn require(&self, permission: Permission) -> Result<(), Error> {
        match &self.actor {
            Actor::System => Ok(()),
            Actor::Anonymous => Err(Error::InvalidToken),
            Actor::Operator(person) if person.role.has(permission) => Ok(()),
            Actor::Operator(_) | Actor::Agent(_) => Err(Error::Denied(permission.as_str())),
        }
    }

    /// Returns the customer that bounds what the actor sees; `None` means all.
    pub fn scope(&self) -> Option<CustomerId> {
        match &self.actor {
            Actor::Operator(person) => person.customer,
            Actor::Agent(agent) => Some(agent.customer),
            Actor::System | Actor::Anonymous => None,
        }
    }

    /// Tells whether the actor may see what belongs to `customer`.
    pub fn sees(&self, customer: CustomerId) -> bool {
        self.scope().is_none_or(|own| own == customer)
    }

    /// Returns the name of the actor, as audit entries and `acknowledged_by` show it.
    pub fn actor_name(&self) -> String {
        match &self.actor {
            Actor::Anonymous => "anonymous".to_owned(),
            Actor::System => "system".to_owned(),
            Actor::Agent(agent) => format!("agent:{}", agent.serial),
            Actor::Operator(person) => person.username.clone(),
        }
    }

    /// Makes the audit entry of something this actor does.
    pub fn audit(&self, action: &'static str, target: AuditTarget, changes: serde_json::Value) -> AuditEntry {
        AuditEntry {
            at: self.now,
            actor: self.actor_name(),
            role: match &self.actor {
                Actor::Operator(person) => Some(person.role),
                _ => None,
            },
            action,
            target,
            changes,
            origin: self.origin.clone(),
        }
    }
}
