//! An alert as a row of a page: what, whose, how bad, how long, in the language of the reader.

use tms_core::{
    Ctx,
    alert::{Alert, Severity},
};

use super::frame::Frame;
use crate::{
    alert_text,
    api::alert::names::Names,
    problem::Problem,
    state::App,
    wire::{customer::CustomerRef, terminal::TerminalRef},
};

/// An alert as a row.
pub(crate) struct AlertRow {
    pub(crate) alert: Alert,
    pub(crate) title: String,
    pub(crate) message: String,
    pub(crate) terminal: Option<TerminalRef>,
    pub(crate) customer: Option<CustomerRef>,
    /// When it was raised, for machines and for people.
    pub(crate) at: String,
    pub(crate) ago: String,
}

impl AlertRow {
    /// Returns how many bars of four show how bad it is.
    pub(crate) const fn bars(&self) -> u8 {
        bars(&self.alert.severity)
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
    let row = |alert: Alert| {
        let (terminal, customer) = names.get(alert.terminal).cloned().unzip();
        AlertRow {
            title: alert_text::title(f.words, alert.cause),
            message: alert_text::message(f.words, alert.cause, &alert.details, |at| f.moment(&at)),
            at: alert.created_at.to_string(),
            ago: f.ago(&alert.created_at),
            terminal,
            customer,
            alert,
        }
    };
    Ok(alerts.into_iter().map(row).collect())
}
