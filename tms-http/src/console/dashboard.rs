//! The fleet at a glance: what is in trouble first.

mod outlook;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use tms_core::{
    Ctx,
    alert::{Severity, store::AlertFilter},
    page::{Order, PageRequest},
    presence::Status,
};

use self::outlook::{Outlook, outlook};
use super::{
    alert_row::{AlertRow, alert_rows},
    answer::{Answer, page},
    chart,
    format::number,
    frame::Frame,
    visit::Visit,
};
use crate::{api::routes::Routes, extract::Params, problem::Problem, state::App};

/// How many alerts a list here has.
const MOST_ALERTS: u32 = 8;

pub(super) fn routes() -> Routes {
    Routes::default().get("/", show).get("/dashboard", show)
}

#[derive(Template)]
#[template(path = "dashboard.html")]
struct DashboardPage {
    f: Arc<Frame>,
    tiles: Vec<Tile>,
    shares: String,
    total: String,
    as_of: String,
    severities: Vec<(Severity, u64)>,
    open: u64,
    /// Whether all that are heard are well: somebody may have resolved an alert whose cause is still there.
    is_well: bool,
    worst: Vec<AlertRow>,
    newest: Vec<AlertRow>,
    outlook: Option<Outlook>,
}

/// A status and how many terminals have it.
struct Tile {
    status: Status,
    count: String,
    share: String,
}

/// `GET /dashboard`
async fn show(State(app): State<App>, Visit { ctx, f }: Visit, mut params: Params) -> Answer {
    params.finish()?;
    let summary = app.tms.summaries().get(&ctx).await?;
    let mut counts = summary.terminals;
    let total = counts.total();
    let tile = |status: &Status| {
        let count = *counts.of_mut(*status);
        (*status, count)
    };
    let counted: Vec<(Status, u64)> = Status::ALL.iter().map(tile).collect();
    let tiles = counted.iter().map(|(status, count)| Tile {
        status: *status,
        count: number(*count),
        share: share(*count, total),
    });
    let drawn: Vec<(&'static str, f64)> = counted
        .iter()
        .map(|(status, count)| (status.as_str(), real(*count)))
        .collect();
    let newest = newest(&app, &ctx, None, MOST_ALERTS).await?;
    page(&DashboardPage {
        tiles: tiles.collect(),
        shares: chart::parts(&drawn),
        total: number(total),
        as_of: f.moment(&summary.as_of),
        is_well: counts.error == 0,
        open: summary.alerts.iter().map(|(_, count)| count).sum(),
        worst: alert_rows(&app, &ctx, &f, worst(&app, &ctx).await?).await?,
        newest: alert_rows(&app, &ctx, &f, newest).await?,
        severities: summary.alerts,
        outlook: outlook(&app, &ctx, &f).await?,
        f,
    })
}

/// Returns the unresolved alerts that are worst, the newest of each severity first.
async fn worst(app: &App, ctx: &Ctx) -> Result<Vec<tms_core::alert::Alert>, Problem> {
    let mut found = Vec::new();
    for severity in Severity::ALL {
        let room = MOST_ALERTS.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        if room == 0 {
            break;
        }
        found.extend(newest(app, ctx, Some(*severity), room).await?);
    }
    Ok(found)
}

async fn newest(
    app: &App,
    ctx: &Ctx,
    severity: Option<Severity>,
    most: u32,
) -> Result<Vec<tms_core::alert::Alert>, Problem> {
    let filter = AlertFilter {
        is_resolved: Some(false),
        severity,
        ..AlertFilter::default()
    };
    let page = PageRequest::first(most);
    Ok(app
        .tms
        .alerts()
        .list(ctx, filter, Order::Descending, &page)
        .await?
        .items)
}

/// Spells a share of a whole.
fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    format!("{:.1} %", real(part) / real(whole) * 100.0)
}

/// Returns a count as a number to draw with.
#[expect(clippy::cast_precision_loss, reason = "no fleet has 2^53 terminals")]
fn real(count: u64) -> f64 {
    count as f64
}
