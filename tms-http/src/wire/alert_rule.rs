//! The rules of alerts.

use serde::{Deserialize, Serialize};

use super::{Name, Patch, patch::present, setting::Threshold};

/// What raises an alert, and how bad it is. The settings hold the rules too: a change of either is one of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"id": 704, "alert_type": "high_cpu", "customer_id": 7, "is_enabled": true, "severity": "HIGH",
        "threshold": {"value": 95, "duration_s": 900, "clear_value": 80}}
    ))
)]
pub struct AlertRule {
    /// Its id; the same for the same cause and customer.
    pub id: i64,
    /// The cause.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::AlertType))]
    pub alert_type: Name,
    /// Whose terminals it is for; null for the general rule, for all that have none of their own.
    pub customer_id: Option<i64>,
    /// Whether it raises alerts.
    pub is_enabled: bool,
    /// How bad they are.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::AlertSeverity))]
    pub severity: Name,
    /// From when on, for what is measured: percent, degrees Celsius, or seconds of a wrong clock.
    pub threshold: Option<Threshold>,
}

/// `POST /alert-rules`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"alert_type": "high_cpu", "customer_id": 7, "severity": "HIGH",
        "threshold": {"value": 95, "duration_s": 900, "clear_value": 80}}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct AlertRuleCreate {
    /// The cause.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::AlertType))]
    pub alert_type: String,
    /// Whose terminals it is for. The general rule of each cause is there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<i64>,
    /// Whether it raises alerts.
    #[serde(default = "yes")]
    pub is_enabled: bool,
    /// How bad they are.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::AlertSeverity))]
    pub severity: String,
    /// From when on, for what is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
}

/// `PUT /alert-rules/{id}`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"is_enabled": true, "severity": "HIGH", "threshold": {"value": 95, "duration_s": 900, "clear_value": 80}}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct AlertRuleReplace {
    /// Whether it raises alerts.
    pub is_enabled: bool,
    /// How bad they are.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::AlertSeverity))]
    pub severity: String,
    /// From when on, for what is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
}

/// `PATCH /alert-rules/{id}`: what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!({"is_enabled": false}))
)]
#[serde(deny_unknown_fields)]
pub struct AlertRulePatch {
    /// Whether it raises alerts.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub is_enabled: Option<bool>,
    /// How bad they are.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::AlertSeverity>))]
    pub severity: Option<String>,
    /// From when on, for what is measured.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<Threshold>))]
    pub threshold: Patch<Threshold>,
}

const fn yes() -> bool {
    true
}
