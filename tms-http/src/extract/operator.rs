//! Who asks: the context of a request with or without a signed-in person.

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderValue, request::Parts};
use tms_core::{
    Actor, Ctx, Error, ErrorClass,
    ctx::{OperatorIdentity, Origin},
    limit::Allowance,
    operator::console::Use,
    secret::Secret,
    time::Timestamp,
};

use crate::{
    console::check_reading,
    cookie,
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

/// The same, with what was shown: a stream asks again and again whether it still holds. The cookie of the console opens
/// streams too, which can't send a token from a browser.
pub(crate) struct Witnessed(pub(crate) Ctx, pub(crate) Shown);

/// A signed-in person with the token that was shown, for an answer that may last longer than the sign-in.
pub(crate) struct Lasting(pub(crate) Ctx, pub(crate) Shown);

/// What somebody shows to say who they are.
#[derive(Debug)]
pub(crate) enum Shown {
    /// A token.
    Token(Secret<String>),
    /// The cookie of a session of the console.
    Cookie(Secret<String>),
}

impl Shown {
    /// Takes it from the headers of a request.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        bearer(headers).map(|token| Self::token(token.to_owned()))
    }

    /// Takes it from the headers of a request, or the cookie of a session of the console along with which one of our own
    /// pages asks.
    pub(crate) fn or_cookie(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let shown = Self::of(headers);
        let cookie = cookie::find(headers, cookie::SESSION).filter(|_| shown.is_none());
        let Some(cookie) = cookie else { return Ok(shown) };
        check_reading(headers)?;
        Ok(Some(Self::Cookie(Secret::new(cookie.to_owned()))))
    }

    /// Takes the cookie of a session of the console, for a page whose visitor was let in by it.
    pub(crate) fn cookie(headers: &HeaderMap) -> Result<Self, Problem> {
        let cookie = cookie::find(headers, cookie::SESSION).ok_or(Error::InvalidToken)?;
        Ok(Self::Cookie(Secret::new(cookie.to_owned())))
    }

    /// Takes an access token.
    pub(crate) fn token(token: String) -> Self {
        Self::Token(Secret::new(token))
    }

    /// Reads from the store whose it is, as of now.
    pub(crate) async fn identify(&self, app: &Inner) -> Result<OperatorIdentity, Error> {
        let (operators, now) = (app.tms.operators(), app.tms.now());
        match self {
            Self::Token(token) => operators.authenticate(token.expose(), now).await,
            Self::Cookie(token) => operators.authenticate_console(token.expose(), now, Use::ByItself).await,
        }
    }
}

impl Lasting {
    /// Reads again whose request it is and what they may: a long answer goes on for as long only as it would begin.
    ///
    /// # Errors
    /// Those of [`Shown::identify`].
    pub(crate) async fn check(&mut self, app: &Inner) -> Result<&Ctx, Error> {
        self.0.actor = Actor::Operator(self.1.identify(app).await?);
        Ok(&self.0)
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
        let Witnessed(ctx, _) = witness(parts, app, Shown::of(&parts.headers)).await?;
        Ok(Self(ctx))
    }
}

impl FromRequestParts<App> for Lasting {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Witnessed(ctx, shown) = witness(parts, app, Shown::of(&parts.headers)).await?;
        Ok(Self(ctx, shown))
    }
}

impl FromRequestParts<App> for Witnessed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        witness(parts, app, Shown::or_cookie(&parts.headers)?).await
    }
}

async fn witness(parts: &Parts, app: &App, shown: Option<Shown>) -> Result<Witnessed, Problem> {
    let ctx = app.tms.ctx(Actor::Anonymous, origin_of(parts, app));
    let person = match &shown {
        Some(shown) => shown.identify(app).await,
        None => Err(Error::InvalidToken),
    };
    let ctx = let_in(parts, app, ctx, person)?;
    Ok(Witnessed(ctx, shown.ok_or(Error::InvalidToken)?))
}

/// Counts a request as that of the person who was identified, or of the address from which nobody was.
pub(crate) fn let_in(
    parts: &Parts,
    app: &App,
    mut ctx: Ctx,
    person: Result<OperatorIdentity, Error>,
) -> Result<Ctx, Problem> {
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
    Ok(ctx)
}
