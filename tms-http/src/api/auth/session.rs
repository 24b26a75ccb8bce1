//! The sign-ins of one's own.

use axum::{Json, extract::State, response::Response};
use http::StatusCode;
use tms_core::{id::SessionId, operator::Session};

use crate::{
    api::{field::tagged, routes::Routes},
    extract::{Params, PathId, SignedIn},
    openapi::Doc,
    paging::Paging,
    problem::Problem,
    state::App,
    wire::{List, PageQuery, account as wire},
};

const PATH: &str = "/auth/sessions";

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/auth/sessions", list_sessions)
        .doc("Lists the own sessions, newest first", |d| {
            d.query::<PageQuery>().list::<wire::Session>()
        })
        .delete("/auth/sessions", end_other_sessions)
        .doc("Ends all own sessions but the present one", Doc::empty)
        .get("/auth/sessions/{id}", get_session)
        .doc("Returns one of the own sessions", |d| {
            d.answers::<wire::Session>().tagged()
        })
        .delete("/auth/sessions/{id}", end_session)
        .doc("Ends one of the own sessions", Doc::empty)
}

/// `GET /auth/sessions`
async fn list_sessions(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    params: Params,
) -> Result<Json<List<wire::Session>>, Problem> {
    let paging = Paging::take(&app, &ctx, PATH, params)?;
    let (page, present) = app.tms.accounts().sessions(&ctx, &paging.request).await?;
    Ok(Json(paging.envelope(&app, page.map(|session| shown(session, present)))))
}

/// `GET /auth/sessions/{id}`
async fn get_session(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<SessionId>,
) -> Result<Response, Problem> {
    let (session, present) = app.tms.accounts().session(&ctx, id).await?;
    tagged(shown(session, present))
}

/// `DELETE /auth/sessions`: all but the present one.
async fn end_other_sessions(State(app): State<App>, SignedIn(ctx): SignedIn) -> Result<StatusCode, Problem> {
    app.tms.accounts().end_other_sessions(&ctx).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /auth/sessions/{id}`
async fn end_session(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<SessionId>,
) -> Result<StatusCode, Problem> {
    app.tms.accounts().end_session(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(session: Session, present: SessionId) -> wire::Session {
    wire::Session {
        id: session.id.get(),
        is_current: session.id == present,
        ip_address: session.address.map(|address| address.to_string()),
        user_agent: session.user_agent,
        confirmed_at: session.proven_at.to_string(),
        expires_at: session.expires_at.to_string(),
        created_at: session.created_at.to_string(),
    }
}
