//! The rules of alerts: which causes raise one, how severe it is, and the thresholds with duration and clear value.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use super::{
    Severity,
    cause::{Cause, CauseSet},
};
use crate::{error::FieldErrors, id::CustomerId, text::InvalidText};

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

/// The rule of one cause: the general one, or that of one customer, which holds in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertRule {
    /// The cause.
    pub cause: Cause,
    /// Whose terminals it is for; `None` for all that have no rule of their own.
    pub customer: Option<CustomerId>,
    /// Whether it raises alerts at all.
    pub is_enabled: bool,
    /// How severe they are.
    pub severity: Severity,
    /// The threshold; only of [`Cause::THRESHOLDS`].
    pub threshold: Option<Threshold>,
}

/// Names a rule by what it is for, so that it is the same wherever it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertRuleId(i64);

/// Room for the causes below the number of a customer.
const CAUSES: i64 = 100;

impl AlertRuleId {
    /// Returns the number on the wire.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for AlertRuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AlertRuleId {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = Some(text).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let number = number.and_then(|text| text.parse().ok()).filter(|number| *number > 0);
        number
            .map(Self)
            .ok_or_else(|| InvalidText("must be a whole number above zero".to_owned()))
    }
}

impl AlertRule {
    /// Returns the name of the rule.
    pub fn id(&self) -> AlertRuleId {
        let customer = self.customer.map_or(0, CustomerId::get);
        AlertRuleId(customer.saturating_mul(CAUSES).saturating_add(number(self.cause)))
    }

    fn is_for(&self, cause: Cause, customer: Option<CustomerId>) -> bool {
        self.cause == cause && self.customer == customer
    }
}

/// The number of a cause; never to be changed.
const fn number(cause: Cause) -> i64 {
    match cause {
        Cause::Offline => 1,
        Cause::DeviceError => 2,
        Cause::ReaderAbsent => 3,
        Cause::HighCpu => 4,
        Cause::HighMemory => 5,
        Cause::HighDisk => 6,
        Cause::HighTemperature => 7,
        Cause::ClockSkew => 8,
        Cause::UpdateFailed => 9,
        Cause::OutOfConfig => 10,
        Cause::Security => 11,
    }
}

/// The most rules of customers.
pub const MOST_OWN_RULES: usize = 1_000;

/// One general rule per cause that presence decides, and those that customers have of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRules {
    general: Vec<AlertRule>,
    own: BTreeMap<CustomerId, Vec<AlertRule>>,
}

/// The rules that hold for the terminals of one customer.
#[derive(Debug, Clone, Copy)]
pub struct RulesOf<'a> {
    general: &'a [AlertRule],
    own: &'a [AlertRule],
}

impl<'a> RulesOf<'a> {
    /// Returns the rule of a cause.
    pub fn get(self, cause: Cause) -> Option<&'a AlertRule> {
        let of_cause = |rule: &&AlertRule| rule.cause == cause;
        self.own
            .iter()
            .find(of_cause)
            .or_else(|| self.general.iter().find(of_cause))
    }

    /// Returns the threshold of a cause whose rule is on.
    pub fn threshold(self, cause: Cause) -> Option<Threshold> {
        self.get(cause)
            .filter(|rule| rule.is_enabled)
            .and_then(|rule| rule.threshold)
    }

    /// Returns the severity of a cause.
    pub fn severity(self, cause: Cause) -> Severity {
        self.get(cause).map_or(Severity::High, |rule| rule.severity)
    }

    /// Returns the causes whose rule is on.
    pub fn enabled(self) -> CauseSet {
        let causes = self.general.iter().map(|rule| rule.cause);
        causes
            .filter(|cause| self.get(*cause).is_some_and(|rule| rule.is_enabled))
            .collect()
    }
}

impl Default for AlertRules {
    fn default() -> Self {
        let rule = |cause, severity, threshold| AlertRule {
            cause,
            customer: None,
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
        let general = vec![
            rule(Cause::Offline, Severity::High, None),
            rule(Cause::DeviceError, Severity::High, None),
            rule(Cause::ReaderAbsent, Severity::High, None),
            rule(Cause::HighCpu, Severity::Medium, threshold(90, 600, 80)),
            rule(Cause::HighMemory, Severity::Medium, threshold(90, 600, 85)),
            rule(Cause::HighDisk, Severity::Medium, threshold(90, 600, 85)),
            rule(Cause::HighTemperature, Severity::High, threshold(80, 300, 70)),
            rule(Cause::ClockSkew, Severity::Low, threshold(60, 0, 30)),
        ];
        Self {
            general,
            own: BTreeMap::new(),
        }
    }
}

impl AlertRules {
    /// Takes rules; a cause of which the general one is missing has its default rule.
    pub fn new(rules: Vec<AlertRule>) -> Self {
        let mut all = Self::default();
        for rule in rules {
            all.put(rule);
        }
        all
    }

    /// Returns the rules: the general ones, then those of customers.
    pub fn iter(&self) -> impl Iterator<Item = &AlertRule> {
        self.general.iter().chain(self.own.values().flatten())
    }

    /// Returns the general rule of a cause.
    pub fn get(&self, cause: Cause) -> Option<&AlertRule> {
        self.general.iter().find(|rule| rule.cause == cause)
    }

    /// Returns the rules that hold for the terminals of a customer.
    pub fn of(&self, customer: CustomerId) -> RulesOf<'_> {
        RulesOf {
            general: &self.general,
            own: self.own.get(&customer).map_or(&[], Vec::as_slice),
        }
    }

    /// Puts a rule in the place of the one for the same, or adds it. A cause that no rule decides is left out.
    pub fn put(&mut self, rule: AlertRule) {
        if self.get(rule.cause).is_none() {
            return;
        }
        let rules = match rule.customer {
            None => &mut self.general,
            Some(customer) => self.own.entry(customer).or_default(),
        };
        match rules.iter_mut().find(|known| known.is_for(rule.cause, rule.customer)) {
            Some(place) => *place = rule,
            None => rules.push(rule),
        }
    }

    /// Takes the rule of a customer away, so that the general one holds again. General ones stay.
    pub fn remove(&mut self, id: AlertRuleId) {
        for rules in self.own.values_mut() {
            rules.retain(|rule| rule.id() != id);
        }
        self.own.retain(|_, rules| !rules.is_empty());
    }

    /// Notes what is wrong with the rules.
    pub fn check(&self, errors: &mut FieldErrors) {
        for rule in self.iter() {
            let of = rule
                .customer
                .map_or_else(String::new, |customer| format!(".{customer}"));
            rule.check(&format!("rules.{}{of}", rule.cause), errors);
        }
        if self.own.values().map(Vec::len).sum::<usize>() > MOST_OWN_RULES {
            errors.add("rules", format!("at most {MOST_OWN_RULES} of customers"));
        }
    }
}

impl AlertRule {
    /// Notes under the name `field` what is wrong with the rule.
    pub fn check(&self, field: &str, errors: &mut FieldErrors) {
        let Some(threshold) = self.threshold else {
            if Cause::THRESHOLDS.contains(&self.cause) {
                errors.add(field, "needs value, duration and clear value");
            }
            return;
        };
        if !Cause::THRESHOLDS.contains(&self.cause) {
            errors.add(field, "has no threshold");
        }
        if !(0..=86_400).contains(&threshold.value) || !(0..=threshold.value).contains(&threshold.clear_value) {
            errors.add(field, "needs 0 <= clear value <= value <= 86400");
        }
        if threshold.duration_s > 86_400 {
            errors.add(field, "duration must be at most 86400 s");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(n: i64) -> CustomerId {
        CustomerId::new(n).unwrap()
    }

    #[test]
    fn the_rule_of_a_customer_holds_for_their_terminals_only() {
        let mut rules = AlertRules::default();
        let general = *rules.get(Cause::HighCpu).unwrap();
        let own = AlertRule {
            customer: Some(customer(7)),
            is_enabled: false,
            severity: Severity::Critical,
            ..general
        };
        rules.put(own);
        assert_eq!(
            (
                rules.of(customer(7)).get(Cause::HighCpu),
                rules.of(customer(8)).get(Cause::HighCpu)
            ),
            (Some(&own), Some(&general))
        );
        assert!(!rules.of(customer(7)).enabled().contains(Cause::HighCpu));
        assert!(rules.of(customer(7)).enabled().contains(Cause::Offline));
        assert_eq!(rules.of(customer(7)).threshold(Cause::HighCpu), None);
        assert_eq!(rules.of(customer(8)).severity(Cause::HighCpu), Severity::Medium);
        assert_eq!((own.id().get(), general.id().get()), (704, 4));
        rules.remove(general.id());
        rules.remove(own.id());
        assert_eq!(rules, AlertRules::default());
    }

    #[test]
    fn ids_are_whole_numbers() {
        let id = AlertRules::default().get(Cause::ClockSkew).unwrap().id();
        assert_eq!("8".parse::<AlertRuleId>().unwrap(), id);
        for text in ["", "0", "-1", "x", "+8", "99999999999999999999"] {
            assert!(text.parse::<AlertRuleId>().is_err(), "{text}");
        }
    }
}
