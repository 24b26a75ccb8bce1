//! The audit trail: read, verified, taken away. No route writes to it.

mod convert;
pub(crate) mod export;

use axum::{Json, extract::State};
use tms_core::{
    audit::{ChainHash, store::AuditFilter},
    id::AuditId,
    page::Order,
    permission::Permission,
    report::Calendar,
};

use super::field::take_span;
use crate::{
    api::routes::Routes,
    extract::{Params, SignedIn},
    paging::{Paging, take_order},
    problem::Problem,
    state::App,
    wire::{List, audit as wire},
};

const PATH: &str = "/audit";

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/audit", list_audit)
        .doc("Lists the audit trail, the newest first", |d| {
            d.needs(Permission::AuditRead)
                .query::<wire::AuditQuery>()
                .list::<wire::AuditRow>()
        })
        .get("/audit/verify", verify_audit)
        .doc(
            "Walks the audit trail and names the first entry that is not as it was written",
            |d| {
                d.needs(Permission::AuditVerify)
                    .query::<wire::AuditVerifyQuery>()
                    .answers::<wire::AuditVerification>()
            },
        )
        .get("/audit/export.jsonl", export::export_audit)
        .doc("Returns the audit trail as JSON lines, oldest first", |d| {
            d.needs(Permission::AuditExport)
                .query::<wire::AuditQuery>()
                .without_pages()
                .without(&["sort", "order"])
                .sends_file(
                    "application/jsonl",
                    "An entry a line; the last line is the head of the chain.",
                    EXPORT,
                )
                .more(
                    "A body that ends without the head has broken off, as it does when the sign-in of its reader ends.",
                )
        })
}

/// An export to show.
const EXPORT: &str = concat!(
    r#"{"id":4711,"at":"2026-01-24T10:00:00Z","actor":"yamada","role":"operator","action":"terminal.update","#,
    r#""target_type":"terminal","target_id":123,"customer_id":1,"#,
    r#""changes":{"store_code":{"before":"S-1","after":"S-2"}},"ip_address":"203.0.113.9","#,
    r#""user_agent":"curl/8.5","request_id":"b1946ac9","result":"done","sealed":true}"#,
    "\n",
    r#"{"head":{"place":4711,"hash":"5f0c..."},"entries":1}"#,
    "\n",
);

fn take_filter(params: &mut Params, calendar: Calendar) -> AuditFilter {
    let (from, to) = take_span(params, calendar, ["from_date", "to_date"]);
    let id = params.value::<AuditId>("target_id");
    AuditFilter {
        actor: params.text("actor"),
        action: params.text("action"),
        target_type: params.text("target_type"),
        target_id: id.map(AuditId::get),
        customer: None,
        from,
        to,
    }
}

/// `GET /audit`: the newest first, unless asked otherwise.
async fn list_audit(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    mut params: Params,
) -> Result<Json<List<wire::AuditRow>>, Problem> {
    ctx.require(Permission::AuditRead)?;
    let filter = take_filter(&mut params, app.calendar());
    params.one_of("sort", &["at"]);
    let order = take_order(&mut params, Order::Descending);
    let paging = Paging::take(&app, &ctx, PATH, params)?;
    let page = app.tms.audit().list(&ctx, filter, order, &paging.request).await?;
    Ok(Json(paging.envelope(&app, page.map(convert::row))))
}

/// `GET /audit/verify`
async fn verify_audit(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    mut params: Params,
) -> Result<Json<wire::AuditVerification>, Problem> {
    ctx.require(Permission::AuditVerify)?;
    let expected = params.value::<ChainHash>("expect_head");
    params.finish()?;
    let seen = app.tms.audit().verify(&ctx, expected).await?;
    Ok(Json(convert::verification(&seen)))
}
