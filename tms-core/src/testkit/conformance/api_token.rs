//! Cases of [`crate::operator::ApiTokenStore`].

use futures::future::join_all;

use crate::{
    Stores,
    error::StoreError,
    id::{ApiTokenId, UserId},
    operator::{ApiToken, NewApiToken, User, api_token::Scopes},
    testkit::{
        build::{self, NOW, at},
        given,
    },
    time::Timestamp,
};

async fn token(stores: &Stores, user: &User, n: i64) -> ApiToken {
    let new = build::api_token(user.id, n);
    stores.api_tokens.insert(&new, NOW, build::act()).await.unwrap()
}

async fn by_hash(stores: &Stores, n: i64) -> Option<(ApiToken, User)> {
    let hash = build::hash("api token", n);
    stores.api_tokens.find_by_hash(hash).await.unwrap()
}

/// A token reads back by its hash, with its person.
pub async fn every_field_reads_back(stores: &Stores) {
    let user = given::user(stores, "one").await;
    let full = NewApiToken {
        name: "'%_\\ 日本".to_owned(),
        scopes: Scopes::parse_stored("terminal.read alert.write"),
        expires_at: Timestamp::MAX,
        ..build::api_token(user.id, 1)
    };
    let bare = NewApiToken {
        scopes: Scopes::default(),
        expires_at: Timestamp::EPOCH,
        ..build::api_token(user.id, 2)
    };
    for (n, new) in [(1, full), (2, bare)] {
        let stored = stores.api_tokens.insert(&new, at(1), build::act()).await.unwrap();
        let expected = ApiToken {
            id: stored.id,
            user: user.id,
            name: new.name,
            scopes: new.scopes,
            expires_at: new.expires_at,
            last_used_at: None,
            created_at: at(1),
        };
        assert_eq!(stored, expected);
        assert_eq!(by_hash(stores, n).await, Some((expected, user.clone())));
    }
    assert_eq!(by_hash(stores, 9).await, None);
}

/// Of many that are made at the same time as many are kept as a person may have; another person has their own.
pub async fn nobody_has_too_many(stores: &Stores) {
    let (one, two) = (given::user(stores, "one").await, given::user(stores, "two").await);
    let news: Vec<_> = (1..=60).map(|n| build::api_token(one.id, n)).collect();
    let made = news.iter().map(|new| stores.api_tokens.insert(new, NOW, build::act()));
    let outcomes = join_all(made).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 50);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        refused!(outcome, StoreError::Full(_));
    }
    let held = stores.api_tokens.list(one.id, &build::whole_page()).await.unwrap();
    assert_eq!(held.total, Some(50));
    token(stores, &two, 61).await;
    let (user, id) = (one.id, held.items[0].id);
    stores.api_tokens.delete(user, id, build::act()).await.unwrap();
    token(stores, &one, 62).await;
}

/// A token is found and deleted by its own person only.
pub async fn a_token_belongs_to_one_person(stores: &Stores) {
    let (one, two) = (given::user(stores, "one").await, given::user(stores, "two").await);
    let held = token(stores, &one, 1).await;
    let found = stores.api_tokens.find(one.id, held.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&held));
    assert_eq!(stores.api_tokens.find(two.id, held.id).await.unwrap(), None);
    let deleted = stores.api_tokens.delete(two.id, held.id, build::act()).await;
    refused!(deleted, StoreError::Missing(_));
    assert!(by_hash(stores, 1).await.is_some());
    let nobody = build::api_token(UserId::new(1_000_000).unwrap(), 2);
    missing!(stores.api_tokens.insert(&nobody, NOW, build::act()).await, "user");
}

/// A person's list has their tokens, newest first.
pub async fn lists_are_newest_first(stores: &Stores) {
    let (one, two) = (given::user(stores, "one").await, given::user(stores, "two").await);
    let mut expected = Vec::new();
    for n in 1..=4 {
        expected.push(token(stores, &one, n).await);
    }
    token(stores, &two, 5).await;
    expected.reverse();
    let found = given::paged(async |page| stores.api_tokens.list(one.id, &page).await.unwrap()).await;
    assert_eq!(found, expected);
}

/// The last use is noted; an earlier one changes nothing.
pub async fn a_use_is_noted(stores: &Stores) {
    let user = given::user(stores, "one").await;
    let held = token(stores, &user, 1).await;
    for (secs, noted) in [(100, 100), (50, 100), (200, 200)] {
        stores.api_tokens.note_use(held.id, at(secs)).await.unwrap();
        assert_eq!(by_hash(stores, 1).await.unwrap().0.last_used_at, Some(at(noted)));
    }
    let unknown = ApiTokenId::new(1_000_000).unwrap();
    stores.api_tokens.note_use(unknown, NOW).await.unwrap();
}

/// A deleted token is unknown, and others stay.
pub async fn a_deleted_one_is_unknown_at_once(stores: &Stores) {
    let user = given::user(stores, "one").await;
    let (gone, kept) = (token(stores, &user, 1).await, token(stores, &user, 2).await);
    stores.api_tokens.delete(user.id, gone.id, build::act()).await.unwrap();
    assert_eq!(by_hash(stores, 1).await, None);
    assert_eq!(by_hash(stores, 2).await.unwrap().0, kept);
    let again = stores.api_tokens.delete(user.id, gone.id, build::act()).await;
    refused!(again, StoreError::Missing(_));
}

/// Retention deletes tokens that ended, and no others.
pub async fn dropping_spares_good_tokens(stores: &Stores) {
    let user = given::user(stores, "one").await;
    for (n, secs) in [(1, 100), (2, 200)] {
        let new = NewApiToken {
            expires_at: at(secs),
            ..build::api_token(user.id, n)
        };
        stores.api_tokens.insert(&new, NOW, build::act()).await.unwrap();
    }
    assert_eq!(stores.api_tokens.drop_ended(at(100)).await.unwrap(), 0);
    assert_eq!(stores.api_tokens.drop_ended(at(101)).await.unwrap(), 1);
    assert_eq!(by_hash(stores, 1).await, None);
    assert!(by_hash(stores, 2).await.is_some());
}
