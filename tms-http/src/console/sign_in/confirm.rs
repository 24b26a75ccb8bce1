//! Proving again who one is, before something dangerous.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{operator::account::Evidence, secret::Secret};

use crate::{
    api::routes::Routes,
    console::{
        answer::{Answer, go, local, page, page_as},
        form::Form,
        frame::Frame,
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
    has_second_factor: bool,
}

/// `GET /confirm`
async fn show(State(app): State<App>, Visit { ctx, f }: Visit, mut params: Params) -> Answer {
    let next = local(&f, &params.text("next").unwrap_or_default());
    let (user, _) = app.tms.operators().me(&ctx).await?;
    let has_second_factor = user.has_second_factor;
    let form = Form::default();
    page(&ConfirmPage {
        f,
        form,
        next,
        has_second_factor,
    })
}

/// `POST /confirm`
async fn prove(State(app): State<App>, Visit { ctx, f }: Visit, mut form: Form) -> Answer {
    let next = local(&f, form.value("next"));
    let evidence = match form.text("code") {
        Some(code) => Evidence::Code(Secret::new(code)),
        None => Evidence::Password(Secret::new(form.value("password").to_owned())),
    };
    let Err(error) = app.tms.accounts().prove(&ctx, &evidence).await else {
        return go(&next);
    };
    form.refuse(&f, error)?;
    let (user, _) = app.tms.operators().me(&ctx).await?;
    let has_second_factor = user.has_second_factor;
    let refused = ConfirmPage {
        f,
        form,
        next,
        has_second_factor,
    };
    page_as(StatusCode::UNPROCESSABLE_ENTITY, &refused)
}
