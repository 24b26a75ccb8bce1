//! Sign-in and sign-out of operators.

use axum::{
    Json,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use http::StatusCode;
use tms_core::{
    operator::{ACCESS_LIFE, User, service::SignedIn as Tokens},
    secret::Secret,
};

use super::agent::limited;
use crate::{
    api::routes::Routes,
    extract::{Anyone, JsonBody, SignedIn},
    origin::client_address,
    problem::Problem,
    state::App,
    wire::auth::{self as wire, LoginRequest, RefreshRequest, TokenAnswer},
};

pub(super) fn routes(app: &App) -> Routes {
    let open = Routes::default()
        .post("/auth/login", login)
        .post("/auth/refresh", refresh)
        .surrounded(from_fn_with_state(app.clone(), limit_sign_ins));
    let signed_in = Routes::default().post("/auth/logout", logout).get("/auth/me", get_me);
    open.merge(signed_in)
}

/// Lets sign-ins pass while their source has something left of its limit.
async fn limit_sign_ins(State(app): State<App>, request: Request, next: Next) -> Response {
    let address = client_address(request.headers(), request.extensions(), &app.settings.trusted_proxies);
    let allowance = app.limited(|limits, now| limits.sign_ins.take_from(address, now));
    limited(allowance, next.run(request)).await
}

/// `POST /auth/login`
async fn login(State(app): State<App>, Anyone(ctx): Anyone, body: JsonBody) -> Result<Json<TokenAnswer>, Problem> {
    let request: LoginRequest = body.read()?;
    let password = Secret::new(request.password);
    let tokens = app.tms.operators().sign_in(&ctx, &request.username, &password).await?;
    Ok(Json(answer(tokens)))
}

/// `POST /auth/refresh`
async fn refresh(State(app): State<App>, Anyone(ctx): Anyone, body: JsonBody) -> Result<Json<TokenAnswer>, Problem> {
    let request: RefreshRequest = body.read()?;
    let tokens = app.tms.operators().refresh(&ctx, &request.refresh_token).await?;
    Ok(Json(answer(tokens)))
}

/// `POST /auth/logout`
async fn logout(State(app): State<App>, SignedIn(ctx): SignedIn) -> Result<StatusCode, Problem> {
    app.tms.operators().sign_out(&ctx).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /auth/me`
async fn get_me(State(app): State<App>, SignedIn(ctx): SignedIn) -> Result<Json<wire::User>, Problem> {
    Ok(Json(app.tms.operators().me(&ctx).await?.into()))
}

fn answer(tokens: Tokens) -> TokenAnswer {
    TokenAnswer {
        access_token: tokens.access.expose().to_owned(),
        refresh_token: tokens.refresh.expose().to_owned(),
        token_type: "Bearer".into(),
        expires_in: ACCESS_LIFE.as_secs(),
        user: tokens.user.into(),
    }
}

impl From<User> for wire::User {
    fn from(user: User) -> Self {
        Self {
            id: user.id.get(),
            username: user.username,
            full_name: user.full_name,
            role: user.role.as_str().into(),
            email: user.email,
        }
    }
}
