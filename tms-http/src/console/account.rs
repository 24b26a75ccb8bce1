//! One's own account: password, second factor, sessions, API tokens.

mod second_factor;
mod token;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{
    Ctx,
    id::SessionId,
    operator::{Session, User},
    page::PageRequest,
    secret::Secret,
};

use self::token::TokenRow;
use super::{
    answer::{Answer, go_saying, page, page_as},
    flash::Flash,
    form::Form,
    frame::Frame,
    visit::Visit,
};
use crate::{api::routes::Routes, extract::PathId, problem::Problem, state::App};

/// How many sessions and tokens are listed.
const MOST: u32 = 100;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/account", show)
        .post("/account/password", change_password)
        .post("/account/sessions/end-others", end_others)
        .post("/account/sessions/{id}/end", end_session)
        .merge(second_factor::routes())
        .merge(token::routes())
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    f: Arc<Frame>,
    user: User,
    form: Form,
    sessions: Vec<SessionRow>,
    tokens: Vec<TokenRow>,
}

/// A session of the person.
struct SessionRow {
    id: SessionId,
    is_present: bool,
    began: String,
    address: String,
    user_agent: String,
}

impl AccountPage {
    async fn of(app: &App, ctx: &Ctx, f: Arc<Frame>, form: Form) -> Result<Self, Problem> {
        let (user, _) = app.tms.operators().me(ctx).await?;
        let (found, present) = app.tms.accounts().sessions(ctx, &PageRequest::first(MOST)).await?;
        let row = |session: Session| SessionRow {
            id: session.id,
            is_present: session.id == present,
            began: f.moment(&session.created_at),
            address: session
                .address
                .map_or_else(|| "–".to_owned(), |address| address.to_string()),
            user_agent: session.user_agent,
        };
        Ok(Self {
            sessions: found.items.into_iter().map(row).collect(),
            tokens: token::rows(app, ctx, &f).await?,
            user,
            form,
            f,
        })
    }
}

/// `GET /account`
async fn show(State(app): State<App>, Visit { ctx, f }: Visit) -> Answer {
    page(&AccountPage::of(&app, &ctx, f, Form::default()).await?)
}

/// `POST /account/password`
async fn change_password(State(app): State<App>, Visit { ctx, f }: Visit, mut form: Form) -> Answer {
    let [present, next] = ["current_password", "new_password"].map(|name| Secret::new(form.value(name).to_owned()));
    if next.expose() == form.value("repeated") {
        match app.tms.accounts().change_password(&ctx, &present, &next).await {
            Ok(()) => return go_saying(&f.url("/account"), &Flash::good("account.password_changed", &[])),
            Err(error) => form.refuse(&f, error)?,
        }
    } else {
        form.errors.add("repeated", "is not the same");
    }
    let page = AccountPage::of(&app, &ctx, f, form).await?;
    page_as(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// `POST /account/sessions/{id}/end`
async fn end_session(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<SessionId>) -> Answer {
    app.tms.accounts().end_session(&ctx, id).await?;
    go_saying(&f.url("/account"), &Flash::good("account.session_ended", &[]))
}

/// `POST /account/sessions/end-others`
async fn end_others(State(app): State<App>, Visit { ctx, f }: Visit) -> Answer {
    let ended = app.tms.accounts().end_other_sessions(&ctx).await?;
    go_saying(&f.url("/account"), &Flash::good("account.sessions_ended", &[&ended]))
}
