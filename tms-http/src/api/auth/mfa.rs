//! The second factor of one's own.

use axum::{Json, extract::State};
use http::StatusCode;
use tms_core::{enrolment::CodeText, secret::Secret};

use crate::{
    api::routes::Routes,
    extract::{JsonBody, SignedIn},
    openapi::Doc,
    problem::Problem,
    state::App,
    wire::account::{MfaConfirm, MfaSetup, RecoveryCodes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .post("/auth/mfa/setup", set_up_mfa)
        .doc(
            "Proposes a second factor; it counts once it is confirmed",
            Doc::answers::<MfaSetup>,
        )
        .post("/auth/mfa/confirm", confirm_mfa)
        .doc(
            "Confirms the second factor, and shows the recovery codes this once",
            |d| d.body::<MfaConfirm>().answers::<RecoveryCodes>(),
        )
        .post("/auth/mfa/disable", disable_mfa)
        .doc("Removes the own second factor", Doc::empty)
}

/// `POST /auth/mfa/setup`
async fn set_up_mfa(State(app): State<App>, SignedIn(ctx): SignedIn) -> Result<Json<MfaSetup>, Problem> {
    let proposal = app.tms.second_factors().propose(&ctx).await?;
    Ok(Json(MfaSetup {
        secret: proposal.secret.expose().clone(),
        otpauth_uri: proposal.otpauth_uri.expose().clone(),
        qr_svg: proposal.qr_svg.expose().clone(),
    }))
}

/// `POST /auth/mfa/confirm`
async fn confirm_mfa(
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
async fn disable_mfa(State(app): State<App>, SignedIn(ctx): SignedIn) -> Result<StatusCode, Problem> {
    app.tms.second_factors().disable(&ctx).await?;
    Ok(StatusCode::NO_CONTENT)
}
