//! The rules of alerts: which causes raise one, how severe it is, and the thresholds with duration and clear value.

use std::time::Duration;

use super::{
    Severity,
    cause::{Cause, CauseSet},
};
use crate::error::FieldErrors;

/// When a measured value becomes an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// The alert needs a value above this (percent, degrees Celsius or seconds of skew).
    pub value: i64,
    /// How long the value must stay above, in seconds.
    pub duration_s: u32,
    /// The alert ends at this value or below; at most `value`.
    pub clear_value: i64,
}

impl Threshold {
    /// Returns how long the value must stay above.
    pub fn duration(&self) -> Duration {
        Duration::from_secs(u64::from(self.duration_s))
    }
}

/// The rule of one cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertRule {
    /// The cause.
    pub cause: Cause,
    /// Whether it raises alerts at all.
    pub is_enabled: bool,
    /// How severe they are.
    pub severity: Severity,
    /// The threshold; only of [`Cause::THRESHOLDS`].
    pub threshold: Option<Threshold>,
}

/// One rule per cause that presence decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRules(Vec<AlertRule>);

impl Default for AlertRules {
    fn default() -> Self {
        let rule = |cause, severity, threshold| AlertRule {
            cause,
            is_enabled: true,
            severity,
            threshold,
        };
        let threshold = |value, duration_s, clear_value| {
            Some(Threshold {
                value,
                duration_s,
                clear_value,
            })
        };
        Self(vec![
            rule(Cause::Offline, Severity::High, None),
            rule(Cause::DeviceError, Severity::High, None),
            rule(Cause::ReaderAbsent, Severity::High, None),
            rule(Cause::HighCpu, Severity::Medium, threshold(90, 600, 80)),
            rule(Cause::HighMemory, Severity::Medium, threshold(90, 600, 85)),
            rule(Cause::HighDisk, Severity::Medium, threshold(90, 600, 85)),
            rule(Cause::HighTemperature, Severity::High, threshold(80, 300, 70)),
            rule(Cause::ClockSkew, Severity::Low, threshold(60, 0, 30)),
        ])
    }
}

impl AlertRules {
    /// Takes rules; a cause that is missing has its default rule.
    pub fn new(rules: Vec<AlertRule>) -> Self {
        let mut all = Self::default();
        for rule in rules {
            if let Some(place) = all.0.iter_mut().find(|known| known.cause == rule.cause) {
                *place = rule;
            }
        }
        all
    }

    /// Returns the rules.
    pub fn iter(&self) -> impl Iterator<Item = &AlertRule> {
        self.0.iter()
    }

    /// Returns the rule of a cause.
    pub fn get(&self, cause: Cause) -> Option<&AlertRule> {
        self.0.iter().find(|rule| rule.cause == cause)
    }

    /// Returns the threshold of a cause whose rule is on.
    pub fn threshold(&self, cause: Cause) -> Option<Threshold> {
        self.get(cause)
            .filter(|rule| rule.is_enabled)
            .and_then(|rule| rule.threshold)
    }

    /// Returns the severity of a cause.
    pub fn severity(&self, cause: Cause) -> Severity {
        self.get(cause).map_or(Severity::High, |rule| rule.severity)
    }

    /// Returns the causes whose rule is on.
    pub fn enabled(&self) -> CauseSet {
        self.0
            .iter()
            .filter(|rule| rule.is_enabled)
            .map(|rule| rule.cause)
            .collect()
    }

    /// Notes what is wrong with the rules.
    pub fn check(&self, errors: &mut FieldErrors) {
        for rule in &self.0 {
            let field = format!("rules.{}", rule.cause);
            let Some(threshold) = rule.threshold else {
                if Cause::THRESHOLDS.contains(&rule.cause) {
                    errors.add(field, "needs value, duration and clear value");
                }
                continue;
            };
            if !Cause::THRESHOLDS.contains(&rule.cause) {
                errors.add(field.as_str(), "has no threshold");
            }
            if !(0..=86_400).contains(&threshold.value) || !(0..=threshold.value).contains(&threshold.clear_value) {
                errors.add(field.as_str(), "needs 0 <= clear value <= value <= 86400");
            }
            if threshold.duration_s > 86_400 {
                errors.add(field, "duration must be at most 86400 s");
            }
        }
    }
}
