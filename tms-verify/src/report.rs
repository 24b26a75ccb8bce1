//! What was looked at and what was seen.

use std::fmt;

use serde_json::{Value, json};

/// Everything that is looked at, in the order of the report.
const NAMES: &[&str] = &[
    "health",
    "readiness",
    "certificate",
    "redirect",
    "headers",
    "hosts",
    "metrics",
    "errors",
    "pages",
    "static files",
    "sign-in",
    "console",
    "API",
    "rate limit",
    "heartbeat",
    "sign-out",
];

/// What came of one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Passed(String),
    /// It works, and could be better.
    Better(String),
    /// It is wrong.
    Failed(String),
    /// It was not looked at.
    Skipped(String),
}

/// One look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// At what.
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    url: String,
    checks: Vec<Check>,
}

impl Outcome {
    /// Returns the word for a table, the word for a program, and what was seen.
    fn parts(&self) -> (&'static str, &'static str, &str) {
        match self {
            Self::Passed(seen) => ("ok    ", "passed", seen),
            Self::Better(seen) => ("better", "better", seen),
            Self::Failed(seen) => ("FAULT ", "failed", seen),
            Self::Skipped(seen) => ("-     ", "skipped", seen),
        }
    }
}

/// What was seen, or what is wrong.
pub(crate) type Seen = Result<String, String>;

impl Report {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            checks: Vec::new(),
        }
    }

    /// Notes what was seen; returns whether all is well.
    pub(crate) fn note(&mut self, name: &'static str, seen: Seen) -> bool {
        let is_well = seen.is_ok();
        let outcome = seen.map_or_else(Outcome::Failed, Outcome::Passed);
        self.checks.push(Check { name, outcome });
        is_well
    }

    /// Notes what could be better.
    pub(crate) fn advise(&mut self, name: &'static str, advice: impl Into<String>) {
        let outcome = Outcome::Better(advice.into());
        self.checks.push(Check { name, outcome });
    }

    /// Notes why something was not looked at.
    pub(crate) fn skip(&mut self, name: &'static str, why: impl Into<String>) {
        let outcome = Outcome::Skipped(why.into());
        self.checks.push(Check { name, outcome });
    }

    /// Notes for all that was not reached that it was not.
    pub(crate) fn skip_rest(&mut self) {
        for name in NAMES {
            if self.checks.iter().all(|check| check.name != *name) {
                self.skip(name, "not reached");
            }
        }
    }

    /// Returns what was looked at, in order.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Tells whether nothing is wrong.
    pub fn is_well(&self) -> bool {
        let is_fault = |check: &Check| matches!(check.outcome, Outcome::Failed(_));
        !self.checks.iter().any(is_fault)
    }

    /// Returns the report for programs.
    pub fn to_json(&self) -> Value {
        let shown = |check: &Check| {
            let (_, outcome, seen) = check.outcome.parts();
            json!({ "name": check.name, "outcome": outcome, "details": seen })
        };
        let checks: Vec<Value> = self.checks.iter().map(shown).collect();
        json!({ "ok": self.is_well(), "url": self.url, "checks": checks })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = NAMES.iter().map(|name| name.len()).max().unwrap_or_default();
        for check in &self.checks {
            let (word, _, seen) = check.outcome.parts();
            writeln!(f, "{word}  {:<widest$}  {seen}", check.name)?;
        }
        let faults = self
            .checks
            .iter()
            .filter(|check| matches!(check.outcome, Outcome::Failed(_)))
            .count();
        if faults == 0 {
            write!(f, "{} works", self.url)
        } else {
            write!(f, "{}: {faults} of {} are wrong", self.url, self.checks.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fault_is_enough_and_what_is_skipped_is_none() {
        let mut report = Report::new("https://tms.example.com/");
        assert!(report.note("health", Ok("healthy".to_owned())));
        report.advise("headers", "no HSTS");
        report.skip("pages", "not asked for");
        assert!(report.is_well());
        assert!(!report.note("readiness", Err("the store is away".to_owned())));
        report.skip_rest();
        assert!(!report.is_well());
        assert_eq!(report.checks().len(), NAMES.len());
        let text = report.to_string();
        assert!(text.contains("FAULT   readiness     the store is away\n"), "{text}");
        assert!(text.ends_with("1 of 16 are wrong"), "{text}");
        assert_eq!(report.to_json()["checks"][0]["outcome"], "passed");
    }
}
