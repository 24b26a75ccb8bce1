//! The settings as one JSON document: the form that stores keep.

use serde_json::{Value, json};

use super::{PresenceSettings, ReportSettings, Retention, SecuritySettings, Settings};
use crate::{
    alert::rule::{AlertRule, AlertRules, Threshold},
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
    /// [`InvalidText`] when a key has a value of the wrong type: settings that can't be read stop what depends on them.
    pub fn from_document(document: &Value) -> Result<Self, InvalidText> {
        let (p, r) = (PresenceSettings::default(), Retention::default());
        let presence = |key, default| number(document, "presence", key, default);
        let retention = |key, default| number(document, "retention", key, default);
        let rules = match document.get("rules") {
            None => Vec::new(),
            Some(Value::Array(rules)) => rules.iter().map(read_rule).collect::<Result<Vec<_>, _>>()?,
            Some(_) => return Err(InvalidText("rules must be a list".to_owned())),
        };
        Ok(Self {
            presence: PresenceSettings {
                default_interval_s: presence("default_interval_s", p.default_interval_s)?,
                lost_after_intervals: presence("lost_after_intervals", p.lost_after_intervals)?,
                lost_grace_s: presence("lost_grace_s", p.lost_grace_s)?,
                mass_loss_percent: presence("mass_loss_percent", p.mass_loss_percent)?,
                mass_loss_minimum: presence("mass_loss_minimum", p.mass_loss_minimum)?,
                mass_loss_hold_s: presence("mass_loss_hold_s", p.mass_loss_hold_s)?,
            },
            rules: AlertRules::new(rules),
            retention: Retention {
                metrics_days: retention("metrics_days", r.metrics_days)?,
                metrics_hourly_days: retention("metrics_hourly_days", r.metrics_hourly_days)?,
                status_changes_days: retention("status_changes_days", r.status_changes_days)?,
                logs_days: retention("logs_days", r.logs_days)?,
                resolved_alerts_days: retention("resolved_alerts_days", r.resolved_alerts_days)?,
                audit_days: retention("audit_days", r.audit_days)?,
                events_days: retention("events_days", r.events_days)?,
            },
            security: read_security(document)?,
            reports: read_reports(document)?,
        })
    }
}

fn read_security(document: &Value) -> Result<SecuritySettings, InvalidText> {
    let usual = SecuritySettings::default();
    let roles = match document
        .get("security")
        .and_then(|section| section.get("second_factor_roles"))
    {
        None => usual.second_factor_roles,
        Some(Value::Array(roles)) => {
            let role = |role: &Value| role.as_str().unwrap_or_default().parse();
            roles.iter().map(role).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(InvalidText("security.second_factor_roles must be a list".to_owned())),
    };
    Ok(SecuritySettings {
        second_factor_roles: roles,
        step_up_minutes: number(document, "security", "step_up_minutes", usual.step_up_minutes)?,
    })
}

fn read_reports(document: &Value) -> Result<ReportSettings, InvalidText> {
    let calendar = match document.get("reports").and_then(|section| section.get("time_zone")) {
        None => Calendar::default(),
        Some(zone) => Calendar::parse(zone.as_str().unwrap_or_default())
            .map_err(|wrong| InvalidText(format!("reports.time_zone {}", wrong.0)))?,
    };
    Ok(ReportSettings { calendar })
}

fn number(document: &Value, section: &str, key: &str, default: u32) -> Result<u32, InvalidText> {
    match document.get(section).and_then(|section| section.get(key)) {
        None => Ok(default),
        Some(value) => value
            .as_u64()
            .and_then(|n| u32::try_from(n).ok())
            .ok_or_else(|| InvalidText(format!("{section}.{key} must be a whole number"))),
    }
}

fn read_rule(value: &Value) -> Result<AlertRule, InvalidText> {
    let wrong = |what: &str| InvalidText(format!("a rule needs {what}"));
    let text = |key| value.get(key).and_then(Value::as_str).ok_or_else(|| wrong(key));
    let threshold = match value.get("threshold") {
        None | Some(Value::Null) => None,
        Some(t) => {
            let whole = |key| t.get(key).and_then(Value::as_i64).ok_or_else(|| wrong(key));
            let duration_s = u32::try_from(whole("duration_s")?).map_err(|_| wrong("duration_s"))?;
            Some(Threshold {
                value: whole("value")?,
                duration_s,
                clear_value: whole("clear_value")?,
            })
        }
    };
    let customer = match value.get("customer_id") {
        None | Some(Value::Null) => None,
        Some(id) => {
            let id = id.as_i64().and_then(|id| CustomerId::new(id).ok());
            Some(id.ok_or_else(|| wrong("customer_id"))?)
        }
    };
    Ok(AlertRule {
        cause: text("cause")?.parse()?,
        customer,
        is_enabled: value
            .get("is_enabled")
            .and_then(Value::as_bool)
            .ok_or_else(|| wrong("is_enabled"))?,
        severity: text("severity")?.parse()?,
        threshold,
    })
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
}
