//! The API tokens of one's own.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use tms_core::{
    Ctx,
    error::FieldErrors,
    id::ApiTokenId,
    operator::{ApiToken, api_tokens::TokenRequest},
    permission::Permission,
};

use crate::{
    api::{
        field::{created, created_before, spelled, tagged, time},
        routes::Routes,
    },
    extract::{ContentTag, JsonBody, Params, PathId, Repeatable, SignedIn},
    openapi::Doc,
    paging::Paging,
    problem::Problem,
    state::App,
    wire::{List, PageQuery, account as wire},
};

const PATH: &str = "/auth/tokens";

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/auth/tokens", list_tokens)
        .doc("Lists the own API tokens", |d| {
            d.query::<PageQuery>().list::<wire::ApiToken>()
        })
        .post("/auth/tokens", create_token)
        .doc("Makes an API token, and shows it this once", |d| {
            d.takes("Idempotency-Key")
                .body::<wire::ApiTokenCreate>()
                .created::<wire::ApiToken>()
                .tagged()
                .more("Needs a fresh proof of who is signed in (`POST /auth/confirm`).")
        })
        .get("/auth/tokens/{id}", get_token)
        .doc("Returns one of the own API tokens, without the token", |d| {
            d.answers::<wire::ApiToken>().tagged()
        })
        .delete("/auth/tokens/{id}", delete_token)
        .doc("Deletes one of the own API tokens", Doc::empty)
}

/// `GET /auth/tokens`
async fn list_tokens(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    params: Params,
) -> Result<Json<List<wire::ApiToken>>, Problem> {
    let paging = Paging::take(&app, &ctx, PATH, params)?;
    let page = app.tms.api_tokens().list(&ctx, &paging.request).await?;
    Ok(Json(paging.envelope(&app, page.map(Into::into))))
}

/// `GET /auth/tokens/{id}`
async fn get_token(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<ApiTokenId>,
) -> Result<Response, Problem> {
    tagged(wire::ApiToken::from(app.tms.api_tokens().get(&ctx, id).await?))
}

/// `POST /auth/tokens`: the answer shows the token this once, and not to who repeats the request with its key.
async fn create_token(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    repeatable: Repeatable,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.proven_session()?;
    let ctx = repeatable.of(ctx, body.bytes())?;
    let request = body.begin()?.end(|wish, faults| check(&ctx, wish, faults))?;
    let (made, token) = app.tms.api_tokens().create(&ctx, request).await?;
    let (id, shown) = (made.id.get(), wire::ApiToken::from(made));
    let tag = ContentTag::of(&shown)?;
    let answer = match token {
        None => created_before(&app, PATH, id, shown, "token")?,
        Some(token) => {
            let token = Some(token.expose().to_owned());
            created(&app, PATH, id, wire::ApiToken { token, ..shown })
        }
    };
    Ok((tag, answer).into_response())
}

/// `DELETE /auth/tokens/{id}`
async fn delete_token(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<ApiTokenId>,
) -> Result<StatusCode, Problem> {
    app.tms.api_tokens().delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check(ctx: &Ctx, request: wire::ApiTokenCreate, mut errors: FieldErrors) -> Result<TokenRequest, Problem> {
    let named = request.scopes.iter().map(|name| name.parse::<Permission>());
    let scopes = errors.take("scopes", named.collect::<Result<Vec<_>, _>>());
    let expires_at = request
        .expires_at
        .and_then(|text| time(&mut errors, "expires_at", &text));
    let request = TokenRequest {
        name: request.name,
        scopes: scopes.unwrap_or_default(),
        expires_at,
    };
    errors.fill(request.check(ctx));
    errors.finish()?;
    Ok(request)
}

impl From<ApiToken> for wire::ApiToken {
    fn from(token: ApiToken) -> Self {
        Self {
            id: token.id.get(),
            name: token.name,
            scopes: token.scopes.iter().map(|scope| scope.as_str().into()).collect(),
            expires_at: token.expires_at.to_string(),
            last_used_at: spelled(token.last_used_at),
            created_at: token.created_at.to_string(),
            token: None,
        }
    }
}
