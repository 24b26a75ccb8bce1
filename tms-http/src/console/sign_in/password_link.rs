//! Setting a password with a one-time link.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{Error, secret::Secret};

use crate::{
    api::routes::Routes,
    console::{
        answer::{Answer, go_saying, page, page_as},
        flash::Flash,
        form::Form,
        frame::Frame,
        visit::Guest,
    },
    state::App,
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/password-reset", show)
        .post("/password-reset", redeem)
}

#[derive(Template)]
#[template(path = "password_reset.html")]
struct PasswordPage {
    f: Arc<Frame>,
    form: Form,
}

/// `GET /password-reset#token=...`: a script puts the token into the form, since no server is told what stands there.
async fn show(Guest { f, .. }: Guest) -> Answer {
    let form = Form::default();
    page(&PasswordPage { f, form })
}

/// `POST /password-reset`
async fn redeem(State(app): State<App>, Guest { ctx, f }: Guest, mut form: Form) -> Answer {
    super::limit(&app, &ctx)?;
    let password = Secret::new(form.value("new_password").to_owned());
    if password.expose() == form.value("repeated") {
        let token = form.value("token").to_owned();
        match app.tms.accounts().redeem_link(&ctx, &token, &password).await {
            Ok(()) => return go_saying(&f.url("/login"), &Flash::good("password_reset.done", &[])),
            Err(Error::InvalidToken) => form.fault = Some(f.t("password_reset.over").to_owned()),
            Err(error) => form.refuse(&f, error)?,
        }
    } else {
        form.errors.add("repeated", "is not the same");
    }
    page_as(StatusCode::UNPROCESSABLE_ENTITY, &PasswordPage { f, form })
}
