//! Enrolment: the first contact that turns a one-time code into an agent token.

pub mod code;
mod replay;
pub mod service;
pub mod store;

use crate::{
    customer::Customer,
    id::{CustomerId, EnrolmentCodeId, TerminalId},
    presence::Reported,
    secret::TokenHash,
    terminal::{Host, Lifecycle, Terminal},
    text::SerialNumber,
    time::Timestamp,
};

pub use code::CodeText;
pub use service::Enrolment;
pub use store::EnrolmentStore;

/// A code as stored; the text itself is known only to whom it was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentCode {
    /// Its id.
    pub id: EnrolmentCodeId,
    /// Which customer's terminals it enrols.
    pub customer: CustomerId,
    /// The shop that they get, if they have none.
    pub store_name: Option<String>,
    /// The shop's number that they get, if they have none.
    pub store_code: Option<String>,
    /// The only serial number that it enrols; such a code may also replace a PC (DECISIONS 35).
    pub serial: Option<SerialNumber>,
    /// How often it may be used.
    pub max_uses: u32,
    /// How often it was.
    pub used: u32,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// Whether it was withdrawn.
    pub is_revoked: bool,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// A code to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCode {
    /// The SHA-256 of its text.
    pub hash: TokenHash,
    /// Which customer's terminals it enrols.
    pub customer: CustomerId,
    /// The shop that they get.
    pub store_name: Option<String>,
    /// The shop's number that they get.
    pub store_code: Option<String>,
    /// The only serial number that it enrols.
    pub serial: Option<SerialNumber>,
    /// How often it may be used.
    pub max_uses: u32,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// Who makes it.
    pub created_by: String,
}

/// A checked request to enrol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    /// The SHA-256 of the code.
    pub code: TokenHash,
    /// The SHA-256 of the token that the agent will get.
    pub token: TokenHash,
    /// The reader.
    pub serial: SerialNumber,
    /// Its model.
    pub model: String,
    /// The PC.
    pub host: Host,
    /// What the agent says of itself.
    pub reported: Reported,
    /// The interval of a new terminal.
    pub interval_s: u32,
}

/// What a redemption finds in the store.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The code, if there is one.
    pub code: Option<&'a EnrolmentCode>,
    /// The code's customer.
    pub customer: Option<&'a Customer>,
    /// How many terminals that are not retired the customer has.
    pub enrolled: u64,
    /// The terminal that has the serial number already.
    pub existing: Option<&'a Terminal>,
}

/// What a redemption may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Make a new terminal.
    Create,
    /// Give this terminal to the new agent; its older tokens end.
    TakeOver(TerminalId),
}

/// Why an enrolment was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Unknown, used up, expired, withdrawn or for another serial: nobody learns which.
    Code,
    /// The holder of a good code may know this.
    State(&'static str),
}

/// Decides about an enrolment. Pure; the store calls it within the transaction that redeems the code.
///
/// # Errors
/// [`Refusal`] as described there.
pub fn admit(found: Situation<'_>, serial: &SerialNumber, now: Timestamp) -> Result<Admission, Refusal> {
    let (Some(code), Some(customer)) = (found.code, found.customer) else {
        return Err(Refusal::Code);
    };
    let is_good = !code.is_revoked && code.used < code.max_uses && now < code.expires_at;
    let fits = code.serial.as_ref().is_none_or(|bound| bound == serial);
    if !is_good || !fits {
        return Err(Refusal::Code);
    }
    let existing = found.existing;
    let counts_anew = existing.is_none_or(|terminal| terminal.lifecycle == Lifecycle::Retired);
    let enrolled = if counts_anew {
        found.enrolled
    } else {
        found.enrolled.saturating_sub(1)
    };
    let is_replacement = existing.is_some_and(|terminal| terminal.lifecycle == Lifecycle::Active);
    if let Some(reason) = customer.enrolment_refusal(enrolled, now).filter(|_| !is_replacement) {
        return Err(Refusal::State(reason));
    }
    match existing {
        None => Ok(Admission::Create),
        Some(terminal) if terminal.draft.customer != code.customer => {
            Err(Refusal::State("the serial number is enrolled already"))
        }
        Some(terminal) if terminal.lifecycle == Lifecycle::Registered || code.serial.is_some() => {
            Ok(Admission::TakeOver(terminal.id))
        }
        Some(_) => Err(Refusal::State(
            "the serial number is enrolled already; a code issued for it is needed",
        )),
    }
}

/// What an enrolment gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// The terminal.
    pub terminal: TerminalId,
    /// Its customer.
    pub customer: CustomerId,
    /// Seconds between heartbeats.
    pub heartbeat_interval_s: u32,
    /// The configuration that it should have.
    pub config_version: i64,
    /// Whether firmware may be installed without asking.
    pub auto_update_enabled: bool,
}
