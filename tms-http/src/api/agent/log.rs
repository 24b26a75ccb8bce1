//! `POST /agent/logs`: what an agent noted, all or nothing.

use axum::{Json, extract::State};
use tms_core::{
    Actor, Error,
    error::FieldErrors,
    terminal_log::{LogEntry, LogLevel},
};

use super::{Agent, check_serial, time};
use crate::{
    extract::{JsonBody, body::MAX_LOG_BODY},
    problem::Problem,
    state::App,
    wire::agent::{LogAnswer, LogBatch, LogLine},
};

/// `POST /agent/logs`
pub(super) async fn post_logs(
    State(app): State<App>,
    Agent(ctx): Agent,
    body: JsonBody<MAX_LOG_BODY>,
) -> Result<Json<LogAnswer>, Problem> {
    let batch: LogBatch<'_> = body.read_from_agent(&app)?;
    let Actor::Agent(identity) = &ctx.actor else {
        return Err(Error::InvalidToken.into());
    };
    check_serial(identity, &batch.serial_number)?;
    let mut errors = FieldErrors::default();
    let lines = batch.logs.into_iter().enumerate();
    let entries: Vec<LogEntry> = lines
        .filter_map(|(index, line)| check(&mut errors, index, line))
        .collect();
    errors.finish()?;
    let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
    app.tms.logs().append(&ctx, entries).await?;
    Ok(Json(LogAnswer {
        status: "received".into(),
        count,
    }))
}

/// Checks what the service can't: the time and the level. It checks the rest, and how many lines there are.
fn check(errors: &mut FieldErrors, index: usize, line: LogLine<'_>) -> Option<LogEntry> {
    let timestamp = time(errors, &format!("logs[{index}].timestamp"), &line.timestamp);
    let level = line.level.to_ascii_uppercase().parse::<LogLevel>();
    let level = errors.take(&format!("logs[{index}].level"), level);
    Some(LogEntry {
        event_id: line.event_id.into_owned(),
        timestamp: timestamp?,
        level: level?,
        kind: line.kind.into_owned(),
        message: line.message.into_owned(),
        details: line.details,
    })
}
