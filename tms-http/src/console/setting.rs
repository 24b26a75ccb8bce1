//! The settings of the installation, as a form; the rules of alerts, which they hold too, one by one.

mod rule;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use serde_json::Value;
use tms_core::{
    permission::{Permission as P, Role},
    report::Calendar,
    settings::{BOUNDS, Bound, Settings, StoredSettings},
};

use super::{
    answer::{Answer, go_saying, page_as},
    flash::Flash,
    form::Form,
    frame::Frame,
    kept::Kept,
    list::Tab,
    visit::Visit,
};
use crate::{api::routes::Routes, state::App};

const PATH: &str = "/settings";
const ZONE: &str = "reports.time_zone";
const ROLES: &str = "security.second_factor_roles";

pub(super) fn routes() -> Routes {
    Routes::default().get(PATH, show).post(PATH, save).merge(rule::routes())
}

/// Returns the pages that settings have.
fn tabs(f: &Frame, present: &str) -> Vec<Tab> {
    [(PATH, "settings.title"), (rule::PATH, "alert_rules.title")]
        .map(|(path, key)| Tab::of(f, path, key, present))
        .into()
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    f: Arc<Frame>,
    form: Form,
    tabs: Vec<Tab>,
    /// The whole numbers of each section, with what they may be.
    sections: [(&'static str, Vec<&'static Bound>); 2],
    security: Vec<&'static Bound>,
    zones: Vec<&'static str>,
    may_change: bool,
    may_audit: bool,
}

/// `GET /settings`
async fn show(State(app): State<App>, Visit { ctx, f }: Visit) -> Answer {
    let stored = app.tms.settings().get(&ctx).await?;
    show_settings(f, StatusCode::OK, filled(&stored))
}

/// `POST /settings`: for the revision that was shown. What the form does not have, the rules, stays as it is.
async fn save(State(app): State<App>, Visit { ctx, f }: Visit, Kept(mut form): Kept) -> Answer {
    ctx.require(P::SettingsWrite)?;
    let stored = app.tms.settings().get(&ctx).await?;
    let wish = form.seen().zip(read(&stored.settings, &mut form));
    let settings = app.tms.settings();
    let saved = form
        .carry_out(&f, wish, |(seen, next)| settings.save(&ctx, next, seen))
        .await?;
    let Err(status) = saved else {
        return go_saying(&f.url(PATH), &Flash::good("settings.saved", &[]));
    };
    let present = settings.get(&ctx).await?;
    show_settings(f, status, form.or_present(status, || filled(&present)))
}

fn show_settings(f: Arc<Frame>, status: StatusCode, form: Form) -> Answer {
    let section = |name: &'static str| BOUNDS.iter().filter(|bound| bound.field.starts_with(name)).collect();
    page_as(
        status,
        &SettingsPage {
            tabs: tabs(&f, PATH),
            sections: ["presence", "retention"].map(|name| (name, section(name))),
            security: section("security"),
            zones: Calendar::zones().collect(),
            may_change: f.may(P::SettingsWrite),
            may_audit: f.may(P::AuditRead),
            form,
            f,
        },
    )
}

/// Puts what is stored into a form.
fn filled(stored: &StoredSettings) -> Form {
    let settings = &stored.settings;
    let mut form = Form::of([
        ("revision", stored.revision.0.to_string()),
        (ZONE, settings.reports.calendar.zone().to_owned()),
    ]);
    for bound in &BOUNDS {
        form.put(bound.field, (bound.of)(settings).to_string());
    }
    for role in &settings.security.second_factor_roles {
        form.put(ROLES, role.to_string());
    }
    form
}

/// Reads the form; what it does not have stays as it is in `present`.
fn read(present: &Settings, form: &mut Form) -> Option<Settings> {
    let mut document = present.to_document();
    for bound in &BOUNDS {
        let (section, key) = bound.field.split_once('.')?;
        if let Some(number) = form.need_number(bound.field, bound.low, bound.high) {
            let value = document.get_mut(section).and_then(|section| section.get_mut(key));
            *value? = Value::from(number);
        }
    }
    let mut next = Settings::from_document(&document).ok()?;
    let zone = Calendar::parse(form.value(ZONE).trim());
    next.reports.calendar = form.errors.take(ZONE, zone)?;
    let roles = form.all(ROLES).map(str::parse::<Role>).collect();
    next.security.second_factor_roles = form.errors.take(ROLES, roles)?;
    Some(next)
}
