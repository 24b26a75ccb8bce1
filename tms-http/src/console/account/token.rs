//! One's own API tokens.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{
    Ctx,
    id::ApiTokenId,
    operator::{ApiToken, api_tokens::TokenRequest},
    page::PageRequest,
    permission::Permission,
};

use super::MOST;
use crate::{
    api::routes::Routes,
    console::{
        answer::{Answer, go_saying, page, page_as},
        flash::Flash,
        form::Form,
        frame::Frame,
        visit::Visit,
    },
    extract::PathId,
    problem::Problem,
    state::App,
};

/// The longest life of a token.
const MOST_DAYS: u32 = 366;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/account/tokens/new", show_new)
        .post("/account/tokens/new", create)
        .post("/account/tokens/{id}/delete", delete)
}

#[derive(Template)]
#[template(path = "token_new.html")]
struct NewPage {
    f: Arc<Frame>,
    form: Form,
    /// What the person can give.
    scopes: Vec<Permission>,
    /// The token, this once.
    token: Option<String>,
}

/// A token in the list.
pub(super) struct TokenRow {
    pub(super) token: ApiToken,
    /// What it may, in the reader's language.
    pub(super) scopes: String,
    pub(super) expires: String,
    pub(super) used: Option<String>,
    pub(super) is_over: bool,
}

/// Reads the tokens of the person.
pub(super) async fn rows(app: &App, ctx: &Ctx, f: &Frame) -> Result<Vec<TokenRow>, Problem> {
    let found = app.tms.api_tokens().list(ctx, &PageRequest::first(MOST)).await?;
    let row = |token: ApiToken| TokenRow {
        scopes: named(f, &token),
        expires: f.moment(&token.expires_at),
        used: token.last_used_at.map(|at| f.ago(&at)),
        is_over: token.expires_at <= ctx.now,
        token,
    };
    Ok(found.items.into_iter().map(row).collect())
}

/// Names what a token may.
fn named(f: &Frame, token: &ApiToken) -> String {
    let may = Permission::ALL
        .iter()
        .filter(|permission| token.scopes.allow(**permission));
    let names: Vec<_> = may.map(|permission| f.name("permission", permission)).collect();
    names.join(f.t("list.separator"))
}

/// Returns the permissions that the person can give to a token.
fn scopes(f: &Frame) -> Vec<Permission> {
    let can_give = |permission: &&Permission| f.may(**permission) && !permission.needs_proof();
    Permission::ALL.iter().filter(can_give).copied().collect()
}

/// `GET /account/tokens/new`
async fn show_new(visit: Visit) -> Answer {
    visit.fresh()?;
    let form = Form::of([("days", "90".to_owned())]);
    page(&NewPage {
        scopes: scopes(&visit.f),
        f: visit.f,
        form,
        token: None,
    })
}

/// `POST /account/tokens/new`: the answer shows the token this once.
async fn create(State(app): State<App>, Visit { ctx, f }: Visit, mut form: Form) -> Answer {
    let days = form.need_number("days", 1, MOST_DAYS);
    let chosen = form.all("scopes").map(str::parse::<Permission>);
    let chosen = chosen.collect::<Result<Vec<_>, _>>();
    let chosen = form.errors.take("scopes", chosen).unwrap_or_default();
    let life = days.map(|days| Duration::from_secs(u64::from(days) * 86_400));
    let request = TokenRequest {
        name: form.value("name").to_owned(),
        scopes: chosen,
        expires_at: life.map(|life| ctx.now.plus(life)),
    };
    let mut token = None;
    if form.is_wrong() {
        // All that is wrong is said at once.
        form.errors.fill(request.check(&ctx));
    } else {
        match app.tms.api_tokens().create(&ctx, request).await {
            Ok((_, made)) => token = made.map(|made| made.expose().to_owned()),
            Err(error) => form.refuse(&f, error)?,
        }
    }
    let status = if token.is_some() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    page_as(
        status,
        &NewPage {
            scopes: scopes(&f),
            f,
            form,
            token,
        },
    )
}

/// `POST /account/tokens/{id}/delete`
async fn delete(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<ApiTokenId>) -> Answer {
    app.tms.api_tokens().delete(&ctx, id).await?;
    go_saying(&f.url("/account"), &Flash::good("token.deleted", &[]))
}
