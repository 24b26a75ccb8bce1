//! Idempotency keys: a caller who repeats a request gets the answer of the first, and the effect happens once
//! (DECISIONS 8). The record of an answer travels in the envelope of the change and commits with it.

pub mod store;

use std::{fmt::Display, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    ctx::Ctx,
    error::{Error, FieldErrors},
    text::InvalidText,
    time::Timestamp,
};

pub use store::IdempotencyStore;

/// How long an answer is remembered.
pub const KEPT: Duration = Duration::from_secs(86_400);
/// How long a repeated request waits for the first one.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// The header of the key, which is how a wrong one is named.
const FIELD: &str = "Idempotency-Key";
const LONGEST: usize = 255;

/// A key as a caller gave it, with what it was given for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose key it is: the same text of another caller is another key.
    pub caller: String,
    /// The text.
    pub text: String,
    /// The SHA-256 of the request that it stands for.
    pub request: [u8; 32],
}

impl IdempotencyKey {
    /// Takes the key `text` of `caller` for the request with this hash.
    ///
    /// # Errors
    /// [`InvalidText`] unless it is 1 to 255 visible ASCII characters.
    pub fn new(caller: String, text: &str, request: [u8; 32]) -> Result<Self, InvalidText> {
        let is_plain = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if !is_plain {
            return Err(InvalidText(format!("must be 1 to {LONGEST} visible ASCII characters")));
        }
        Ok(Self {
            caller,
            text: text.to_owned(),
            request,
        })
    }

    /// Makes the record of an answer that is given `now`.
    pub fn record(&self, answer: Value, now: Timestamp) -> IdempotencyRecord {
        IdempotencyRecord {
            key: self.clone(),
            answer,
            at: now,
            until: now.plus(KEPT),
        }
    }
}

/// What commits with the effect.
#[derive(Debug, Clone, PartialEq)]
pub struct IdempotencyRecord {
    /// The key.
    pub key: IdempotencyKey,
    /// What the answer is made of again, without secrets.
    pub answer: Value,
    /// When it was given.
    pub at: Timestamp,
    /// When it is forgotten.
    pub until: Timestamp,
}

/// A remembered answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// The SHA-256 of the request that it answered.
    pub request: [u8; 32],
    /// The id of what was made.
    pub created: Option<i64>,
    /// What the answer is made of again.
    pub answer: Value,
}

impl Remembered {
    /// Returns the id of what was made.
    pub(crate) fn made(&self) -> Result<i64, Error> {
        self.created.ok_or_else(|| unreadable("without an id"))
    }
}

/// Says that a record is not of the kind that this program writes.
pub(crate) fn unreadable(why: impl Display) -> Error {
    Error::Internal(format!("a remembered answer can't be read: {why}").into())
}

/// What became of a request that may have been made before.
#[derive(Debug)]
pub enum Once<T> {
    /// It was carried out now.
    Done(T),
    /// It was carried out before.
    Before(Remembered),
}

/// Carries out `work` unless the key of `ctx` has been used; without a key it is simply carried out.
///
/// `work` must put the record of the key into its envelope, see [`crate::envelope::Envelope::once`]. It runs again only
/// if another call with the same key gave up.
///
/// # Errors
/// What `work` answers; [`Error::Invalid`] when the key was used for another request; [`Error::Repeated`] when the
/// first one is still at work after [`PATIENCE`].
pub async fn once<T, W>(store: &dyn IdempotencyStore, ctx: &Ctx, work: impl Fn() -> W + Send) -> Result<Once<T>, Error>
where
    W: Future<Output = Result<T, Error>> + Send,
{
    let Some(key) = &ctx.idempotency else {
        return work().await.map(Once::Done);
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(known) = store.find(&key.caller, &key.text, ctx.now).await? {
            if known.request == key.request {
                return Ok(Once::Before(known));
            }
            return Err(FieldErrors::single(FIELD, "was used for another request"));
        }
        match work().await {
            Err(Error::Repeated) if Instant::now() < deadline => sleep(LOOK_EVERY).await,
            outcome => return outcome.map(Once::Done),
        }
    }
}

/// Like [`once`] for what makes one thing: who repeats the request gets that thing, as it is now.
///
/// # Errors
/// As [`once`], and what `again` answers.
pub async fn once_made<T, W, A>(
    store: &dyn IdempotencyStore,
    ctx: &Ctx,
    work: impl Fn() -> W + Send,
    again: impl FnOnce(i64) -> A + Send,
) -> Result<T, Error>
where
    W: Future<Output = Result<T, Error>> + Send,
    A: Future<Output = Result<T, Error>> + Send,
{
    match once(store, ctx, work).await? {
        Once::Done(made) => Ok(made),
        Once::Before(known) => again(known.made()?).await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{store::MockIdempotencyStore, *};

    fn ctx(request: u8) -> Ctx {
        Ctx {
            idempotency: Some(IdempotencyKey::new("one".to_owned(), "key", [request; 32]).unwrap()),
            ..Ctx::system(Timestamp::from_secs(1))
        }
    }

    fn remembered() -> Remembered {
        Remembered {
            request: [1; 32],
            created: Some(7),
            answer: Value::Null,
        }
    }

    #[test]
    fn a_key_is_short_and_visible() {
        for wrong in ["", "a b", "a\n", "ä", &"x".repeat(256)] {
            assert!(IdempotencyKey::new(String::new(), wrong, [0; 32]).is_err(), "{wrong:?}");
        }
        assert!(IdempotencyKey::new(String::new(), &"x".repeat(255), [0; 32]).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_loser_waits_for_the_winner_and_answers_alike() {
        let looks = AtomicU32::new(0);
        let mut store = MockIdempotencyStore::new();
        store
            .expect_find()
            .returning(move |_, _, _| Ok((looks.fetch_add(1, Ordering::Relaxed) > 9).then(remembered)));
        let outcome = once(&store, &ctx(1), || async { Err::<(), _>(Error::Repeated) }).await;
        assert!(matches!(outcome, Ok(Once::Before(known)) if known == remembered()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_loser_gives_up_in_the_end() {
        let mut store = MockIdempotencyStore::new();
        store.expect_find().returning(|_, _, _| Ok(None));
        let begun = Instant::now();
        let outcome = once(&store, &ctx(1), || async { Err::<(), _>(Error::Repeated) }).await;
        assert!(matches!(outcome, Err(Error::Repeated)));
        assert!(begun.elapsed() >= PATIENCE && begun.elapsed() < PATIENCE + Duration::from_secs(1));
    }

    #[tokio::test]
    async fn another_request_is_refused_before_any_work() {
        let mut store = MockIdempotencyStore::new();
        store.expect_find().returning(|_, _, _| Ok(Some(remembered())));
        let outcome = once(&store, &ctx(2), || async { panic!("no work") as Result<(), Error> }).await;
        assert!(matches!(outcome, Err(Error::Invalid(fields)) if fields.iter().any(|(field, _)| field == FIELD)));
    }
}
