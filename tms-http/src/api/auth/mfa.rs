//! The second factor of one's own.

use axum::{Json, extract::State};
use http::StatusCode;
use tms_core::{enrolment::CodeText, secret::Secret};

use crate::{
    api::routes::Routes,
    extract::{JsonBody, SignedIn},
    problem::Problem,
    state::App,
    wire::account::{MfaConfirm, MfaSetup, RecoveryCodes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .post("/auth/mfa/setup", setup)
        .post("/auth/mfa/confirm", confirm)
        .post("/auth/mfa/disable", disable)
}

/// `POST /auth/mfa/setup`
async fn setup(State(app): State<App>, SignedIn(ctx): SignedIn) -> Result<Json<MfaSetup>, Problem> {
    let proposal = app.tms.second_factors().propose(&ctx).await?;
    Ok(Json(MfaSetup {
        secret: proposal.secret.expose().clone(),
        otpauth_uri: proposal.otpauth_uri.expose().clone(),
        qr_svg: proposal.qr_svg.expose().clone(),
    }))
}

/// `POST /auth/mfa/confirm`
async fn confirm(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    body: JsonBody,
) -> Result<Json<RecoveryCodes>, Problem> {
    let request: MfaConfirm = body.read()?;
    let code = Secret::new(request.mfa_code);
    let codes = app.tms.second_factors().confirm(&ctx, &code).await?;
    Ok(Json(RecoveryCodes {
        recovery_codes: codes.iter().map(CodeText::expose).collect(),
    }))
}

/// `POST /auth/mfa/disable`
async fn disable(State(app): State<App>, SignedIn(ctx): SignedIn) -> Result<StatusCode, Problem> {
    app.tms.second_factors().disable(&ctx).await?;
    Ok(StatusCode::NO_CONTENT)
}
