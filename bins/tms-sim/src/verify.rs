//! Proves, by reading the server's state back over its public API, that nothing acknowledged was lost or doubled and
//! nothing was invented.

pub mod judge;
pub mod ledger;
pub mod ranges;
mod read_back;

use std::{
    fmt::{self, Display, Formatter},
    sync::Arc,
};

use serde::Serialize;

use self::{judge::Finding, ledger::Ledger};
use crate::{
    access::{Access, sign_in},
    error::SimError,
    fleet::counts::Count,
};

/// What the server's state says of a load.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Whether nothing was lost, doubled or invented, and every terminal shows its last heartbeat.
    pub is_clean: bool,
    /// Terminals compared.
    pub terminals: u64,
    /// Heartbeats.
    pub heartbeats: Finding,
    /// Log lines.
    pub log_lines: Finding,
    /// Terminals whose state is not that of their last acknowledged heartbeat.
    pub wrong_states: u64,
    /// Some of those, for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

impl Verification {
    /// Tells whether nothing was lost, doubled or invented.
    pub const fn is_clean(&self) -> bool {
        self.is_clean
    }

    fn add(&mut self, one: read_back::OneTerminal) {
        self.terminals += 1;
        self.heartbeats.add(one.beats);
        self.log_lines.add(one.lines);
        if let Some(fault) = one.wrong_state {
            self.wrong_states += 1;
            if self.examples.len() < 5 {
                self.examples.push(fault);
            }
        }
    }
}

impl Display for Verification {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_clean {
            "clean: everything acknowledged is stored exactly once"
        } else {
            "NOT CLEAN"
        };
        writeln!(f, "{:<22}{verdict}", "verification")?;
        for (name, finding) in [("  heartbeats", &self.heartbeats), ("  log lines", &self.log_lines)] {
            writeln!(
                f,
                "{name:<22}{} acknowledged, {} found, {} lost, {} doubled, {} invented ({} stored without an answer)",
                finding.acknowledged,
                finding.found,
                finding.missing,
                finding.doubled,
                finding.invented,
                finding.unacknowledged_found
            )?;
        }
        writeln!(
            f,
            "{:<22}{} of {} wrong",
            "  terminal states", self.wrong_states, self.terminals
        )?;
        let examples = [&self.heartbeats.examples, &self.log_lines.examples, &self.examples];
        for example in examples.into_iter().flatten() {
            writeln!(f, "{:<22}{example}", "")?;
        }
        Ok(())
    }
}

/// Compares a ledger with the state of the server. `done` counts terminals as they are compared.
///
/// # Errors
/// [`SimError::Server`] when the state can't be read; a server that is away is waited for.
pub async fn run(server: &str, access: &Access, ledger: Ledger, done: Arc<Count>) -> Result<Verification, SimError> {
    let Access::Operator { username, password } = access else {
        return Err(SimError::Settings(
            "reading the server's state back needs an operator".to_owned(),
        ));
    };
    let operator = read_back::patiently(|| sign_in(server, username, password)).await?;
    let mut verification = Verification::default();
    read_back::each(&operator, ledger, |one| {
        done.add();
        verification.add(one);
    })
    .await?;
    verification.is_clean =
        verification.heartbeats.is_clean() && verification.log_lines.is_clean() && verification.wrong_states == 0;
    Ok(verification)
}
