//! The settings of the installation. The server reads and writes them as one document; these types say what is in it.

use serde::{Deserialize, Serialize};

use super::Name;

/// `GET /settings`, and the body of `PUT /settings`: a key that is left out gets its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!({
        "presence": {"default_interval_s": 300, "lost_after_intervals": 2, "lost_grace_s": 60},
        "rules": [{"cause": "high_cpu", "is_enabled": true, "severity": "MEDIUM",
            "threshold": {"value": 90, "duration_s": 600, "clear_value": 80}}],
        "retention": {"metrics_days": 7, "events_days": 1},
        "reports": {"time_zone": "Asia/Tokyo"}
    }))
)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// When silence becomes loss.
    #[serde(default)]
    pub presence: PresenceSettings,
    /// What raises an alert; one rule for each cause, those left out get their defaults.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// How long things are kept.
    #[serde(default)]
    pub retention: Retention,
    /// How people prove who they are.
    #[serde(default)]
    pub security: SecuritySettings,
    /// How reports are cut.
    #[serde(default)]
    pub reports: ReportSettings,
}

/// How reports are cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ReportSettings {
    /// Whose days, weeks and months they have, such as `Asia/Tokyo`.
    pub time_zone: String,
}

/// How people prove who they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SecuritySettings {
    /// The roles that must have a second factor.
    #[cfg_attr(feature = "server", schema(value_type = Vec<crate::openapi::names::Role>))]
    pub second_factor_roles: Vec<Name>,
    /// How long a fresh proof allows dangerous acts, in minutes.
    pub step_up_minutes: u32,
}

/// When silence becomes loss.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PresenceSettings {
    /// Seconds between heartbeats of a new terminal, 1 to 3600.
    pub default_interval_s: u32,
    /// How many intervals may pass, 1 to 10.
    pub lost_after_intervals: u32,
    /// How many seconds more, up to 3600.
    pub lost_grace_s: u32,
    /// What share of the fleet is too much to be lost at once, in percent.
    pub mass_loss_percent: u32,
    /// The smallest number for which that counts.
    pub mass_loss_minimum: u32,
    /// How long such a loss is held back, in seconds.
    pub mass_loss_hold_s: u32,
}

/// What raises an alert.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The cause.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::AlertType))]
    pub cause: Name,
    /// Whose terminals it is for; all that have no rule of their own, if missing.
    #[serde(default)]
    pub customer_id: Option<i64>,
    /// Whether it raises any.
    pub is_enabled: bool,
    /// How bad it is.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::AlertSeverity))]
    pub severity: Name,
    /// From when on, for what is measured.
    #[serde(default)]
    pub threshold: Option<Threshold>,
}

/// From when on a measurement raises an alert.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// At or above this.
    pub value: i64,
    /// For this long, in seconds.
    pub duration_s: u32,
    /// Below this it is over.
    pub clear_value: i64,
}

/// How long things are kept, in days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Heartbeats.
    pub metrics_days: u32,
    /// Their measurements by the hour.
    pub metrics_hourly_days: u32,
    /// Changes of status.
    pub status_changes_days: u32,
    /// Logs of terminals.
    pub logs_days: u32,
    /// Resolved alerts.
    pub resolved_alerts_days: u32,
    /// The audit trail.
    pub audit_days: u32,
    /// Events.
    pub events_days: u32,
}
