//! Who asks: the context of a request with or without a signed-in person.

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderValue, request::Parts};
use tms_core::{
    Actor, Ctx, Error, ErrorClass,
    ctx::{OperatorIdentity, Origin},
    limit::Allowance,
    secret::Secret,
    time::Timestamp,
};

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

/// The same, with what was shown: a stream asks again and again whether it still holds.
pub(crate) struct Witnessed(pub(crate) Ctx, pub(crate) Shown);

/// What somebody shows to say who they are.
#[derive(Debug)]
pub(crate) struct Shown(Secret<String>);

impl Shown {
    /// Takes it from the headers of a request.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        bearer(headers).map(|token| Self::token(token.to_owned()))
    }

    /// Takes an access token.
    pub(crate) fn token(token: String) -> Self {
        Self(Secret::new(token))
    }

    /// Reads from the store whose it is, as of now.
    pub(crate) async fn identify(&self, app: &Inner) -> Result<OperatorIdentity, Error> {
        app.tms.operators().authenticate(self.0.expose(), app.tms.now()).await
    }
}

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
        let Witnessed(ctx, _) = Witnessed::from_request_parts(parts, app).await?;
        Ok(Self(ctx))
    }
}

impl FromRequestParts<App> for Witnessed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let mut ctx = app.tms.ctx(Actor::Anonymous, origin_of(parts, app));
        let shown = Shown::of(&parts.headers).ok_or(Error::InvalidToken);
        let person = match &shown {
            Ok(shown) => shown.identify(app).await,
            Err(_) => Err(Error::InvalidToken),
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
        Ok(Self(ctx, shown?))
    }
}
