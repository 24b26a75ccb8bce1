//! Sessions that were read a moment ago. The database stays the truth.
//!
//! What is kept names the *state of people* as of before it was read. Whoever commits a change of people names a new
//! state before the change is answered, and then nothing that was read before counts any more, on any node. If that can't
//! be said, what is kept counts no longer than [`LIFE`] anyway, by the clock of Redis alone and from before the database
//! was asked: within the second of DECISIONS 26, also for those who are asked again every half second.

use std::{fmt, fmt::Write as _, sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::{AsyncCommands, SetExpiry, SetOptions, aio::MultiplexedConnection};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{SessionId, UserId},
    key::SecretKeys,
    operator::{NewSession, Session, SessionStore, SessionTokens, User},
    page::{Page, PageRequest},
    random::RandomSource,
    seal::Seal,
    secret::TokenHash,
    time::Timestamp,
};

use super::{Redis, document};
use crate::postgres::Commits;

/// How old what is kept may be.
const LIFE: Duration = Duration::from_millis(400);

/// The state of people, and who may read what is kept of them.
pub(super) struct People {
    redis: Arc<Redis>,
    seal: Seal,
    random: Arc<dyn RandomSource>,
    key: String,
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("People")
            .field("redis", &self.redis)
            .finish_non_exhaustive()
    }
}

/// A state of people: random, so that none ever comes back.
type StateName = [u8; 16];

/// What Redis says about a session.
struct Look {
    state: StateName,
    /// When, by its clock.
    at_micros: i64,
    kept: Option<Vec<u8>>,
}

impl Look {
    fn bound_to(&self, access: TokenHash) -> Vec<u8> {
        [self.state.as_slice(), access.0.as_slice()].concat()
    }
}

impl People {
    pub(super) fn new(redis: Arc<Redis>, keys: &SecretKeys, random: Arc<dyn RandomSource>) -> Self {
        Self {
            key: format!("{}people", redis.prefix),
            redis,
            seal: Seal::new(keys, "tms-storage session cache 1"),
            random,
        }
    }

    fn new_state(&self) -> Option<StateName> {
        let mut name = StateName::default();
        self.random.fill(&mut name).ok()?;
        Some(name)
    }

    fn session_key(&self, access: TokenHash) -> String {
        let mut key = format!("{}session:", self.redis.prefix);
        for byte in access.0 {
            let _ = write!(key, "{byte:02x}");
        }
        key
    }

    /// Looks at the present state and what is kept under `key`; the first who asks after a flush names a state.
    async fn look(&self, key: &str) -> Option<Look> {
        type Answer = ((i64, i64), (Option<Vec<u8>>, Option<Vec<u8>>));
        let mut question = redis::pipe();
        question.cmd("TIME").cmd("MGET").arg(&self.key).arg(key);
        let ((secs, micros), (state, kept)): Answer = self
            .redis
            .ask(async |mut connection: MultiplexedConnection| question.query_async(&mut connection).await)
            .await?;
        let state = match state {
            Some(state) => state,
            None => self.name_first().await?,
        };
        Some(Look {
            state: state.try_into().ok()?,
            at_micros: secs.checked_mul(1_000_000)?.checked_add(micros)?,
            kept,
        })
    }

    async fn name_first(&self) -> Option<Vec<u8>> {
        let name = self.new_state()?;
        let mut question = redis::pipe();
        question
            .cmd("SET")
            .arg(&self.key)
            .arg(name.as_slice())
            .arg("NX")
            .ignore();
        question.cmd("GET").arg(&self.key);
        let (present,): (Vec<u8>,) = self
            .redis
            .ask(async |mut connection: MultiplexedConnection| question.query_async(&mut connection).await)
            .await?;
        Some(present)
    }

    /// Returns what was kept, if it still counts.
    fn open(&self, look: &Look, access: TokenHash) -> Option<(Session, User)> {
        let opened = self.seal.open(look.kept.as_ref()?, &look.bound_to(access))?;
        let (read_at, document) = opened.secret.split_first_chunk::<8>()?;
        let age = u64::try_from(look.at_micros.checked_sub(i64::from_be_bytes(*read_at))?).ok()?;
        if Duration::from_micros(age) > LIFE {
            return None;
        }
        document::read(document)
    }

    async fn keep(&self, key: &str, look: &Look, access: TokenHash, found: &(Session, User)) {
        let document = [look.at_micros.to_be_bytes().as_slice(), &document::write(found)].concat();
        let Ok(sealed) = self.seal.seal(&document, &look.bound_to(access), &self.random) else {
            return;
        };
        let life = u64::try_from(LIFE.as_millis()).unwrap_or(1);
        let options = SetOptions::default().with_expiration(SetExpiry::PX(life));
        let _: Option<()> = self
            .redis
            .ask(async |mut connection: MultiplexedConnection| connection.set_options(key, sealed, options).await)
            .await;
    }
}

#[async_trait]
impl Commits for People {
    fn events(&self) {
        self.redis.nudge();
    }

    async fn people(&self) {
        let Some(name) = self.new_state() else { return };
        let _: Option<()> = self
            .redis
            .ask(async |mut connection: MultiplexedConnection| connection.set(&self.key, name.as_slice()).await)
            .await;
    }
}

/// Sessions read through Redis; every change goes to `inner` alone.
#[derive(Debug)]
pub(super) struct RedisSessions {
    people: Arc<People>,
    inner: Arc<dyn SessionStore>,
}

impl RedisSessions {
    pub(super) fn new(people: Arc<People>, inner: Arc<dyn SessionStore>) -> Self {
        Self { people, inner }
    }
}

#[async_trait]
impl SessionStore for RedisSessions {
    async fn begin(&self, session: &NewSession, now: Timestamp, with: Envelope) -> Result<SessionId, StoreError> {
        self.inner.begin(session, now, with).await
    }

    async fn find_by_access(&self, access: TokenHash) -> Result<Option<(Session, User)>, StoreError> {
        let people = &self.people;
        let key = people.session_key(access);
        let look = people.look(&key).await;
        if let Some(found) = look.as_ref().and_then(|look| people.open(look, access)) {
            people.redis.count_session(true);
            return Ok(Some(found));
        }
        let found = self.inner.find_by_access(access).await?;
        people.redis.count_session(false);
        // What is not found is not kept: a stranger could fill Redis.
        if let (Some(look), Some(found)) = (look, &found) {
            people.keep(&key, &look, access, found).await;
        }
        Ok(found)
    }

    async fn find_by_refresh(&self, refresh: TokenHash) -> Result<Option<(Session, User)>, StoreError> {
        self.inner.find_by_refresh(refresh).await
    }

    async fn find(&self, user: UserId, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.inner.find(user, id).await
    }

    async fn list(&self, user: UserId, now: Timestamp, page: &PageRequest) -> Result<Page<Session>, StoreError> {
        self.inner.list(user, now, page).await
    }

    async fn rotate(
        &self,
        session: SessionId,
        seen: TokenHash,
        next: &SessionTokens,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.inner.rotate(session, seen, next, now).await
    }

    async fn extend(&self, session: SessionId, access: TokenHash, until: Timestamp) -> Result<(), StoreError> {
        self.inner.extend(session, access, until).await
    }

    async fn prove(&self, session: SessionId, now: Timestamp) -> Result<(), StoreError> {
        self.inner.prove(session, now).await
    }

    async fn revoke(&self, session: SessionId, with: Envelope) -> Result<(), StoreError> {
        self.inner.revoke(session, with).await
    }

    async fn revoke_all(
        &self,
        user: UserId,
        spared: Option<SessionId>,
        now: Timestamp,
        with: Envelope,
    ) -> Result<u64, StoreError> {
        self.inner.revoke_all(user, spared, now, with).await
    }

    async fn drop_ended(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.inner.drop_ended(before).await
    }
}
