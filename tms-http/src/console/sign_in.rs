//! Signing in and out: name and password, then the code of the second factor where there is one.

pub(super) mod confirm;
mod password_link;

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{FromRequestParts, Request, State},
    response::Response,
};
use http::{HeaderMap, StatusCode};
use tms_core::{
    Error,
    operator::{ConsoleEntry, ConsoleSession, HALF_LIFE, guess::DEVICE_LIFE, sign_in::SignInRequest},
    secret::Secret,
};
use url::form_urlencoded;

use super::{
    answer::{Answer, go, go_saying, local, page, page_as},
    flash::Flash,
    form::Form,
    frame::Frame,
    visit::{Guest, Visit},
};
use crate::{
    api::routes::Routes,
    cookie::{self, SetCookie},
    extract::Params,
    problem::Problem,
    state::App,
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/login", show_sign_in)
        .post("/login", sign_in)
        .get("/login/code", show_code)
        .post("/login/code", enter_code)
        .post("/logout", sign_out)
        .merge(confirm::routes())
        .merge(password_link::routes())
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    f: Arc<Frame>,
    form: Form,
    next: String,
}

#[derive(Template)]
#[template(path = "sign_in_code.html")]
struct CodePage {
    f: Arc<Frame>,
    form: Form,
    next: String,
}

/// `GET /login`: somebody who is signed in goes on at once.
async fn show_sign_in(State(app): State<App>, request: Request) -> Answer {
    let (mut parts, _) = request.into_parts();
    let mut params = Params::from_request_parts(&mut parts, &app).await?;
    let next = params.text("next").unwrap_or_default();
    let Guest { f, .. } = Guest::from_request_parts(&mut parts, &app).await?;
    let next = local(&f, &next);
    if cookie::find(&parts.headers, cookie::SESSION).is_some()
        && Visit::from_request_parts(&mut parts, &app).await.is_ok()
    {
        return go(&next);
    }
    let form = Form::default();
    page(&SignInPage { f, form, next })
}

/// `POST /login`
async fn sign_in(State(app): State<App>, Guest { ctx, f }: Guest, headers: HeaderMap, mut form: Form) -> Answer {
    let next = local(&f, form.value("next"));
    limit(&app, &ctx)?;
    let request = SignInRequest {
        username: form.value("username").to_owned(),
        password: Secret::new(form.value("password").to_owned()),
        code: None,
        device: device(&headers),
    };
    match app.tms.operators().enter_console(&ctx, request).await {
        Ok(ConsoleEntry::In(session)) => welcome(&session, &next),
        Ok(ConsoleEntry::NeedsCode(half)) => {
            let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            let mut response = go(&f.url(format!("/login/code?next={next}")))?;
            SetCookie::lasting(cookie::HALF, half.expose(), HALF_LIFE).add_to(response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            let status = status_of(&error);
            form.refuse(&f, error)?;
            page_as(status, &SignInPage { f, form, next })
        }
    }
}

/// `GET /login/code`
async fn show_code(Guest { f, .. }: Guest, headers: HeaderMap, mut params: Params) -> Answer {
    let next = local(&f, &params.text("next").unwrap_or_default());
    if cookie::find(&headers, cookie::HALF).is_none() {
        return go(&f.url("/login"));
    }
    let form = Form::default();
    page(&CodePage { f, form, next })
}

/// `POST /login/code`
async fn enter_code(State(app): State<App>, Guest { ctx, f }: Guest, headers: HeaderMap, mut form: Form) -> Answer {
    let next = local(&f, form.value("next"));
    limit(&app, &ctx)?;
    let half = cookie::find(&headers, cookie::HALF).unwrap_or_default();
    let half = Secret::new(half.to_owned());
    let code = Secret::new(form.value("code").to_owned());
    let outcome = app.tms.operators();
    match outcome
        .complete_console(&ctx, &half, &code, device(&headers).as_ref())
        .await
    {
        Ok(session) => welcome(&session, &next),
        Err(Error::InvalidToken) => go_saying(&f.url("/login"), &Flash::bad("sign_in.half_over", &[])),
        Err(Error::WrongCredentials) => {
            form.fault = Some(f.t("sign_in.wrong_code").to_owned());
            page_as(StatusCode::UNAUTHORIZED, &CodePage { f, form, next })
        }
        Err(error) => {
            let status = status_of(&error);
            form.refuse(&f, error)?;
            page_as(status, &CodePage { f, form, next })
        }
    }
}

/// `POST /logout`
async fn sign_out(State(app): State<App>, Visit { ctx, f }: Visit) -> Answer {
    app.tms.operators().sign_out(&ctx).await?;
    let mut response = go_saying(&f.url("/login"), &Flash::good("sign_in.signed_out", &[]))?;
    SetCookie::forget(cookie::SESSION).add_to(response.headers_mut());
    Ok(response)
}

/// Lets sign-ins pass while their source has something left of its limit.
fn limit(app: &App, ctx: &tms_core::Ctx) -> Result<(), Problem> {
    let allowance = app.limited(|app, now| app.tms.limits().sign_ins.take_from(ctx.origin.address, now));
    allowance.and_then(crate::limit::refusal).map_or(Ok(()), Err)
}

fn device(headers: &HeaderMap) -> Option<Secret<String>> {
    cookie::find(headers, cookie::DEVICE).map(|token| Secret::new(token.to_owned()))
}

/// Lets somebody in, with a session whose name nobody could know before.
fn welcome(session: &ConsoleSession, next: &str) -> Answer {
    let mut response: Response = go(next)?;
    let headers = response.headers_mut();
    SetCookie::session(cookie::SESSION, session.token.expose()).add_to(headers);
    SetCookie::forget(cookie::HALF).add_to(headers);
    if let Some(device) = &session.device {
        SetCookie::lasting(cookie::DEVICE, device.expose(), DEVICE_LIFE).add_to(headers);
    }
    Ok(response)
}

fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNAUTHORIZED,
    }
}
