//! What the agent of a terminal noted.

use tms_core::{
    Ctx,
    id::TerminalId,
    terminal_log::{LogLevel, StoredLog, store::LogFilter},
};

use crate::{
    console::{frame::Frame, list::Pager},
    extract::Params,
    paging::Paging,
    problem::Problem,
    state::App,
};

/// A page of log lines.
pub(super) struct Logs {
    pub(super) filter: LogFilter,
    pub(super) levels: &'static [LogLevel],
    pub(super) rows: Vec<LogRow>,
    pub(super) pager: Pager,
}

/// A log line.
pub(super) struct LogRow {
    pub(super) log: StoredLog,
    pub(super) at: String,
    pub(super) details: Option<String>,
}

impl LogRow {
    /// Returns the class that gives a level its colour.
    pub(super) const fn tone(&self) -> &'static str {
        match self.log.entry.level {
            LogLevel::Critical => "critical",
            LogLevel::Error => "error",
            LogLevel::Warning => "warning",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
        }
    }
}

/// Reads the page that the query asks for.
pub(super) async fn logs(app: &App, ctx: &Ctx, f: &Frame, id: TerminalId, mut params: Params) -> Result<Logs, Problem> {
    let filter = LogFilter {
        level: params.value::<LogLevel>("level"),
        kind: params.text("type"),
        text: params.text("text"),
    };
    let paging = Paging::take_of_page(app, ctx, &format!("/terminals/{id}"), params)?;
    let page = app.tms.logs().list(ctx, id, &filter, &paging.request).await?;
    let list = paging.envelope(app, page);
    let row = |log: StoredLog| LogRow {
        at: f.moment(&log.entry.timestamp),
        details: Some(&log.entry.details)
            .filter(|details| !details.is_null())
            .map(ToString::to_string),
        log,
    };
    Ok(Logs {
        filter,
        levels: LogLevel::ALL,
        rows: list.data.into_iter().map(row).collect(),
        pager: Pager::of(f, &list.meta, list.links).at("logs"),
    })
}
