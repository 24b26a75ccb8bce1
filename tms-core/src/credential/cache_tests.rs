use mockall::predicate::eq;

use super::*;
use crate::{
    credential::{AgentIdentity, Revocation, store::MockCredentialStore},
    id::{CustomerId, TerminalId},
    text::SerialNumber,
};

/// A clock that stands.
#[derive(Debug)]
struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

const NOW: Timestamp = Timestamp::from_secs(1_000);
const TOKEN: TokenHash = TokenHash([7; 32]);

fn credential(valid_until: Option<Timestamp>) -> Credential {
    let agent = AgentIdentity {
        terminal: TerminalId::new(1).unwrap(),
        customer: CustomerId::new(1).unwrap(),
        serial: SerialNumber::parse("TC-1").unwrap(),
    };
    Credential { agent, valid_until }
}

fn cache(store: MockCredentialStore) -> CredentialCache {
    CredentialCache::new(Arc::new(store), Arc::new(Standing(NOW)), 10)
}

#[tokio::test]
async fn a_known_token_is_not_looked_up_again() {
    let mut store = MockCredentialStore::new();
    store.expect_revocation_head().returning(|| Ok(5));
    store.expect_revocations_after().returning(|_, _| Ok(Vec::new()));
    store.expect_find().times(1).returning(|_| Ok(Some(credential(None))));
    let cache = cache(store);
    cache.follow().await.unwrap();
    for _ in 0..3 {
        cache.authenticate(TOKEN, NOW).await.unwrap();
    }
}

#[tokio::test]
async fn a_revocation_is_taken_in_by_following() {
    let mut store = MockCredentialStore::new();
    store.expect_revocation_head().returning(|| Ok(5));
    let mut feed = vec![
        Vec::new(),
        vec![Revocation {
            position: 6,
            token: TOKEN,
        }],
        Vec::new(),
    ];
    store
        .expect_revocations_after()
        .returning(move |_, _| Ok(if feed.is_empty() { Vec::new() } else { feed.remove(0) }));
    let mut answers = vec![None, Some(credential(None))];
    store
        .expect_find()
        .with(eq(TOKEN))
        .times(2)
        .returning(move |_| Ok(answers.pop().flatten()));
    let cache = cache(store);
    cache.follow().await.unwrap();
    assert!(cache.authenticate(TOKEN, NOW).await.is_ok());
    cache.follow().await.unwrap();
    assert!(matches!(cache.authenticate(TOKEN, NOW).await, Err(Error::InvalidToken)));
}

#[tokio::test]
async fn a_node_that_cannot_read_the_feed_asks_for_every_token() {
    let mut store = MockCredentialStore::new();
    store.expect_revocation_head().returning(|| Ok(5));
    store
        .expect_revocations_after()
        .times(1)
        .returning(|_, _| Ok(Vec::new()));
    store.expect_find().times(2).returning(|_| Ok(Some(credential(None))));
    let cache = cache(store);
    cache.follow().await.unwrap();
    cache.authenticate(TOKEN, NOW).await.unwrap();
    cache.authenticate(TOKEN, NOW.plus(BLIND_AFTER)).await.unwrap();
    cache
        .authenticate(TOKEN, NOW.plus(BLIND_AFTER).plus(Duration::from_millis(1)))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_rotated_token_ends_though_it_is_cached() {
    let mut store = MockCredentialStore::new();
    store.expect_revocation_head().returning(|| Ok(0));
    store.expect_revocations_after().returning(|_, _| Ok(Vec::new()));
    let until = NOW.plus(Duration::from_millis(500));
    store
        .expect_find()
        .times(1)
        .returning(move |_| Ok(Some(credential(Some(until)))));
    let cache = cache(store);
    cache.follow().await.unwrap();
    assert!(cache.authenticate(TOKEN, NOW).await.is_ok());
    assert!(matches!(
        cache.authenticate(TOKEN, until).await,
        Err(Error::InvalidToken)
    ));
}
