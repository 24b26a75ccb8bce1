//! An alert as a page shows it: what, whose, how bad, in the language of the reader.

use tms_core::{
    Ctx,
    alert::{Alert, AlertState, Severity},
};

use super::frame::Frame;
use crate::{
    alert_text,
    api::alert::names::Names,
    problem::Problem,
    state::App,
    wire::{customer::CustomerRef, terminal::TerminalRef},
};

/// An alert as a page shows it.
pub(crate) struct AlertRow {
    pub(crate) alert: Alert,
    pub(crate) title: String,
    pub(crate) message: String,
    /// The terminal and its customer; none for an alert about the server itself.
    pub(crate) place: Option<(TerminalRef, CustomerRef)>,
}

impl AlertRow {
    /// Returns how many bars of four show how bad it is.
    pub(crate) const fn bars(&self) -> u8 {
        bars(&self.alert.severity)
    }

    /// Tells whether nothing can be said about it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.alert.state == AlertState::Resolved
    }
}

/// Returns how many bars of four show a severity.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "templates pass what they have by reference"
)]
pub(crate) const fn bars(severity: &Severity) -> u8 {
    match severity {
        Severity::Critical => 4,
        Severity::High => 3,
        Severity::Medium => 2,
        Severity::Low | Severity::Info => 1,
    }
}

/// Makes rows of alerts, with the names of their terminals.
pub(crate) async fn alert_rows(app: &App, ctx: &Ctx, f: &Frame, alerts: Vec<Alert>) -> Result<Vec<AlertRow>, Problem> {
    let names = Names::of(app, ctx, &alerts).await?;
    let row = |alert: Alert| AlertRow {
        title: alert_text::title(f.words, &alert),
        message: alert_text::message(f.words, &alert, |at| f.moment(&at)),
        place: names.get(alert.terminal).cloned(),
        alert,
    };
    Ok(alerts.into_iter().map(row).collect())
}
