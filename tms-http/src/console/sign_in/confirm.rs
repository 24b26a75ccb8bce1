//! Proving again who one is, before something dangerous.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use http::StatusCode;
use tms_core::{Ctx, operator::account::Evidence, secret::Secret};

use crate::{
    api::routes::Routes,
    console::{
        answer::{Answer, go, local, page_as},
        form::Form,
        frame::Frame,
        kept::{self, Typed},
        visit::Visit,
    },
    extract::Params,
    state::App,
};

pub(super) fn routes() -> Routes {
    Routes::default().get("/confirm", show).post("/confirm", prove)
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    f: Arc<Frame>,
    form: Form,
    next: String,
    /// The form that waits for the proof.
    typed: Option<Typed>,
    has_second_factor: bool,
}

impl ConfirmPage {
    async fn of(app: &App, ctx: &Ctx, f: Arc<Frame>) -> Result<Self, tms_core::Error> {
        let (user, _) = app.tms.operators().me(ctx).await?;
        Ok(Self {
            next: f.url("/dashboard"),
            f,
            form: Form::default(),
            typed: None,
            has_second_factor: user.has_second_factor,
        })
    }
}

/// `GET /confirm`
async fn show(State(app): State<App>, Visit { ctx, f }: Visit, mut params: Params) -> Answer {
    let next = local(&f, &params.text("next").unwrap_or_default());
    let asked = ConfirmPage::of(&app, &ctx, f).await?;
    page_as(StatusCode::OK, &ConfirmPage { next, ..asked })
}

/// Asks for the proof in place of what a form wished, and keeps what was typed meanwhile.
pub(in crate::console) async fn ask_keeping(app: &App, ctx: &Ctx, f: &Arc<Frame>, typed: Typed) -> Answer {
    let mut asked = ConfirmPage::of(app, ctx, Arc::clone(f)).await?;
    asked.typed = Some(typed);
    page_as(StatusCode::FORBIDDEN, &asked)
}

/// `POST /confirm`
async fn prove(State(app): State<App>, Visit { ctx, f }: Visit, mut form: Form) -> Answer {
    let next = local(&f, form.value("next"));
    let typed = Typed::carried(&form);
    let evidence = match form.text("code") {
        Some(code) => Evidence::Code(Secret::new(code)),
        None => Evidence::Password(Secret::new(form.value("password").to_owned())),
    };
    let Err(error) = app.tms.accounts().prove(&ctx, &evidence).await else {
        return match typed {
            // The browser sends the same fields again, to where the form came from; there it only comes back.
            Some(typed) => Ok(Redirect::temporary(&local(&f, &f.url(&typed.to))).into_response()),
            None => go(&next),
        };
    };
    form.refuse(&f, error)?;
    let asked = ConfirmPage::of(&app, &ctx, f).await?;
    let refused = ConfirmPage {
        form,
        next,
        typed,
        ..asked
    };
    page_as(StatusCode::UNPROCESSABLE_ENTITY, &refused)
}
