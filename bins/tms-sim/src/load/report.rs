//! What a load found: for programs as JSON, for people as a table.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
};

use serde::Serialize;

use super::histogram::Latency;
use crate::verify::Verification;

/// What a load found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoadReport {
    /// The server.
    pub url: String,
    /// The path to which heartbeats went.
    pub path: String,
    /// `closed` or `fixed`.
    pub mode: &'static str,
    /// The rate that was asked for, in heartbeats a second.
    pub rate: Option<f64>,
    /// Connections.
    pub connections: usize,
    /// Terminals.
    pub terminals: usize,
    /// Terminals that this run enrolled.
    pub enrolled: u64,
    /// How long the enrolment took, in seconds.
    pub enrolment_s: f64,
    /// The measured time, in seconds.
    pub measured_s: f64,
    /// Heartbeats acknowledged a second, within the measured time.
    pub throughput: f64,
    /// Latencies of acknowledged heartbeats in milliseconds; at a fixed rate from when they were due.
    pub latency_ms: Latency,
    /// What was counted over the whole run, warm-up included.
    pub counts: Counts,
    /// What the server's state says of it, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Heartbeats acknowledged.
    pub acknowledged: u64,
    /// Those of them that had to be sent again.
    pub repeated: u64,
    /// Log lines acknowledged.
    pub log_lines: u64,
    /// Refusals by status.
    pub refused: BTreeMap<u16, u64>,
    /// Connections that could not be made or broke off.
    pub connection_errors: u64,
    /// Requests without an answer in time.
    pub timeouts: u64,
    /// Requests that the fixed rate asked for and that were not sent before the end.
    pub unsent: u64,
}

impl Counts {
    /// Returns how many attempts failed.
    pub fn failed(&self) -> u64 {
        self.refused.values().sum::<u64>() + self.connection_errors + self.timeouts
    }
}

impl LoadReport {
    /// Tells whether something was acknowledged and nothing acknowledged is known to be lost.
    pub fn is_good(&self) -> bool {
        self.counts.acknowledged > 0 && self.verification.as_ref().is_none_or(Verification::is_clean)
    }
}

impl Display for LoadReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: fmt::Arguments<'_>| writeln!(f, "{name:<22}{value}");
        row("target", format_args!("{}  {}", self.url, self.path))?;
        match self.rate {
            Some(rate) => row("load", format_args!("{rate} heartbeats/s asked for"))?,
            None => row("load", format_args!("as fast as answers come"))?,
        }
        let (terminals, connections) = (self.terminals, self.connections);
        row(
            "from",
            format_args!("{terminals} terminals over {connections} connections"),
        )?;
        if self.enrolled > 0 {
            row(
                "enrolled",
                format_args!("{} in {:.1} s", self.enrolled, self.enrolment_s),
            )?;
        }
        let (throughput, measured_s) = (self.throughput, self.measured_s);
        row(
            "throughput",
            format_args!("{throughput:.0} heartbeats/s acknowledged over {measured_s:.1} s"),
        )?;
        row("latency ms", format_args!("{}", self.latency_ms))?;
        write!(f, "{}", self.counts)?;
        match &self.verification {
            Some(verification) => write!(f, "{verification}"),
            None => Ok(()),
        }
    }
}

impl Display for Counts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<22}{} heartbeats ({} sent again), {} log lines",
            "acknowledged", self.acknowledged, self.repeated, self.log_lines
        )?;
        let refused: u64 = self.refused.values().sum();
        write!(f, "{:<22}{refused} refused", "failed")?;
        for (status, count) in &self.refused {
            write!(f, " [{count} x {status}]")?;
        }
        writeln!(
            f,
            ", {} connections broken, {} timed out, {} never sent",
            self.connection_errors, self.timeouts, self.unsent
        )
    }
}
