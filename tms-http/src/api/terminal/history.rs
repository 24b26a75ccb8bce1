//! What happened to a terminal: its measurements, its status, its logs.

use std::time::Duration;

use axum::{Json, extract::State};
use tms_core::{
    heartbeat::HeartbeatRecord,
    id::TerminalId,
    permission::Permission as P,
    presence::StatusInterval,
    terminal_log::{LogLevel, StoredLog, store::LogFilter},
};

use super::{PATH, convert::metrics};
use crate::{
    api::field::{Bound, bound},
    api::routes::Routes,
    extract::{Params, PathId, SignedIn},
    paging::Paging,
    problem::Problem,
    state::App,
    wire::{List, history as wire},
};

/// How far back measurements are listed when nobody says.
const USUAL_SPAN: Duration = Duration::from_secs(86_400);

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/terminals/{id}/metrics", list_metrics)
        .doc(
            "Lists the heartbeats of a terminal, the newest first; of the last day unless asked otherwise",
            |d| {
                d.needs(P::TerminalRead)
                    .query::<wire::MetricsQuery>()
                    .list::<wire::MetricsRow>()
            },
        )
        .get("/terminals/{id}/status-changes", list_status_changes)
        .doc("Lists the statuses that a terminal had, the newest first", |d| {
            d.needs(P::TerminalRead)
                .query::<wire::PageQuery>()
                .list::<wire::StatusChange>()
        })
        .get("/terminals/{id}/logs", list_logs)
        .doc(
            "Lists what the agent of a terminal noted, the last received first",
            |d| {
                d.needs(P::TerminalRead)
                    .query::<wire::LogQuery>()
                    .list::<wire::LogRow>()
            },
        )
}

/// `GET /terminals/{id}/metrics`
async fn list_metrics(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<TerminalId>,
    mut params: Params,
) -> Result<Json<List<wire::MetricsRow>>, Problem> {
    params.one_of("resolution", &["raw"]);
    let (from, to) = (params.text("from"), params.text("to"));
    let to = to.and_then(|text| bound(&mut params.errors, "to", &text, Bound::To));
    let to = to.unwrap_or_else(|| ctx.now.plus(Duration::from_secs(1)));
    let from = from.and_then(|text| bound(&mut params.errors, "from", &text, Bound::From));
    let from = from.unwrap_or_else(|| to.minus(USUAL_SPAN));
    let paging = Paging::take(&app, &ctx, &format!("{PATH}/{id}/metrics"), params)?;
    let page = app
        .tms
        .terminals()
        .history(&ctx, id, (from, to), &paging.request)
        .await?;
    Ok(Json(paging.envelope(&app, page.map(Into::into))))
}

/// `GET /terminals/{id}/status-changes`
async fn list_status_changes(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<TerminalId>,
    params: Params,
) -> Result<Json<List<wire::StatusChange>>, Problem> {
    let paging = Paging::take(&app, &ctx, &format!("{PATH}/{id}/status-changes"), params)?;
    let page = app.tms.terminals().status_history(&ctx, id, &paging.request).await?;
    Ok(Json(paging.envelope(&app, page.map(Into::into))))
}

/// `GET /terminals/{id}/logs`
async fn list_logs(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<TerminalId>,
    mut params: Params,
) -> Result<Json<List<wire::LogRow>>, Problem> {
    let filter = LogFilter {
        level: params.value::<LogLevel>("level"),
        kind: params.text("type"),
        text: params.text("text"),
    };
    let paging = Paging::take(&app, &ctx, &format!("{PATH}/{id}/logs"), params)?;
    let page = app.tms.logs().list(&ctx, id, &filter, &paging.request).await?;
    Ok(Json(paging.envelope(&app, page.map(Into::into))))
}

impl From<HeartbeatRecord> for wire::MetricsRow {
    fn from(record: HeartbeatRecord) -> Self {
        Self {
            timestamp: record.agent_time.to_string(),
            received_at: record.received_at.to_string(),
            seq: record.seq,
            device: wire::Device {
                state: record.device.name().into(),
                error_code: i64::from(record.device.code()),
            },
            metrics: metrics(record.metrics),
            transaction_count: record.transaction_count,
        }
    }
}

impl From<StatusInterval> for wire::StatusChange {
    fn from(interval: StatusInterval) -> Self {
        Self {
            status: interval.status.as_str().into(),
            from: interval.from.to_string(),
            to: interval.to.to_string(),
            next_status: interval.next.as_str().into(),
        }
    }
}

impl From<StoredLog> for wire::LogRow {
    fn from(log: StoredLog) -> Self {
        Self {
            id: log.id.get(),
            event_id: log.entry.event_id,
            timestamp: log.entry.timestamp.to_string(),
            received_at: log.received_at.to_string(),
            level: log.entry.level.as_str().into(),
            kind: log.entry.kind,
            message: log.entry.message,
            details: log.entry.details,
        }
    }
}
