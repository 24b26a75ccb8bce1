//! The context of one request or one tick: who acts, when, from where. Services take it first and read no clock below.

use std::net::IpAddr;

use crate::{
    audit::{AuditEntry, AuditResult, AuditTarget, Refusals},
    credential::AgentIdentity,
    error::{Error, Proof},
    id::{ApiTokenId, CustomerId, SessionId, UserId},
    idempotency::IdempotencyKey,
    operator::api_token::Scopes,
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
    /// The only customer this person sees, if bound to one.
    pub customer: Option<CustomerId>,
    /// What they showed.
    pub access: Access,
    /// Whether the role asks for a second factor that they have not set up; until then nothing else is allowed.
    pub must_set_up: bool,
}

/// What a person showed to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// The access token of a sign-in.
    Session {
        /// The sign-in.
        id: SessionId,
        /// Until when the last proof of who it is counts as fresh.
        proven_until: Timestamp,
    },
    /// A personal API token.
    ApiToken {
        /// The token.
        id: ApiTokenId,
        /// What of the person's rights it has.
        scopes: Scopes,
    },
}

impl OperatorIdentity {
    /// Tells whether role, customer and token together allow `permission`.
    pub fn may(&self, permission: Permission) -> bool {
        let by_token = match &self.access {
            Access::Session { .. } => true,
            Access::ApiToken { scopes, .. } => scopes.allow(permission),
        };
        by_token && self.role.has(permission) && (self.customer.is_none() || permission.is_for_bound())
    }

    fn is_proven(&self, now: Timestamp) -> bool {
        matches!(self.access, Access::Session { proven_until, .. } if now < proven_until)
    }
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
    /// Notes what is refused.
    pub refusals: Refusals,
    /// The key by which a repetition of the request is known, if it was given one.
    pub idempotency: Option<IdempotencyKey>,
}

impl Ctx {
    /// Makes the context of the program itself.
    pub fn system(now: Timestamp) -> Self {
        Self {
            actor: Actor::System,
            now,
            origin: Origin::default(),
            refusals: Refusals::default(),
            idempotency: None,
        }
    }

    /// Checks that the actor has `permission`; notes it for the audit trail when not.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when nobody has signed in, [`Error::Denied`] when the role lacks it,
    /// [`Error::ProofNeeded`] when the person must set up a second factor, or prove again who they are.
    pub fn require(&self, permission: Permission) -> Result<(), Error> {
        self.allow(permission).inspect_err(|error| {
            if matches!(error, Error::Denied(_)) {
                self.refused(permission.as_str(), AuditTarget::created("permission"), "forbidden");
            }
        })
    }

    /// Makes the error of a missing permission and notes it for the audit trail.
    pub fn denied(&self, permission: Permission) -> Error {
        self.refused(permission.as_str(), AuditTarget::created("permission"), "forbidden");
        Error::Denied(permission.as_str())
    }

    /// Notes for the audit trail that something was refused, and why. Never with what somebody typed: it may have been
    /// a password.
    pub fn refused(&self, action: &'static str, target: AuditTarget, reason: &'static str) {
        self.refusals
            .note(self.audit(action, target, serde_json::json!({ "reason": reason })));
    }

    /// Tells whether the actor may, where to be told no is no refused attempt.
    pub(crate) fn allow(&self, permission: Permission) -> Result<(), Error> {
        let person = match &self.actor {
            Actor::System => return Ok(()),
            Actor::Anonymous => return Err(Error::InvalidToken),
            Actor::Agent(_) => return Err(Error::Denied(permission.as_str())),
            Actor::Operator(person) => person,
        };
        if !person.may(permission) {
            Err(Error::Denied(permission.as_str()))
        } else if person.must_set_up {
            Err(Error::ProofNeeded(Proof::SetUp))
        } else if permission.needs_proof() && !person.is_proven(self.now) {
            Err(Error::ProofNeeded(Proof::Fresh))
        } else {
            Ok(())
        }
    }

    /// Returns the signed-in person, however they are let in.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when the actor is none.
    pub fn person(&self) -> Result<&OperatorIdentity, Error> {
        match &self.actor {
            Actor::Operator(person) => Ok(person),
            _ => Err(Error::InvalidToken),
        }
    }

    /// Returns the person and the session, for what people do with their own account.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when nobody has signed in, [`Error::Denied`] for an API token.
    pub fn session(&self) -> Result<(&OperatorIdentity, SessionId), Error> {
        let person = self.person()?;
        match person.access {
            Access::Session { id, .. } => Ok((person, id)),
            Access::ApiToken { .. } => {
                self.refused("sign-in", AuditTarget::created("permission"), "forbidden");
                Err(Error::Denied("sign-in"))
            }
        }
    }

    /// Returns the person and the session if who they are was proven minutes ago.
    ///
    /// # Errors
    /// As [`Self::session`], and [`Error::ProofNeeded`].
    pub fn proven_session(&self) -> Result<(&OperatorIdentity, SessionId), Error> {
        let (person, session) = self.session()?;
        if person.is_proven(self.now) {
            Ok((person, session))
        } else {
            Err(Error::ProofNeeded(Proof::Fresh))
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
            customer: self.scope(),
            changes,
            result: AuditResult::Done,
            origin: self.origin.clone(),
        }
    }
}
