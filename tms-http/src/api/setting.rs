//! The settings of the installation: one document, read and replaced as a whole.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use tms_core::{
    Error,
    error::FieldErrors,
    permission::{Permission, Permission as P},
    settings::{Settings, StoredSettings},
};

use crate::{
    api::{field::checked, routes::Routes},
    extract::{Etag, IfMatch, JsonBody, SignedIn},
    problem::Problem,
    state::App,
    wire::setting as wire,
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/settings", get_settings)
        .doc("Returns the settings", |d| {
            d.needs(P::SettingsRead).answers::<wire::Settings>().tagged()
        })
        .put("/settings", replace_settings)
        .doc("Replaces the settings as a whole", |d| {
            d.needs(P::SettingsWrite)
                .if_match()
                .body::<wire::Settings>()
                .answers::<wire::Settings>()
                .tagged()
        })
}

/// `GET /settings`
async fn get_settings(State(app): State<App>, SignedIn(ctx): SignedIn) -> Result<Response, Problem> {
    Ok(show(&app.tms.settings().get(&ctx).await?))
}

/// `PUT /settings`: a key that is left out gets its default.
async fn replace_settings(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    if_match: IfMatch,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::SettingsWrite)?;
    let if_match = if_match.required()?;
    let document: Value = body.read()?;
    let next = read(&document)?;
    let seen = if_match.check(app.tms.settings().get(&ctx).await?.revision)?;
    Ok(show(&app.tms.settings().save(&ctx, next, seen).await?))
}

/// Reads a document and names all that is wrong with it.
fn read(document: &Value) -> Result<Settings, Problem> {
    let (next, mut errors) = match Settings::from_document(document) {
        Ok(next) => (Some(next), FieldErrors::default()),
        Err(wrong) => (None, wrong.0),
    };
    let mut known = next.as_ref().unwrap_or(&Settings::default()).to_document();
    if let (None, Some(sections)) = (&next, known.as_object_mut()) {
        // What rules there would be is not known then.
        sections.insert("rules".to_owned(), Value::Null);
    }
    refuse_unknown(document, &known, "", &mut errors);
    if let Some(Err(Error::Invalid(bounds))) = next.as_ref().map(Settings::validate) {
        errors.merge(bounds);
    }
    checked(errors, next)
}

fn show(stored: &StoredSettings) -> Response {
    (Etag(stored.revision), Json(stored.settings.to_document())).into_response()
}

/// Notes each key of `given` that `known`, which has every key there is, does not have.
fn refuse_unknown(given: &Value, known: &Value, path: &str, errors: &mut FieldErrors) {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            for (key, value) in given {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                match known.get(key) {
                    Some(known) => refuse_unknown(value, known, &path, errors),
                    None => errors.add(path.chars().take(100).collect::<String>(), "is not known"),
                }
            }
        }
        // The rules: each stands for the one of its cause and customer.
        (Value::Array(given), Value::Array(known)) if path == "rules" => {
            for (index, value) in given.iter().enumerate() {
                let path = format!("{path}[{index}]");
                let of = |rule: &Value| {
                    let customer = rule.get("customer_id").and_then(Value::as_i64);
                    (rule.get("cause").cloned(), customer)
                };
                match known.iter().find(|known| of(known) == of(value)) {
                    Some(known) => refuse_unknown(value, known, &path, errors),
                    None => errors.add(path, "has a cause without a rule"),
                }
            }
        }
        _ => {}
    }
}
