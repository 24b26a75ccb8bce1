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
        let mut row = |name: &str, value: &dyn Display| writeln!(f, "{name:<22}{value}");
        row("target", &format_args!("{}  {}", self.url, self.path))?;
        match self.rate {
            Some(rate) => row("load", &format_args!("{rate} heartbeats/s asked for"))?,
            None => row("load", &"as fast as answers come")?,
        }
        row(
            "from",
            &format_args!("{} terminals over {} connections", self.terminals, self.connections),
        )?;
        if self.enrolled > 0 {
            row(
                "enrolled",
                &format_args!("{} in {:.1} s", self.enrolled, self.enrolment_s),
            )?;
        }
        row(
            "throughput",
            &format_args!(
                "{:.0} heartbeats/s acknowledged over {:.1} s",
                self.throughput, self.measured_s
            ),
        )?;
        let l = &self.latency_ms;
        row(
            "latency ms",
            &format_args!(
                "p50 {}  p90 {}  p99 {}  p99.9 {}  max {}",
                l.p50, l.p90, l.p99, l.p99_9, l.max
            ),
        )?;
        let c = &self.counts;
        row(
            "acknowledged",
            &format_args!(
                "{} heartbeats ({} sent again), {} log lines",
                c.acknowledged, c.repeated, c.log_lines
            ),
        )?;
        let refused: Vec<String> = c.refused.iter().map(|(status, n)| format!("{n} x {status}")).collect();
        row(
            "failed",
            &format_args!(
                "{} refused{}, {} connections broken, {} timed out, {} never sent",
                c.refused.values().sum::<u64>(),
                if refused.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", refused.join(", "))
                },
                c.connection_errors,
                c.timeouts,
                c.unsent
            ),
        )?;
        match &self.verification {
            Some(verification) => write!(f, "{verification}"),
            None => Ok(()),
        }
    }
}
