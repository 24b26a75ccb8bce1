//! Passwords, and the proof that it is still the same person.

use axum::extract::State;
use http::StatusCode;
use tms_core::{operator::account::Evidence, secret::Secret};

use crate::{
    api::routes::Routes,
    extract::{Anyone, JsonBody, SignedIn},
    problem::Problem,
    state::App,
    wire::account::{Confirmation, PasswordChange, PasswordReset},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .post("/auth/confirm", confirm_identity)
        .doc("Proves again who is signed in, before a dangerous act", |d| {
            d.body::<Confirmation>()
                .empty()
                .more("With the password, or with a code of the second factor.")
        })
        .post("/auth/password", change_password)
        .doc("Changes the own password; every other session ends", |d| {
            d.body::<PasswordChange>().empty()
        })
}

/// `POST /auth/confirm`: for some minutes dangerous acts are allowed after it.
async fn confirm_identity(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    body: JsonBody,
) -> Result<StatusCode, Problem> {
    let request: Confirmation = body.read()?;
    let evidence = match (request.password, request.mfa_code) {
        (Some(password), None) => Evidence::Password(Secret::new(password)),
        (None, Some(code)) => Evidence::Code(Secret::new(code)),
        (None, None) => return Err(Problem::field("password", "is needed, or mfa_code")),
        (Some(_), Some(_)) => return Err(Problem::field("mfa_code", "stands instead of password, not beside it")),
    };
    app.tms.accounts().prove(&ctx, &evidence).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /auth/password`
async fn change_password(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    body: JsonBody,
) -> Result<StatusCode, Problem> {
    let request: PasswordChange = body.read()?;
    let present = Secret::new(request.current_password);
    let next = Secret::new(request.new_password);
    app.tms.accounts().change_password(&ctx, &present, &next).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /auth/password/reset`
pub(super) async fn redeem_password_link(
    State(app): State<App>,
    Anyone(ctx): Anyone,
    body: JsonBody,
) -> Result<StatusCode, Problem> {
    let request: PasswordReset = body.read()?;
    let password = Secret::new(request.new_password);
    app.tms.accounts().redeem_link(&ctx, &request.token, &password).await?;
    Ok(StatusCode::NO_CONTENT)
}
