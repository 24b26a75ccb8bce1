//! The rules of alerts, one by one: a view of the settings.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use tms_core::{
    alert::{
        Cause, Severity,
        rule::{AlertRule, AlertRuleId, Threshold},
        rule_book::StoredRule,
    },
    error::FieldErrors,
    id::CustomerId,
    permission::{Permission, Permission as P},
};

use super::field::{created, id};
use crate::{
    api::routes::Routes,
    extract::{Etag, IfMatch, JsonBody, Params, PathId, Repeatable, SignedIn},
    paging::Paging,
    problem::Problem,
    state::App,
    wire::{List, alert_rule as wire, setting},
};

const PATH: &str = "/alert-rules";

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/alert-rules", list_alert_rules)
        .doc("Lists the rules of alerts, the general ones first", |d| {
            d.needs(P::SettingsRead)
                .query::<crate::wire::PageQuery>()
                .list::<wire::AlertRule>()
        })
        .post("/alert-rules", create_alert_rule)
        .doc("Gives a customer a rule of their own", |d| {
            d.needs(P::SettingsWrite)
                .takes("Idempotency-Key")
                .body::<wire::AlertRuleCreate>()
                .created::<wire::AlertRule>()
                .tagged()
                .more("It holds for the customer's terminals in place of the general rule, from the next seconds on.")
        })
        .get("/alert-rules/{id}", get_alert_rule)
        .doc("Returns a rule of alerts", |d| {
            d.needs(P::SettingsRead).answers::<wire::AlertRule>().tagged()
        })
        .put("/alert-rules/{id}", replace_alert_rule)
        .doc("Replaces a rule of alerts", |d| {
            d.needs(P::SettingsWrite)
                .if_match()
                .body::<wire::AlertRuleReplace>()
                .answers::<wire::AlertRule>()
                .tagged()
                .more(WITHIN_SECONDS)
        })
        .patch("/alert-rules/{id}", update_alert_rule)
        .doc("Changes a rule of alerts", |d| {
            d.needs(P::SettingsWrite)
                .if_match()
                .body::<wire::AlertRulePatch>()
                .answers::<wire::AlertRule>()
                .tagged()
                .more(WITHIN_SECONDS)
        })
        .delete("/alert-rules/{id}", delete_alert_rule)
        .doc("Takes a customer's own rule away", |d| {
            d.needs(P::SettingsWrite)
                .if_match()
                .empty()
                .more("The general rule of a cause can't be taken away; switch it off with `is_enabled`.")
        })
}

const WITHIN_SECONDS: &str = "Within seconds a rule that is off resolves its alerts and one that is on raises them. A new \
    severity is that of new alerts. The tag is that of the settings, which hold the rules.";

/// `GET /alert-rules`
async fn list_alert_rules(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    params: Params,
) -> Result<Json<List<wire::AlertRule>>, Problem> {
    ctx.require(Permission::SettingsRead)?;
    let paging = Paging::take(&app, &ctx, PATH, params)?;
    let page = app.tms.alert_rules().list(&ctx, &paging.request).await?;
    Ok(Json(paging.envelope(&app, page.map(Into::into))))
}

/// `GET /alert-rules/{id}`
async fn get_alert_rule(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<AlertRuleId>,
) -> Result<Response, Problem> {
    Ok(show(app.tms.alert_rules().get(&ctx, id).await?))
}

/// `POST /alert-rules`
async fn create_alert_rule(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    repeatable: Repeatable,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::SettingsWrite)?;
    let ctx = repeatable.of(ctx, body.bytes())?;
    let made = app
        .tms
        .alert_rules()
        .create(&ctx, body.begin()?.end(|wish, faults| drafted(&wish, faults))?)
        .await?;
    let (etag, id) = (Etag(made.revision), made.rule.id().get());
    Ok((etag, created(&app, PATH, id, wire::AlertRule::from(made.rule))).into_response())
}

/// `PUT /alert-rules/{id}`
async fn replace_alert_rule(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<AlertRuleId>,
    if_match: IfMatch,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::SettingsWrite)?;
    let (if_match, body) = (if_match.required()?, body.begin::<wire::AlertRuleReplace>()?);
    let present = app.tms.alert_rules().get(&ctx, id).await?;
    let seen = if_match.check(present.revision)?;
    let rule = body.end(|body, faults| {
        let next = AlertRule {
            is_enabled: body.is_enabled,
            threshold: body.threshold.map(threshold),
            ..present.rule
        };
        finished(next, Some(&body.severity), faults)
    })?;
    Ok(show(app.tms.alert_rules().update(&ctx, rule, seen).await?))
}

/// `PATCH /alert-rules/{id}`
async fn update_alert_rule(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<AlertRuleId>,
    if_match: IfMatch,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::SettingsWrite)?;
    let (if_match, patch) = (if_match.required()?, body.begin::<wire::AlertRulePatch>()?);
    let present = app.tms.alert_rules().get(&ctx, id).await?;
    let seen = if_match.check(present.revision)?;
    let rule = patch.end(|patch, faults| {
        let mut next = present.rule;
        next.is_enabled = patch.is_enabled.unwrap_or(next.is_enabled);
        patch.threshold.map(threshold).apply(&mut next.threshold);
        finished(next, patch.severity.as_deref(), faults)
    })?;
    Ok(show(app.tms.alert_rules().update(&ctx, rule, seen).await?))
}

/// `DELETE /alert-rules/{id}`
async fn delete_alert_rule(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<AlertRuleId>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    ctx.require(Permission::SettingsWrite)?;
    let if_match = if_match.required()?;
    let seen = if_match.check(app.tms.alert_rules().get(&ctx, id).await?.revision)?;
    app.tms.alert_rules().delete(&ctx, id, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn show(stored: StoredRule) -> Response {
    (Etag(stored.revision), Json(wire::AlertRule::from(stored.rule))).into_response()
}

fn drafted(body: &wire::AlertRuleCreate, mut errors: FieldErrors) -> Result<AlertRule, Problem> {
    let cause: Option<Cause> = errors.take("alert_type", body.alert_type.parse());
    let customer = body
        .customer_id
        .map(|raw| id(&mut errors, "customer_id", CustomerId::new(raw)));
    let rule = AlertRule {
        // A stand-in for what is named as wrong already: without a cause nothing is said of a threshold.
        cause: cause.unwrap_or(Cause::HighCpu),
        customer: customer.flatten(),
        is_enabled: body.is_enabled,
        severity: Severity::Low,
        threshold: body.threshold.map(threshold).filter(|_| cause.is_some()),
    };
    finished(rule, Some(&body.severity), errors)
}

/// Gives a rule the severity that is asked for, and checks what can be judged without the store.
fn finished(mut rule: AlertRule, severity: Option<&str>, mut errors: FieldErrors) -> Result<AlertRule, Problem> {
    if let Some(severity) = severity.and_then(|name| errors.take("severity", name.parse())) {
        rule.severity = severity;
    }
    // Which rule has a threshold depends on its cause.
    if !errors.has("alert_type") {
        rule.check("threshold", &mut errors);
    }
    errors.finish()?;
    Ok(rule)
}

fn threshold(wire: setting::Threshold) -> Threshold {
    Threshold {
        value: wire.value,
        duration_s: wire.duration_s,
        clear_value: wire.clear_value,
    }
}

impl From<AlertRule> for wire::AlertRule {
    fn from(rule: AlertRule) -> Self {
        Self {
            id: rule.id().get(),
            alert_type: rule.cause.as_str().into(),
            customer_id: rule.customer.map(CustomerId::get),
            is_enabled: rule.is_enabled,
            severity: rule.severity.as_str().into(),
            threshold: rule.threshold.map(|threshold| setting::Threshold {
                value: threshold.value,
                duration_s: threshold.duration_s,
                clear_value: threshold.clear_value,
            }),
        }
    }
}
