//! `POST /agent/token/rotate`: a new token for the old one.

use axum::{Json, extract::State};
use http::HeaderMap;
use tms_core::{Error, credential::service::ROTATION_GRACE};

use super::Agent;
use crate::{origin::bearer, problem::Problem, state::App, wire::agent::RotateAnswer};

/// `POST /agent/token/rotate`
pub(super) async fn rotate_token(
    State(app): State<App>,
    Agent(ctx): Agent,
    headers: HeaderMap,
) -> Result<Json<RotateAnswer>, Problem> {
    let presented = bearer(&headers).ok_or(Error::InvalidToken)?;
    let next = app.tms.credentials().rotate(&ctx, presented).await?;
    Ok(Json(RotateAnswer {
        agent_token: next.expose().to_owned(),
        previous_valid_until: ctx.now.plus(ROTATION_GRACE).to_string(),
    }))
}
