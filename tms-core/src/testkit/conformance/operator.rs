//! Cases of [`crate::operator::OperatorStore`].

use futures::future::join_all;

use crate::{
    Stores,
    error::StoreError,
    id::{Revision, SessionId},
    operator::{NewUser, Session, SessionTokens, User, store::NewSession},
    permission::Role,
    secret::Secret,
    testkit::{
        build::{self, NOW, at},
        given,
    },
    time::Timestamp,
};

async fn user(stores: &Stores, name: &str) -> User {
    let new = build::user(name);
    stores.operators.insert(&new, NOW, build::act()).await.unwrap()
}

async fn session(stores: &Stores, user: &User, n: i64) -> SessionId {
    let new = build::session(user.id, n);
    stores.operators.begin_session(&new, NOW, build::act()).await.unwrap()
}

async fn rotate(stores: &Stores, session: SessionId, seen: i64, next: i64, secs: i64) -> Result<(), StoreError> {
    let (seen, next) = (build::hash("refresh", seen), build::session_tokens(next));
    stores.operators.rotate_session(session, seen, &next, at(secs)).await
}

async fn by_access(stores: &Stores, n: i64) -> Option<(Session, User)> {
    let token = build::hash("access", n);
    stores.operators.find_by_access(token).await.unwrap()
}

async fn by_refresh(stores: &Stores, n: i64) -> Option<(Session, User)> {
    let token = build::hash("refresh", n);
    stores.operators.find_by_refresh(token).await.unwrap()
}

/// A person reads back by name, at both ends of each field.
pub async fn every_field_reads_back(stores: &Stores) {
    assert!(!stores.operators.has_users().await.unwrap());
    let customer = given::customer(stores, "ABC").await;
    let full = NewUser {
        username: "o'neil%_\\ 日本".to_owned(),
        full_name: "O'Neil \u{1F600}".repeat(10),
        email: Some("'%_\\@example.com".to_owned()),
        role: Role::Viewer,
        customer: Some(customer.id),
        password_hash: Secret::new("$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA".to_owned()),
    };
    for new in [full, build::user("bare")] {
        let stored = stores.operators.insert(&new, at(1), build::act()).await.unwrap();
        let expected = User {
            id: stored.id,
            username: new.username,
            full_name: new.full_name,
            email: new.email,
            role: new.role,
            customer: new.customer,
            password_hash: new.password_hash,
            is_disabled: false,
            created_at: at(1),
            revision: Revision::FIRST,
        };
        assert_eq!(stored, expected);
        let found = stores.operators.find_by_name(&expected.username).await.unwrap();
        assert_eq!(found, Some(expected));
    }
    assert!(stores.operators.has_users().await.unwrap());
    assert_eq!(stores.operators.find_by_name("%").await.unwrap(), None);
}

/// No two people have one name, at the same time neither.
pub async fn names_are_unique(stores: &Stores) {
    let new = build::user("admin");
    let outcomes = join_all((0..6).map(|_| stores.operators.insert(&new, NOW, build::act()))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        refused!(outcome, StoreError::Duplicate(_));
    }
}

/// A session reads back by either token, with its person.
pub async fn a_session_is_found_by_its_tokens(stores: &Stores) {
    let (one, two) = (user(stores, "one").await, user(stores, "two").await);
    let new = NewSession {
        expires_at: Timestamp::MAX,
        address: Some("2001:db8::ffff".parse().unwrap()),
        ..build::session(two.id, 1)
    };
    let id = stores.operators.begin_session(&new, at(1), build::act()).await.unwrap();
    session(stores, &one, 2).await;
    let expected = Session {
        id,
        user: two.id,
        tokens: new.tokens,
        previous: None,
        expires_at: Timestamp::MAX,
        is_revoked: false,
        address: new.address,
        created_at: at(1),
    };
    assert_eq!(by_access(stores, 1).await, Some((expected.clone(), two.clone())));
    assert_eq!(by_refresh(stores, 1).await, Some((expected, two)));
    assert_eq!(by_access(stores, 9).await, None);
    assert_eq!(by_refresh(stores, 9).await, None);
    let swapped = stores.operators.find_by_access(build::hash("refresh", 1)).await;
    assert_eq!(swapped.unwrap(), None, "a refresh token is no access token");
}

/// A rotation replaces both tokens and remembers the last refresh token.
pub async fn a_rotation_replaces_the_tokens(stores: &Stores) {
    let user = user(stores, "one").await;
    let id = session(stores, &user, 1).await;
    rotate(stores, id, 1, 2, 100).await.unwrap();
    assert_eq!(by_access(stores, 1).await, None, "the old access token ends");
    let (session, _) = by_access(stores, 2).await.unwrap();
    assert_eq!(session.tokens, build::session_tokens(2));
    assert_eq!(session.previous, Some((build::hash("refresh", 1), at(100))));
    rotate(stores, id, 2, 3, 200).await.unwrap();
    let (session, _) = by_refresh(stores, 3).await.unwrap();
    assert_eq!(session.previous, Some((build::hash("refresh", 2), at(200))));
}

/// Any refresh token that a session ever had leads to it, so that a copied one is noticed.
pub async fn old_refresh_tokens_lead_to_their_session(stores: &Stores) {
    let user = user(stores, "one").await;
    let id = session(stores, &user, 1).await;
    for n in 1..6 {
        rotate(stores, id, n, n + 1, n * 10).await.unwrap();
    }
    for n in 1..=6 {
        let (session, owner) = by_refresh(stores, n).await.expect("a token of this session");
        assert_eq!((session.id, owner.id), (id, user.id));
        assert_eq!(session.tokens.refresh, build::hash("refresh", 6));
    }
}

/// Of parallel rotations from one token, one succeeds; a token that is not the present one is refused.
pub async fn one_rotation_wins(stores: &Stores) {
    let user = user(stores, "one").await;
    let id = session(stores, &user, 1).await;
    let outcomes = join_all((2..8).map(|n| rotate(stores, id, 1, n, 10))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for (n, outcome) in (2..8).zip(outcomes) {
        assert_eq!(by_access(stores, n).await.is_some(), outcome.is_ok());
        if outcome.is_err() {
            refused!(outcome, StoreError::Stale(_));
            assert_eq!(by_refresh(stores, n).await, None, "a lost rotation leaves no token");
        }
    }
    refused!(rotate(stores, id, 1, 9, 20).await, StoreError::Stale(_));
}

/// A session that was ended is found and says so; ending again changes nothing, others go on.
pub async fn an_ended_session_says_so(stores: &Stores) {
    let user = user(stores, "one").await;
    let (ended, other) = (session(stores, &user, 1).await, session(stores, &user, 2).await);
    for _ in 0..2 {
        stores.operators.revoke_session(ended, build::act()).await.unwrap();
        assert!(by_access(stores, 1).await.unwrap().0.is_revoked);
        assert!(by_refresh(stores, 1).await.unwrap().0.is_revoked);
    }
    let (session, _) = by_access(stores, 2).await.unwrap();
    assert_eq!((session.id, session.is_revoked), (other, false));
}

/// Retention deletes sessions that have run out, with all their tokens, and no others.
pub async fn dropping_spares_living_sessions(stores: &Stores) {
    let user = user(stores, "one").await;
    let begin = async |n, secs| {
        let new = NewSession {
            expires_at: at(secs),
            ..build::session(user.id, n)
        };
        stores.operators.begin_session(&new, NOW, build::act()).await.unwrap()
    };
    let old = begin(1, 100).await;
    begin(2, 200).await;
    rotate(stores, old, 1, 3, 10).await.unwrap();
    assert_eq!(stores.operators.drop_sessions(at(100)).await.unwrap(), 0);
    assert_eq!(stores.operators.drop_sessions(at(101)).await.unwrap(), 1);
    for n in [1, 3] {
        assert_eq!(by_refresh(stores, n).await, None);
    }
    assert!(by_access(stores, 2).await.is_some());
}

/// The end of an access token reads back, at both ends of its range.
pub async fn token_times_read_back(stores: &Stores) {
    let user = user(stores, "one").await;
    for (n, access_until) in [(1, Timestamp::EPOCH), (2, Timestamp::MAX)] {
        let tokens = SessionTokens {
            access_until,
            ..build::session_tokens(n)
        };
        let new = NewSession {
            tokens,
            address: None,
            ..build::session(user.id, n)
        };
        stores.operators.begin_session(&new, NOW, build::act()).await.unwrap();
        let (session, _) = by_access(stores, n).await.unwrap();
        assert_eq!((session.tokens, session.address), (tokens, None));
    }
}
