//! Who asks: the context of a request with or without a signed-in person.

use axum::extract::FromRequestParts;
use http::{HeaderValue, request::Parts};
use tms_core::{Actor, Ctx, Error, ctx::Origin};

use crate::{
    edge::RequestId,
    origin::{bearer, origin},
    problem::Problem,
    state::App,
};

/// The context of a request that needs no sign-in.
pub(crate) struct Anyone(pub(crate) Ctx);

/// The context of a signed-in person, read from the store for this very request.
pub(crate) struct SignedIn(pub(crate) Ctx);

/// Collects where a request comes from.
pub(crate) fn origin_of(parts: &Parts, app: &App) -> Origin {
    let unnamed = HeaderValue::from_static("");
    let id = parts.extensions.get::<RequestId>().map_or(&unnamed, |id| &id.0);
    origin(id, &parts.headers, &parts.extensions, &app.settings.trusted_proxies)
}

impl FromRequestParts<App> for Anyone {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Self(app.tms.ctx(Actor::Anonymous, origin_of(parts, app))))
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let mut ctx = app.tms.ctx(Actor::Anonymous, origin_of(parts, app));
        let token = bearer(&parts.headers).ok_or(Error::InvalidToken)?;
        let person = app.tms.operators().authenticate(token, ctx.now).await?;
        ctx.actor = Actor::Operator(person);
        Ok(Self(ctx))
    }
}
