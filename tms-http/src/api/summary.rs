//! The fleet at a glance.

use axum::{Json, extract::State};
use tms_core::{alert::Severity, permission::Permission as P, summary::Summary};

use crate::{
    api::routes::Routes,
    extract::{Params, SignedIn},
    problem::Problem,
    state::App,
    wire::summary as wire,
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/summary", get_summary)
        .doc("Returns the fleet at a glance, at most two seconds old", |d| {
            d.needs(P::TerminalRead).refuses(422).answers::<wire::Summary>()
        })
}

/// `GET /summary`
async fn get_summary(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    mut params: Params,
) -> Result<Json<wire::Summary>, Problem> {
    params.finish()?;
    Ok(Json(app.tms.summaries().get(&ctx).await?.into()))
}

impl From<Summary> for wire::Summary {
    fn from(summary: Summary) -> Self {
        let counts = summary.terminals;
        let mut alerts = wire::AlertTotals::default();
        for (severity, count) in summary.alerts {
            alerts.total += count;
            *match severity {
                Severity::Critical => &mut alerts.critical,
                Severity::High => &mut alerts.high,
                Severity::Medium => &mut alerts.medium,
                Severity::Low => &mut alerts.low,
                Severity::Info => &mut alerts.info,
            } = count;
        }
        Self {
            terminals: wire::TerminalTotals {
                total: counts.total(),
                online: counts.online,
                offline: counts.offline,
                error: counts.error,
                maintenance: counts.maintenance,
            },
            alerts,
            as_of: summary.as_of.to_string(),
        }
    }
}
