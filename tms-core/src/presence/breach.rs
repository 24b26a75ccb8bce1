//! Thresholds that are crossed at present and since when; changes only on crossing (DECISIONS 6).

use std::{fmt, str::FromStr};

use crate::{
    alert::{
        cause::{Cause, CauseSet},
        rule::RulesOf,
    },
    heartbeat::metrics::Metrics,
    text::InvalidText,
    time::Timestamp,
};

/// The crossed thresholds, each with the moment of crossing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaches(Vec<(Cause, Timestamp)>);

impl Breaches {
    /// Returns the crossed thresholds.
    pub fn iter(&self) -> impl Iterator<Item = (Cause, Timestamp)> + '_ {
        self.0.iter().copied()
    }

    /// Returns the causes alone.
    pub fn causes(&self) -> CauseSet {
        let mut causes = CauseSet::EMPTY;
        for (cause, _) in &self.0 {
            causes.insert(*cause);
        }
        causes
    }

    /// Tells whether no threshold is crossed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in new measurements: begins what crossed its value, ends what came back to its clear value.
    ///
    /// A measurement that is missing changes nothing: silence is neither trouble nor recovery.
    pub fn observe(&mut self, metrics: &Metrics, skew_s: Option<i64>, now: Timestamp, rules: RulesOf<'_>) {
        for cause in Cause::THRESHOLDS {
            let Some(rule) = rules.threshold(*cause) else {
                self.0.retain(|(c, _)| c != cause);
                continue;
            };
            let Some(value) = cause.measured(metrics, skew_s) else {
                continue;
            };
            let at = self.0.iter().position(|(c, _)| c == cause);
            match at {
                None if value > rule.value => self.0.push((*cause, now)),
                Some(index) if value <= rule.clear_value => {
                    self.0.remove(index);
                }
                _ => {}
            }
        }
    }
}

impl fmt::Display for Breaches {
    /// Prints `high_cpu=1769248800000000 high_disk=...`, the form that stores keep; nothing when none is crossed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (cause, since)) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { " " };
            write!(f, "{gap}{cause}={}", since.as_micros())?;
        }
        Ok(())
    }
}

impl FromStr for Breaches {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || InvalidText("must be cause=microseconds".to_owned());
        let mut breaches = Vec::new();
        for part in text.split_ascii_whitespace() {
            let (cause, since) = part.split_once('=').ok_or_else(wrong)?;
            let since = since.parse().map_err(|_| wrong())?;
            breaches.push((cause.parse()?, Timestamp::from_micros(since)));
        }
        Ok(Self(breaches))
    }
}
