//! What happened to a terminal: its measurements, its status, its logs.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use tms_core::{
    heartbeat::HeartbeatRecord,
    id::TerminalId,
    metric::{Measured, Period, Resolution},
    permission::Permission as P,
    presence::StatusInterval,
    report::{Granularity, Window},
    terminal_log::{LogLevel, StoredLog, store::LogFilter},
};

use super::{PATH, convert::metrics};
use crate::{
    api::{field::take_span, routes::Routes},
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
        .doc("Lists the measurements of a terminal, the newest first", |d| {
            d.needs(P::TerminalRead)
                .query::<wire::MetricsQuery>()
                .list::<wire::MetricsItem>()
                .more(
                    "Of the last day unless asked otherwise. `resolution=raw` lists heartbeats, `hour` and `day` the \
                     hours and days (of the report's time zone) in which there were any, each as a whole; these are kept \
                     for longer. An hour is of the day in which it begins.",
                )
        })
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
) -> Result<Response, Problem> {
    let resolution = params.value("resolution").unwrap_or(Resolution::Raw);
    let (from, to) = take_span(&mut params, app.calendar(), ["from", "to"]);
    let to = to.unwrap_or_else(|| ctx.now.plus(Duration::from_secs(1)));
    let from = from.unwrap_or_else(|| to.minus(USUAL_SPAN));
    let paging = Paging::take(&app, &ctx, &format!("{PATH}/{id}/metrics"), params)?;
    let by = match resolution {
        Resolution::Raw => {
            let terminals = app.tms.terminals();
            let page = terminals.history(&ctx, id, (from, to), &paging.request).await?;
            let page = page.map(wire::MetricsRow::from);
            return Ok(Json(paging.envelope(&app, page)).into_response());
        }
        Resolution::Hour => Granularity::Hour,
        Resolution::Day => Granularity::Day,
    };
    let window = Window { from, to };
    let page = app.tms.metrics().periods(&ctx, id, window, by, &paging.request).await?;
    let page = page.map(wire::MetricsPeriod::from);
    Ok(Json(paging.envelope(&app, page)).into_response())
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

impl From<Period> for wire::MetricsPeriod {
    fn from(period: Period) -> Self {
        let rollup = period.rollup;
        Self {
            period: period.label,
            from: period.window.from.to_string(),
            to: period.window.to.to_string(),
            heartbeats: rollup.heartbeats,
            metrics: wire::MeasuredMetrics {
                cpu_usage: rollup.cpu_percent.map(Into::into),
                memory_usage: rollup.memory_percent.map(Into::into),
                disk_usage: rollup.disk_percent.map(Into::into),
                temperature: rollup.temperature_c.map(Into::into),
            },
        }
    }
}

impl From<Measured> for wire::Measured {
    fn from(measured: Measured) -> Self {
        Self {
            min: measured.min.into(),
            avg: (measured.mean() * 100.0).round() / 100.0,
            max: measured.max.into(),
            count: measured.count,
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
