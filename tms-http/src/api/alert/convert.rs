//! Alerts as the wire shows them.

use tms_core::alert::{Alert, AlertState};

use super::names::Names;
use crate::{
    alert_text,
    api::field::spelled,
    wire::alert as wire,
    words::{Locale, Words},
};

/// What the API says, it says in English.
const WORDS: Words = Words(Locale::English);

/// Shows an alert.
pub(super) fn alert(alert: Alert, names: &Names) -> wire::Alert {
    let (terminal, customer) = names.get(alert.terminal).cloned().unzip();
    let title = alert_text::title(WORDS, &alert);
    let message = alert_text::message(WORDS, &alert, |at| at.to_string());
    let (acknowledged_by, acknowledged_at) = alert.acknowledged.unzip();
    let resolved = alert.resolved;
    wire::Alert {
        id: alert.id.get(),
        terminal,
        customer,
        alert_type: alert.cause.as_str().into(),
        severity: alert.severity.as_str().into(),
        state: alert.state.as_str().into(),
        title,
        message,
        details: alert.details,
        occurrences: alert.occurrences,
        is_acknowledged: acknowledged_at.is_some(),
        acknowledged_by,
        acknowledged_at: spelled(acknowledged_at),
        is_resolved: alert.state == AlertState::Resolved,
        resolved_at: spelled(resolved.as_ref().map(|resolved| resolved.at)),
        resolution: resolved.as_ref().map(|resolved| resolved.resolution.as_str().into()),
        resolved_by: resolved.as_ref().and_then(|resolved| resolved.by.clone()),
        resolution_notes: resolved.and_then(|resolved| resolved.notes),
        created_at: alert.created_at.to_string(),
    }
}
