//! Sessions of the console: a cookie instead of a pair of tokens. One goes on while somebody uses it, and ends after a
//! quarter of an hour without them, after twelve hours in any case.

use std::time::Duration;

use super::{
    Operators, SESSION_LIFE, User,
    half::{HALF_LIFE, Half},
    sign_in::{Known, SignInRequest, SignedIn, note_refusal},
};
use crate::{
    ctx::{Access, Ctx, OperatorIdentity},
    error::Error,
    secret::{Secret, Token, TokenKind},
    time::Timestamp,
};

/// How long a session goes on unused.
pub const IDLE_LIFE: Duration = Duration::from_secs(15 * 60);
/// How exactly the last use is known; finer would write with every page.
const USE_STEP: Duration = Duration::from_secs(60);

/// A session that has begun; its token is shown once.
#[derive(Debug, Clone)]
pub struct ConsoleSession {
    /// For the cookie.
    pub token: Token,
    /// For the device to keep, when it has none yet.
    pub device: Option<Token>,
    /// Who.
    pub user: User,
    /// Whether the person must set up a second factor before anything else.
    pub must_set_up: bool,
}

/// How far somebody came who showed name and password.
#[derive(Debug, Clone)]
pub enum ConsoleEntry {
    /// Inside.
    In(Box<ConsoleSession>),
    /// A code of the second factor is missing; whoever brings it along with this within [`HALF_LIFE`] is inside.
    NeedsCode(Secret<String>),
}

/// Whether a person or only a page that they left open asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A person: the session goes on.
    ByPerson,
    /// A page by itself: the session ends as if nobody asked.
    ByItself,
}

impl Operators {
    /// Takes name and password of somebody at the console.
    ///
    /// # Errors
    /// As [`Operators::sign_in`], but for the missing code.
    pub async fn enter_console(&self, ctx: &Ctx, request: SignInRequest) -> Result<ConsoleEntry, Error> {
        let entered = async {
            let known = self.check_password(ctx, &request).await?;
            if !known.user.has_second_factor {
                return Ok(ConsoleEntry::In(Box::new(self.begin_console(ctx, known).await?)));
            }
            let half = Half::of(&known.user, ctx.now.plus(HALF_LIFE));
            let shared = &self.shared;
            Ok(ConsoleEntry::NeedsCode(half.seal(&shared.tools)?))
        };
        entered.await.inspect_err(|error| note_refusal(ctx, error))
    }

    /// Takes the code that was missing.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when `half` is over or was never given, [`Error::WrongCredentials`],
    /// [`Error::TooMany`].
    pub async fn complete_console(
        &self,
        ctx: &Ctx,
        half: &Secret<String>,
        code: &Secret<String>,
        device: Option<&Secret<String>>,
    ) -> Result<ConsoleSession, Error> {
        let completed = async {
            let shared = &self.shared;
            let half = Half::open(half, &shared.tools).filter(|half| ctx.now < half.until);
            let half = half.ok_or(Error::InvalidToken)?;
            let user = shared.user(half.user).await?;
            // Whatever happened to the account meanwhile, the first half was shown for what it was then.
            if user.profile.is_disabled || Half::of(&user, half.until) != half {
                return Err(Error::InvalidToken);
            }
            let device = self.known_device(ctx, Some(&user), device).await?;
            let known = Known { user, device };
            shared.count_guess(known.guesser(), ctx.now).await?;
            self.check_code(ctx, &known.user, code).await?;
            self.begin_console(ctx, known).await
        };
        completed.await.inspect_err(|error| note_refusal(ctx, error))
    }

    async fn begin_console(&self, ctx: &Ctx, known: Known) -> Result<ConsoleSession, Error> {
        let known = self.accept(known).await?;
        // The refresh token of the session is given to nobody.
        let SignedIn {
            access,
            device,
            user,
            must_set_up,
            ..
        } = self.begin(ctx, known, TokenKind::Console, IDLE_LIFE).await?;
        Ok(ConsoleSession {
            token: access,
            device,
            user,
            must_set_up,
        })
    }

    /// Returns whom the cookie of a session names, read from the store; a use by a person lets the session go on.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when it is unknown or over, or the person is disabled.
    pub async fn authenticate_console(
        &self,
        presented: &str,
        now: Timestamp,
        by: Use,
    ) -> Result<OperatorIdentity, Error> {
        let hash = Token::hash_presented(TokenKind::Console, presented).map_err(|_| Error::InvalidToken)?;
        let sessions = &self.shared.stores.sessions;
        let (session, user) = sessions.find_by_access(hash).await?.ok_or(Error::InvalidToken)?;
        let ends = session.tokens.access_until;
        if !session.is_live(now) || now >= ends {
            return Err(Error::InvalidToken);
        }
        let access = Access::Session {
            id: session.id,
            proven_until: self.shared.proven_until(session.proven_at),
        };
        let person = self.identify(user, access)?;
        let next = now.plus(IDLE_LIFE).min(session.created_at.plus(SESSION_LIFE));
        if by == Use::ByPerson && next.since(ends) >= USE_STEP {
            sessions.extend(session.id, hash, next).await?;
        }
        Ok(person)
    }
}
