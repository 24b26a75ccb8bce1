//! Who asks: the context of a request with or without a signed-in person.

use axum::extract::FromRequestParts;
use http::{HeaderValue, request::Parts};
use tms_core::{Actor, Ctx, Error, ErrorClass, ctx::Origin, limit::Allowance, time::Timestamp};

use crate::{
    edge::RequestId,
    limit::Counted,
    origin::{bearer, origin},
    problem::Problem,
    state::{App, Inner},
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

/// Counts a request, whose answer will show what is left; refuses it when nothing is.
fn count(parts: &Parts, app: &App, taken: impl FnOnce(&Inner, Timestamp) -> Allowance) -> Result<(), Problem> {
    let counted = parts.extensions.get::<Counted>().cloned().unwrap_or_default();
    app.limited(taken).map_or(Ok(()), |allowance| counted.note(allowance))
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
        let person = match bearer(&parts.headers) {
            Some(token) => app.tms.operators().authenticate(token, ctx.now).await,
            None => Err(Error::InvalidToken),
        };
        let person = match person {
            Ok(person) => person,
            Err(refused) if refused.class() == ErrorClass::Unauthenticated => {
                count(parts, app, |app, now| {
                    app.tms.limits().anonymous.take_from(ctx.origin.address, now)
                })?;
                return Err(refused.into());
            }
            Err(away) => return Err(away.into()),
        };
        let key = person.user.get().unsigned_abs();
        count(parts, app, |app, now| app.tms.limits().operators.take(key, now))?;
        ctx.actor = Actor::Operator(person);
        Ok(Self(ctx))
    }
}
