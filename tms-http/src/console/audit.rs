//! The audit trail: who did what, when, from where, with what result; and whether all of it is as it was written.

mod acts;
mod changed;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::HeaderMap;
use tms_core::{
    audit::{
        AuditRecord, ChainHash,
        store::AuditFilter,
        verify::{Finding, Verification},
    },
    id::AuditId,
    page::Order,
    permission::Permission as P,
    report::Calendar,
};

use super::{
    answer::{Answer, page},
    frame::Frame,
    list::{Choice, Pager, choices},
    visit::Visit,
};
use crate::{
    api::{audit::export::export_audit, field::span, routes::Routes},
    extract::{
        Params,
        operator::{Lasting, Shown},
    },
    paging::{Paging, append},
    state::App,
};
use acts::ACTS;
use changed::{Change, changes};

const PATH: &str = "/audit";

/// Kinds of things that entries are about, as a reader chooses among them.
const TARGETS: &[&str] = &[
    "agent_token",
    "alert",
    "api_token",
    "customer",
    "enrolment_code",
    "maintenance",
    "notification_channel",
    "second_factor",
    "session",
    "settings",
    "terminal",
    "user",
];

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/audit", list_audit)
        .get("/audit/verify", verify_audit)
        .get("/audit/export.jsonl", export)
}

/// An entry of the list.
struct Row {
    record: AuditRecord,
    is_sealed: bool,
    changes: Vec<Change>,
}

/// What the reader has chosen, as typed.
#[derive(Debug, Default)]
struct Chosen {
    actor: String,
    action: String,
    target_type: String,
    target_id: String,
    from_date: String,
    to_date: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    f: Arc<Frame>,
    rows: Vec<Row>,
    pager: Pager,
    targets: Vec<Choice>,
    acts: Vec<Choice>,
    chosen: Chosen,
    export: String,
    may_verify: bool,
    may_export: bool,
}

impl AuditPage {
    /// Returns where only the entries are that have this in common.
    fn only(&self, name: &str, value: &str) -> String {
        let mut address = self.f.url(PATH);
        append(&mut address, name, value);
        address
    }

    /// Says what was done; an act without a text is shown as it is named.
    fn act(&self, action: &str) -> String {
        let key = format!("audit.did.{action}");
        let text = self.f.t(&key);
        if text == key {
            action.to_owned()
        } else {
            text.to_owned()
        }
    }

    /// Names a field that was changed.
    fn field(&self, entry: &AuditRecord, field: &str) -> String {
        match (field, entry.target_type.as_str()) {
            // What a person may see; elsewhere it is whose something is.
            ("customer_id", target) if target != "user" => self.f.t("field.customer").to_owned(),
            _ => self.f.field(field),
        }
    }

    /// Names the thing that an entry is about.
    fn target(&self, entry: &AuditRecord) -> String {
        let key = format!("audit.kind.{}", entry.target_type);
        let text = self.f.t(&key);
        let kind = if text == key { &entry.target_type } else { text };
        match entry.target_id {
            Some(id) => format!("{kind} {id}"),
            None => kind.to_owned(),
        }
    }
}

impl Chosen {
    /// Returns where the chosen entries can be taken away from.
    fn export(&self, f: &Frame) -> String {
        let mut address = f.url(format!("{PATH}/export.jsonl"));
        for (name, value) in [
            ("actor", &self.actor),
            ("action", &self.action),
            ("target_type", &self.target_type),
            ("target_id", &self.target_id),
            ("from_date", &self.from_date),
            ("to_date", &self.to_date),
        ] {
            if !value.is_empty() {
                append(&mut address, name, value);
            }
        }
        address
    }
}

#[derive(Template)]
#[template(path = "audit_verify.html")]
struct VerifyPage {
    f: Arc<Frame>,
    seen: Verification,
    expected: String,
}

impl VerifyPage {
    fn finding(&self, finding: &Finding) -> String {
        let spell = |number: Option<i64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let key = format!("audit.finding.{}", finding.kind);
        let [entry, place, other] = [finding.entry, finding.place, finding.other].map(spell);
        self.f.t3(&key, entry, place, other)
    }
}

/// `GET /audit`
async fn list_audit(State(app): State<App>, Visit { ctx, f }: Visit, mut params: Params) -> Answer {
    ctx.require(P::AuditRead)?;
    let target = params.value::<AuditId>("target_id");
    let mut text = |name: &'static str| params.text(name).unwrap_or_default();
    let chosen = Chosen {
        actor: text("actor"),
        action: text("action"),
        target_type: text("target_type"),
        target_id: target.map(|id| id.to_string()).unwrap_or_default(),
        from_date: text("from_date"),
        to_date: text("to_date"),
    };
    let filter = read(&mut params, &chosen, target, app.calendar());
    let paging = Paging::take_of_page(&app, &ctx, PATH, params)?;
    let found = app
        .tms
        .audit()
        .list(&ctx, filter, Order::Descending, &paging.request)
        .await?;
    let list = paging.envelope(&app, found);
    let rows = list.data.into_iter().map(|row| Row {
        changes: changes(&row.record.changes),
        record: row.record,
        is_sealed: row.is_sealed,
    });
    page(&AuditPage {
        rows: rows.collect(),
        pager: Pager::of(&f, &list.meta, list.links),
        acts: acts(&f, &chosen.action),
        targets: choices(&f, "audit.kind", TARGETS, Some(&chosen.target_type.as_str())),
        export: chosen.export(&f),
        may_verify: f.may(P::AuditVerify) && ctx.scope().is_none(),
        may_export: f.may(P::AuditExport) && ctx.scope().is_none(),
        chosen,
        f,
    })
}

/// `GET /audit/verify`: walks the trail.
async fn verify_audit(State(app): State<App>, Visit { ctx, f }: Visit, mut params: Params) -> Answer {
    ctx.require(P::AuditVerify)?;
    let expected = params.value::<ChainHash>("expect_head");
    params.finish()?;
    let seen = app.tms.audit().verify(&ctx, expected).await?;
    page(&VerifyPage {
        f,
        seen,
        expected: expected.map(|hash| hash.to_string()).unwrap_or_default(),
    })
}

/// `GET /audit/export.jsonl`
async fn export(State(app): State<App>, Visit { ctx, .. }: Visit, headers: HeaderMap, params: Params) -> Answer {
    let caller = Lasting(ctx, Shown::cookie(&headers)?);
    export_audit(State(app), caller, params).await
}

/// Makes the choices of acts; one that is asked for stays, though it be an older one.
fn acts(f: &Frame, present: &str) -> Vec<Choice> {
    let mut choices = choices(f, "audit.did", ACTS, Some(&present));
    if !present.is_empty() && !ACTS.contains(&present) {
        choices.push(Choice {
            value: present.to_owned(),
            text: present.to_owned(),
            is_present: true,
        });
    }
    choices
}

fn read<'c>(params: &mut Params, chosen: &'c Chosen, target: Option<AuditId>, calendar: Calendar) -> AuditFilter {
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let end = |text: &'static str, chosen: &'c str| (text, Some(chosen).filter(|chosen| !chosen.is_empty()));
    let (begin, last) = (end("from_date", &chosen.from_date), end("to_date", &chosen.to_date));
    let (from, to) = span(&mut params.errors, calendar, begin, last);
    AuditFilter {
        actor: given(&chosen.actor),
        action: given(&chosen.action),
        target_type: given(&chosen.target_type),
        target_id: target.map(AuditId::get),
        customer: None,
        from,
        to,
    }
}
