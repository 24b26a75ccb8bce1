//! Who reads a page.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use tms_core::{Actor, Ctx, Error, operator::console::Use};

use super::{
    failure::Slot,
    frame::{Frame, is_live},
};
use crate::{
    cookie,
    extract::operator::{let_in, origin_of},
    problem::Problem,
    state::App,
};

/// A request of somebody who need not have signed in.
pub(crate) struct Guest {
    pub(crate) ctx: Ctx,
    pub(crate) f: Arc<Frame>,
}

/// A request of a signed-in person, read from the store for this very request.
pub(crate) struct Visit {
    pub(crate) ctx: Ctx,
    pub(crate) f: Arc<Frame>,
}

impl FromRequestParts<App> for Guest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let f = Arc::new(Frame::of(app, &parts.headers, &parts.uri));
        Slot::note(&parts.extensions, &f);
        let ctx = app.tms.ctx(Actor::Anonymous, origin_of(parts, app));
        Ok(Self { ctx, f })
    }
}

impl FromRequestParts<App> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let ctx = app.tms.ctx(Actor::Anonymous, origin_of(parts, app));
        let used = if is_live(&parts.headers) {
            Use::ByItself
        } else {
            Use::ByPerson
        };
        let person = match cookie::find(&parts.headers, cookie::SESSION) {
            Some(shown) => app.tms.operators().authenticate_console(shown, ctx.now, used).await,
            None => Err(Error::InvalidToken),
        };
        let ctx = let_in(parts, app, ctx, person)?;
        let mut f = Frame::of(app, &parts.headers, &parts.uri);
        f.person = ctx.person().ok().cloned();
        let f = Arc::new(f);
        Slot::note(&parts.extensions, &f);
        Slot::note_visitor(&parts.extensions, &ctx);
        Ok(Self { ctx, f })
    }
}

impl Visit {
    /// Asks for a proof of minutes ago before a form is shown whose act needs one.
    ///
    /// # Errors
    /// The problem that leads to `/confirm`.
    pub(crate) fn fresh(&self) -> Result<(), Problem> {
        Ok(self.ctx.proven_session().map(drop)?)
    }
}
