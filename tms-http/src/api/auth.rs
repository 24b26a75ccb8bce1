//! Sign-in and sign-out of operators.

mod account;
mod mfa;
mod session;
mod token;

use axum::{
    Json,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use tms_core::{
    id::CustomerId,
    operator::{
        ACCESS_LIFE, User,
        guess::DEVICE_LIFE,
        sign_in::{SignInRequest, SignedIn as Tokens},
    },
    secret::Secret,
};

use super::{agent::limited, field::tagged};
use crate::{
    api::routes::Routes,
    cookie::{self, SetCookie},
    extract::{Anyone, JsonBody, SignedIn},
    openapi::Doc,
    origin::client_address,
    problem::Problem,
    state::App,
    wire::{
        account::PasswordReset,
        auth::{self as wire, LoginRequest, RefreshRequest, TokenAnswer},
    },
};

pub(super) fn routes(app: &App) -> Routes {
    let open = Routes::default()
        .post("/auth/login", login)
        .doc("Signs in", |d| {
            d.anyone().body::<LoginRequest>().answers::<TokenAnswer>().refuses(401)
        })
        .post("/auth/refresh", refresh)
        .doc("Exchanges a refresh token for a new pair, once", |d| {
            d.anyone()
                .body::<RefreshRequest>()
                .answers::<TokenAnswer>()
                .refuses(401)
        })
        .post("/auth/password/reset", account::redeem_password_link)
        .doc(
            "Sets a password with a one-time link; every session of the person ends",
            |d| d.anyone().body::<PasswordReset>().empty().refuses(401),
        )
        .surrounded(from_fn_with_state(app.clone(), limit_sign_ins));
    let signed_in = Routes::default()
        .post("/auth/logout", logout)
        .doc("Signs out", Doc::empty)
        .get("/auth/me", get_me)
        .doc("Returns who is signed in", |d| d.answers::<wire::User>().tagged());
    open.merge(signed_in)
        .merge(account::routes())
        .merge(mfa::routes())
        .merge(session::routes())
        .merge(token::routes())
}

/// Lets sign-ins pass while their source has something left of its limit.
async fn limit_sign_ins(State(app): State<App>, request: Request, next: Next) -> Response {
    let address = client_address(request.headers(), request.extensions(), &app.settings.trusted_proxies);
    let allowance = app.limited(|app, now| app.tms.limits().sign_ins.take_from(address, now));
    limited(allowance, next.run(request)).await
}

/// `POST /auth/login`
async fn login(
    State(app): State<App>,
    Anyone(ctx): Anyone,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, Problem> {
    let request: LoginRequest = body.read()?;
    let shown = request
        .device_token
        .or_else(|| cookie::find(&headers, cookie::DEVICE).map(str::to_owned));
    let request = SignInRequest {
        username: request.username,
        password: Secret::new(request.password),
        code: request.mfa_code.filter(|code| !code.trim().is_empty()).map(Secret::new),
        device: shown.map(Secret::new),
    };
    let tokens = app.tms.operators().sign_in(&ctx, request).await?;
    let cookie = tokens
        .device
        .as_ref()
        .map(|device| SetCookie::lasting(cookie::DEVICE, device.expose(), DEVICE_LIFE));
    Ok((cookie, Json(answer(tokens))).into_response())
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
async fn get_me(State(app): State<App>, SignedIn(ctx): SignedIn) -> Result<Response, Problem> {
    let (user, must_set_up) = app.tms.operators().me(&ctx).await?;
    tagged(shown(user, must_set_up))
}

fn answer(tokens: Tokens) -> TokenAnswer {
    TokenAnswer {
        access_token: tokens.access.expose().to_owned(),
        refresh_token: tokens.refresh.expose().to_owned(),
        token_type: "Bearer".into(),
        expires_in: ACCESS_LIFE.as_secs(),
        device_token: tokens.device.map(|device| device.expose().to_owned()),
        user: shown(tokens.user, tokens.must_set_up),
    }
}

fn shown(user: User, must_set_up: bool) -> wire::User {
    wire::User {
        id: user.id.get(),
        username: user.username,
        full_name: user.profile.full_name,
        role: user.profile.role.as_str().into(),
        email: user.profile.email,
        customer_id: user.profile.customer.map(CustomerId::get),
        mfa_enabled: user.has_second_factor,
        mfa_setup_required: must_set_up,
    }
}
