//! The settings as one JSON document: the form that stores keep.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{PresenceSettings, ReportSettings, Retention, SecuritySettings, Settings};
use crate::{
    alert::rule::{AlertRule, AlertRules, Threshold},
    error::FieldErrors,
    id::CustomerId,
    report::Calendar,
    text::InvalidText,
};

impl Settings {
    /// Returns the document.
    pub fn to_document(&self) -> Value {
        let (p, r) = (&self.presence, &self.retention);
        let rules = self.rules.iter().map(|rule| {
            json!({
                "cause": rule.cause.as_str(),
                "customer_id": rule.customer.map(CustomerId::get),
                "is_enabled": rule.is_enabled,
                "severity": rule.severity.as_str(),
                "threshold": rule.threshold.map(|t| json!({
                    "value": t.value, "duration_s": t.duration_s, "clear_value": t.clear_value,
                })),
            })
        });
        let guarded = self.security.second_factor_roles.iter();
        json!({
            "presence": {
                "default_interval_s": p.default_interval_s,
                "lost_after_intervals": p.lost_after_intervals,
                "lost_grace_s": p.lost_grace_s,
                "mass_loss_percent": p.mass_loss_percent,
                "mass_loss_minimum": p.mass_loss_minimum,
                "mass_loss_hold_s": p.mass_loss_hold_s,
            },
            "rules": rules.collect::<Vec<_>>(),
            "retention": {
                "metrics_days": r.metrics_days,
                "metrics_hourly_days": r.metrics_hourly_days,
                "status_changes_days": r.status_changes_days,
                "logs_days": r.logs_days,
                "resolved_alerts_days": r.resolved_alerts_days,
                "audit_days": r.audit_days,
                "events_days": r.events_days,
            },
            "security": {
                "second_factor_roles": guarded.map(|role| role.as_str()).collect::<Vec<_>>(),
                "step_up_minutes": self.security.step_up_minutes,
            },
            "reports": { "time_zone": self.reports.calendar.zone() },
        })
    }

    /// Reads a stored document; a key that it does not have keeps its default, so that an older one still reads.
    ///
    /// # Errors
    /// [`InvalidSettings`] naming every key that has a value of the wrong type: settings that can't be read stop what
    /// depends on them.
    pub fn from_document(document: &Value) -> Result<Self, InvalidSettings> {
        let errors = &mut FieldErrors::default();
        if !document.is_object() {
            errors.add("body", "must be an object");
        }
        let settings = Self {
            presence: read_presence(&Section::of(document, "presence", errors), errors),
            rules: AlertRules::new(read_rules(document.get("rules"), errors)),
            retention: read_retention(&Section::of(document, "retention", errors), errors),
            security: read_security(&Section::of(document, "security", errors), errors),
            reports: read_reports(&Section::of(document, "reports", errors), errors),
        };
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(InvalidSettings(std::mem::take(errors)))
        }
    }
}

/// Why a document can't be read: what is wrong, by where it stands, such as `rules[2].cause`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSettings(pub FieldErrors);

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (field, messages)) in self.0.iter().enumerate() {
            let gap = if n > 0 { "; " } else { "" };
            write!(f, "{gap}{field} {}", messages.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidSettings {}

/// One object of the document.
struct Section<'d> {
    name: &'static str,
    fields: Option<&'d Map<String, Value>>,
}

impl<'d> Section<'d> {
    fn of(document: &'d Value, name: &'static str, errors: &mut FieldErrors) -> Self {
        let fields = document.get(name).and_then(|section| {
            let fields = section.as_object();
            if fields.is_none() {
                errors.add(name, "must be an object");
            }
            fields
        });
        Self { name, fields }
    }

    /// Reads a key that may be left out.
    fn read<T>(
        &self,
        key: &str,
        default: T,
        errors: &mut FieldErrors,
        read: impl FnOnce(&Value) -> Result<T, InvalidText>,
    ) -> T {
        match self.fields.and_then(|fields| fields.get(key)) {
            None => default,
            Some(value) => errors
                .take(&format!("{}.{key}", self.name), read(value))
                .unwrap_or(default),
        }
    }
}

fn read_presence(section: &Section<'_>, errors: &mut FieldErrors) -> PresenceSettings {
    let usual = PresenceSettings::default();
    let mut number = |key, default| section.read(key, default, errors, whole);
    PresenceSettings {
        default_interval_s: number("default_interval_s", usual.default_interval_s),
        lost_after_intervals: number("lost_after_intervals", usual.lost_after_intervals),
        lost_grace_s: number("lost_grace_s", usual.lost_grace_s),
        mass_loss_percent: number("mass_loss_percent", usual.mass_loss_percent),
        mass_loss_minimum: number("mass_loss_minimum", usual.mass_loss_minimum),
        mass_loss_hold_s: number("mass_loss_hold_s", usual.mass_loss_hold_s),
    }
}

fn read_retention(section: &Section<'_>, errors: &mut FieldErrors) -> Retention {
    let usual = Retention::default();
    let mut number = |key, default| section.read(key, default, errors, whole);
    Retention {
        metrics_days: number("metrics_days", usual.metrics_days),
        metrics_hourly_days: number("metrics_hourly_days", usual.metrics_hourly_days),
        status_changes_days: number("status_changes_days", usual.status_changes_days),
        logs_days: number("logs_days", usual.logs_days),
        resolved_alerts_days: number("resolved_alerts_days", usual.resolved_alerts_days),
        audit_days: number("audit_days", usual.audit_days),
        events_days: number("events_days", usual.events_days),
    }
}

fn read_security(section: &Section<'_>, errors: &mut FieldErrors) -> SecuritySettings {
    let usual = SecuritySettings::default();
    SecuritySettings {
        second_factor_roles: section.read("second_factor_roles", usual.second_factor_roles, errors, |value| {
            let roles = value.as_array().ok_or_else(|| wrong("must be a list"))?;
            let role = |role: &Value| role.as_str().unwrap_or_default().parse();
            roles.iter().map(role).collect()
        }),
        step_up_minutes: section.read("step_up_minutes", usual.step_up_minutes, errors, whole),
    }
}

fn read_reports(section: &Section<'_>, errors: &mut FieldErrors) -> ReportSettings {
    let zone = |value: &Value| Calendar::parse(value.as_str().unwrap_or_default());
    ReportSettings {
        calendar: section.read("time_zone", Calendar::default(), errors, zone),
    }
}

fn read_rules(rules: Option<&Value>, errors: &mut FieldErrors) -> Vec<AlertRule> {
    match rules {
        None => Vec::new(),
        Some(Value::Array(rules)) => {
            let read = |(n, rule)| read_rule(rule, &format!("rules[{n}]"), errors);
            rules.iter().enumerate().filter_map(read).collect()
        }
        Some(_) => {
            errors.add("rules", "must be a list");
            Vec::new()
        }
    }
}

fn read_rule(rule: &Value, path: &str, errors: &mut FieldErrors) -> Option<AlertRule> {
    let Some(fields) = rule.as_object() else {
        errors.add(path, "must be an object");
        return None;
    };
    let customer = match fields.get("customer_id") {
        None | Some(Value::Null) => Some(None),
        Some(id) => {
            let id = id.as_i64().and_then(|id| CustomerId::new(id).ok());
            let id = id.ok_or_else(|| wrong("must be a whole number above zero"));
            errors.take(&format!("{path}.customer_id"), id).map(Some)
        }
    };
    let threshold = match fields.get("threshold") {
        None | Some(Value::Null) => Some(None),
        Some(threshold) => read_threshold(threshold, &format!("{path}.threshold"), errors).map(Some),
    };
    let mut take = |key: &str| {
        let value = fields.get(key).ok_or_else(|| wrong("is required"));
        errors.take(&format!("{path}.{key}"), value)
    };
    let (cause, is_enabled, severity) = (take("cause"), take("is_enabled"), take("severity"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let cause = cause.and_then(|value| errors.take(&format!("{path}.cause"), text(value).parse()));
    let severity = severity.and_then(|value| errors.take(&format!("{path}.severity"), text(value).parse()));
    let is_enabled = is_enabled.and_then(|value| {
        let flag = value.as_bool().ok_or_else(|| wrong("must be true or false"));
        errors.take(&format!("{path}.is_enabled"), flag)
    });
    Some(AlertRule {
        cause: cause?,
        customer: customer?,
        is_enabled: is_enabled?,
        severity: severity?,
        threshold: threshold?,
    })
}

fn read_threshold(threshold: &Value, path: &str, errors: &mut FieldErrors) -> Option<Threshold> {
    let mut read = |key: &str| {
        let value = threshold.get(key);
        let number = value.and_then(Value::as_i64).ok_or_else(|| {
            wrong(if value.is_some() {
                "must be a whole number"
            } else {
                "is required"
            })
        });
        errors.take(&format!("{path}.{key}"), number)
    };
    let (value, duration_s, clear_value) = (read("value"), read("duration_s"), read("clear_value"));
    let duration_s = duration_s.and_then(|duration_s| {
        let fits =
            u32::try_from(duration_s).map_err(|_| wrong("must be a whole number, not negative and not too large"));
        errors.take(&format!("{path}.duration_s"), fits)
    });
    Some(Threshold {
        value: value?,
        duration_s: duration_s?,
        clear_value: clear_value?,
    })
}

fn whole(value: &Value) -> Result<u32, InvalidText> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| wrong("must be a whole number, not negative and not too large"))
}

fn wrong(message: &str) -> InvalidText {
    InvalidText(message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::Role;

    #[test]
    fn what_is_written_reads_back() {
        let mut settings = Settings::default();
        settings.presence.lost_grace_s = 5;
        settings
            .security
            .second_factor_roles
            .extend([Role::Admin, Role::Operator]);
        settings.security.step_up_minutes = 7;
        let own = AlertRule {
            customer: Some(CustomerId::new(7).unwrap()),
            ..*settings.rules.get(crate::alert::Cause::HighDisk).unwrap()
        };
        settings.rules.put(own);
        settings.reports.calendar = Calendar::parse("Europe/Berlin").unwrap();
        assert_eq!(Settings::from_document(&settings.to_document()).unwrap(), settings);
        assert_eq!(Settings::from_document(&json!({})).unwrap(), Settings::default());
        assert!(Settings::from_document(&json!({"presence": {"lost_grace_s": "x"}})).is_err());
        assert!(Settings::from_document(&json!({"rules": 1})).is_err());
        for zone in [json!("Mars"), json!(7)] {
            assert!(Settings::from_document(&json!({"reports": {"time_zone": zone}})).is_err());
        }
        for roles in [json!("admin"), json!(["root"]), json!([1])] {
            assert!(Settings::from_document(&json!({"security": {"second_factor_roles": roles}})).is_err());
        }
    }

    #[test]
    fn everything_wrong_is_named_by_where_it_stands() {
        let document = json!({
            "presence": 7, "retention": { "logs_days": -1 }, "reports": { "time_zone": "Mars" },
            "rules": [7, { "cause": "flood", "is_enabled": 1, "severity": "HUGE", "customer_id": 0,
                "threshold": { "value": "x", "duration_s": -1 } }],
        });
        let InvalidSettings(errors) = Settings::from_document(&document).unwrap_err();
        let named: Vec<_> = errors.iter().map(|(field, _)| field).collect();
        let of_the_rule = [
            "rules[1].cause",
            "rules[1].customer_id",
            "rules[1].is_enabled",
            "rules[1].severity",
            "rules[1].threshold.clear_value",
            "rules[1].threshold.duration_s",
            "rules[1].threshold.value",
        ];
        assert_eq!(
            named[..4],
            ["presence", "reports.time_zone", "retention.logs_days", "rules[0]"]
        );
        assert_eq!(named[4..], of_the_rule);
        assert!(Settings::from_document(&json!([])).is_err());
    }
}
