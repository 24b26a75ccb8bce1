//! The rules of alerts: what raises one, and how bad it is; for everybody, or for one customer in place of that.

/// Spells the address of a page below the list.
macro_rules! at {
    ($($rest:literal)?) => {
        concat!("/settings/rules"$(, $rest)?)
    };
}

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{
    Ctx,
    alert::{
        Cause, Severity,
        rule::{AlertRule, AlertRuleId, Threshold},
    },
    id::Revision,
    page::{MAX_PER_PAGE, PageRequest},
    permission::Permission as P,
};

use super::tabs;
use crate::{
    api::routes::Routes,
    console::{
        alert_row::bars,
        answer::{Answer, go_saying, page, page_as},
        customer_choice::{name_of, needed, proposed},
        flash::Flash,
        form::Form,
        frame::Frame,
        kept::Kept,
        list::{Pager, Tab},
        visit::Visit,
    },
    extract::{Params, PathId},
    paging::Paging,
    problem::Problem,
    state::App,
};

pub(super) const PATH: &str = at!();

pub(super) fn routes() -> Routes {
    Routes::default()
        .get(PATH, list_rules)
        .get(at!("/new"), show_new)
        .post(at!("/new"), create)
        .get(at!("/{id}"), show)
        .post(at!("/{id}"), update)
        .post(at!("/{id}/delete"), delete)
}

/// A rule of the list.
struct Row {
    rule: AlertRule,
    /// Whose terminals it is for; none for all others.
    customer: Option<String>,
    when: String,
}

impl Row {
    const fn bars(&self) -> u8 {
        bars(&self.rule.severity)
    }
}

#[derive(Template)]
#[template(path = "rules.html")]
struct RulesPage {
    f: Arc<Frame>,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    pager: Pager,
    may_change: bool,
}

/// A rule with the form that changes it, or the form for a new one.
#[derive(Template)]
#[template(path = "rule.html")]
struct RulePage {
    f: Arc<Frame>,
    form: Form,
    /// The rule that is changed, and whose it is.
    rule: Option<(AlertRule, Option<String>)>,
    causes: Vec<Cause>,
    customers: Vec<String>,
    may_change: bool,
}

impl RulePage {
    /// Tells whether the rule is about something measured, or may be.
    fn has_threshold(&self) -> bool {
        let own = self.rule.as_ref();
        own.is_none_or(|(rule, _)| Cause::THRESHOLDS.contains(&rule.cause))
    }

    /// Returns the attributes of the numbers: those of a new rule depend on its cause.
    fn number_attributes(&self) -> &'static str {
        if self.rule.is_some() { "required" } else { "" }
    }
}

/// `GET /settings/rules`
async fn list_rules(State(app): State<App>, Visit { ctx, f }: Visit, params: Params) -> Answer {
    ctx.require(P::SettingsRead)?;
    let paging = Paging::take_of_page(&app, &ctx, PATH, params)?;
    let found = app.tms.alert_rules().list(&ctx, &paging.request).await?;
    let list = paging.envelope(&app, found);
    let mut rows = Vec::with_capacity(list.data.len());
    for rule in list.data {
        rows.push(Row {
            customer: name_of(&app, &ctx, rule.customer).await?,
            when: when(&f, &rule),
            rule,
        });
    }
    page(&RulesPage {
        tabs: tabs(&f, PATH),
        rows,
        pager: Pager::of(&f, &list.meta, list.links),
        may_change: f.may(P::SettingsWrite),
        f,
    })
}

/// `GET /settings/rules/new`: asks for the fresh proof before anything is typed.
async fn show_new(State(app): State<App>, visit: Visit) -> Answer {
    visit.ctx.require(P::SettingsWrite)?;
    let form = Form::of([
        ("is_enabled", "on".to_owned()),
        ("severity", Severity::High.to_string()),
    ]);
    show_rule(&app, &visit.ctx, visit.f, StatusCode::OK, form, None).await
}

/// `POST /settings/rules/new`
async fn create(State(app): State<App>, Visit { ctx, f }: Visit, Kept(mut form): Kept) -> Answer {
    ctx.require(P::SettingsWrite)?;
    let customer = needed(&app, &ctx, &mut form, "customer").await?;
    let cause = form.need::<Cause>("alert_type");
    let rule = cause.and_then(|cause| {
        let rule = read(&mut form, cause)?;
        Some(AlertRule { customer, ..rule })
    });
    let rules = app.tms.alert_rules();
    match form.carry_out(&f, rule, |rule| rules.create(&ctx, rule)).await? {
        Ok(made) => {
            let cause = f.name("alert.title", made.rule.cause);
            go_saying(&f.url(PATH), &Flash::good("alert_rules.added", &[&cause]))
        }
        Err(status) => show_rule(&app, &ctx, f, status, form, None).await,
    }
}

/// `GET /settings/rules/{id}`
async fn show(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<AlertRuleId>) -> Answer {
    let stored = app.tms.alert_rules().get(&ctx, id).await?;
    let form = filled(&stored.rule, stored.revision);
    show_rule(&app, &ctx, f, StatusCode::OK, form, Some(stored.rule)).await
}

/// `POST /settings/rules/{id}`
async fn update(
    State(app): State<App>,
    Visit { ctx, f }: Visit,
    PathId(id): PathId<AlertRuleId>,
    Kept(mut form): Kept,
) -> Answer {
    ctx.require(P::SettingsWrite)?;
    let rules = app.tms.alert_rules();
    let present = rules.get(&ctx, id).await?.rule;
    let rule = read(&mut form, present.cause).map(|rule| AlertRule {
        customer: present.customer,
        ..rule
    });
    let wish = form.seen().zip(rule);
    let saved = form
        .carry_out(&f, wish, |(seen, rule)| rules.update(&ctx, rule, seen))
        .await?;
    let status = match saved {
        Ok(saved) => {
            let cause = f.name("alert.title", saved.rule.cause);
            return go_saying(&f.url(PATH), &Flash::good("alert_rules.saved", &[&cause]));
        }
        Err(status) => status,
    };
    let stored = rules.get(&ctx, id).await?;
    let form = form.or_present(status, || filled(&stored.rule, stored.revision));
    show_rule(&app, &ctx, f, status, form, Some(stored.rule)).await
}

/// `POST /settings/rules/{id}/delete`
async fn delete(
    State(app): State<App>,
    Visit { ctx, f }: Visit,
    PathId(id): PathId<AlertRuleId>,
    form: Form,
) -> Answer {
    ctx.require(P::SettingsWrite)?;
    let seen = form.must_have_seen()?;
    app.tms.alert_rules().delete(&ctx, id, seen).await?;
    go_saying(&f.url(PATH), &Flash::good("alert_rules.deleted", &[]))
}

async fn show_rule(
    app: &App,
    ctx: &Ctx,
    f: Arc<Frame>,
    status: StatusCode,
    form: Form,
    rule: Option<AlertRule>,
) -> Answer {
    let rule = match rule {
        Some(rule) => Some((rule, name_of(app, ctx, rule.customer).await?)),
        None => None,
    };
    page_as(
        status,
        &RulePage {
            causes: causes(app, ctx).await?,
            customers: proposed(app, ctx).await?,
            may_change: f.may(P::SettingsWrite),
            form,
            rule,
            f,
        },
    )
}

/// Returns the causes that rules decide: those of the general ones, which come first.
async fn causes(app: &App, ctx: &Ctx) -> Result<Vec<Cause>, Problem> {
    let first = PageRequest::first(MAX_PER_PAGE);
    let found = app.tms.alert_rules().list(ctx, &first).await?;
    let general = found.items.into_iter().filter(|rule| rule.customer.is_none());
    Ok(general.map(|rule| rule.cause).collect())
}

/// Says from when on a rule raises an alert.
fn when(f: &Frame, rule: &AlertRule) -> String {
    match rule.threshold {
        None => f.name("alert.plain", rule.cause),
        Some(threshold) => f.t3(
            "alert_rules.above",
            threshold.value,
            f.span(threshold.duration()),
            threshold.clear_value,
        ),
    }
}

fn filled(rule: &AlertRule, revision: Revision) -> Form {
    let number = |of: fn(Threshold) -> i64| rule.threshold.map(|t| of(t).to_string()).unwrap_or_default();
    let ticked = if rule.is_enabled { "on" } else { "" };
    Form::of([
        ("revision", revision.0.to_string()),
        ("is_enabled", ticked.to_owned()),
        ("severity", rule.severity.to_string()),
        ("value", number(|t| t.value)),
        ("duration_s", number(|t| i64::from(t.duration_s))),
        ("clear_value", number(|t| t.clear_value)),
    ])
}

/// Reads the rule of a cause, for nobody in particular.
fn read(form: &mut Form, cause: Cause) -> Option<AlertRule> {
    let severity = form.need("severity");
    let threshold = if Cause::THRESHOLDS.contains(&cause) {
        let value = form.need_number("value", 0, MOST);
        let duration_s = form.need_number("duration_s", 0, MOST);
        let clear_value = form.need_number("clear_value", 0, value.unwrap_or(MOST));
        Some(Threshold {
            value: value?.into(),
            duration_s: duration_s?,
            clear_value: clear_value?.into(),
        })
    } else {
        None
    };
    Some(AlertRule {
        cause,
        customer: None,
        is_enabled: form.is_ticked("is_enabled"),
        severity: severity?,
        threshold,
    })
}

/// What the numbers of a rule are at most.
const MOST: u32 = 86_400;
