//! Cases of [`crate::operator::SessionStore`].

use futures::future::join_all;

use crate::{
    Stores,
    error::StoreError,
    id::{SessionId, UserId},
    operator::{NewSession, Profile, Session, SessionTokens, User},
    permission::Role,
    secret::Secret,
    testkit::{
        build::{self, NOW, at},
        given,
    },
    time::Timestamp,
};

async fn session(stores: &Stores, user: &User, n: i64) -> SessionId {
    let new = build::session(user.id, n);
    stores.sessions.begin(&new, NOW, build::act()).await.unwrap()
}

async fn rotate(stores: &Stores, session: SessionId, seen: i64, next: i64, secs: i64) -> Result<(), StoreError> {
    let (seen, next) = (build::hash("refresh", seen), build::session_tokens(next));
    stores.sessions.rotate(session, seen, &next, at(secs)).await
}

async fn by_access(stores: &Stores, n: i64) -> Option<(Session, User)> {
    let token = build::hash("access", n);
    stores.sessions.find_by_access(token).await.unwrap()
}

async fn by_refresh(stores: &Stores, n: i64) -> Option<(Session, User)> {
    let token = build::hash("refresh", n);
    stores.sessions.find_by_refresh(token).await.unwrap()
}

/// A session reads back by either token, with its person.
pub async fn a_session_is_found_by_its_tokens(stores: &Stores) {
    let (one, two) = (given::user(stores, "one").await, given::user(stores, "two").await);
    let new = NewSession {
        expires_at: Timestamp::MAX,
        address: Some("2001:db8::ffff".parse().unwrap()),
        user_agent: "Mozilla/5.0 '%_\\ 日本".to_owned(),
        ..build::session(two.id, 1)
    };
    let id = stores.sessions.begin(&new, at(1), build::act()).await.unwrap();
    session(stores, &one, 2).await;
    let expected = Session {
        id,
        user: two.id,
        tokens: new.tokens,
        previous: None,
        expires_at: Timestamp::MAX,
        is_revoked: false,
        proven_at: at(1),
        address: new.address,
        user_agent: new.user_agent,
        created_at: at(1),
    };
    assert_eq!(by_access(stores, 1).await, Some((expected.clone(), two.clone())));
    assert_eq!(by_refresh(stores, 1).await, Some((expected, two)));
    assert_eq!(by_access(stores, 9).await, None);
    assert_eq!(by_refresh(stores, 9).await, None);
    let swapped = stores.sessions.find_by_access(build::hash("refresh", 1)).await;
    assert_eq!(swapped.unwrap(), None, "a refresh token is no access token");
    let nobody = build::session(UserId::new(1_000_000).unwrap(), 3);
    missing!(stores.sessions.begin(&nobody, NOW, build::act()).await, "user");
}

/// A sign-in whose password was judged by a hash that is another one by now begins nothing, nor does one of somebody who
/// was disabled meanwhile; a password that changes beside it leaves no session.
pub async fn a_changed_password_begins_none(stores: &Stores) {
    given::administrator(stores, "admin").await;
    let user = given::user(stores, "one").await;
    let begin = async |new: &NewSession| stores.sessions.begin(new, NOW, build::act_with_event(1)).await;
    let hash = |text: &str| Secret::new(text.to_owned());
    let set = async |text: &str| {
        let set = stores
            .users
            .set_password(user.id, &hash(text), None, build::act())
            .await;
        set.unwrap();
    };
    let none = NewSession {
        password_hash: None,
        ..build::session(user.id, 1)
    };
    missing!(begin(&none).await, "user");
    set("$new$").await;
    missing!(begin(&build::session(user.id, 1)).await, "user");
    assert_eq!(by_access(stores, 1).await, None);
    assert!(given::events(stores).await.is_empty());
    let present = |n: i64, text: &str| NewSession {
        password_hash: Some(hash(text)),
        ..build::session(user.id, n)
    };
    begin(&present(1, "$new$")).await.unwrap();
    for round in 0..5 {
        let (old, new) = (format!("$new{round}$"), format!("$new{}$", round + 1));
        set(&old).await;
        let news: Vec<_> = (10 * round + 10..10 * round + 14).map(|n| present(n, &old)).collect();
        futures::join!(join_all(news.iter().map(&begin)), set(&new));
        assert_eq!(living(stores, user.id, 1).await, [], "round {round}");
    }
    let next = build::profile("one", Role::Operator);
    let disabled = Profile {
        is_disabled: true,
        ..next
    };
    let saved = stores.users.save(user.id, &disabled, user.revision, build::act()).await;
    saved.unwrap();
    missing!(begin(&present(2, "$new5$")).await, "user");
}

/// A rotation replaces both tokens and remembers the last refresh token.
pub async fn a_rotation_replaces_the_tokens(stores: &Stores) {
    let user = given::user(stores, "one").await;
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

/// A session that is used goes on; not by a token that it no longer has, not shorter, and not once it was ended.
pub async fn a_session_in_use_goes_on(stores: &Stores) {
    let user = given::user(stores, "one").await;
    let (id, other) = (session(stores, &user, 1).await, session(stores, &user, 2).await);
    let until = async |n| by_access(stores, n).await.unwrap().0.tokens.access_until;
    let begun = until(1).await;
    let extend = async |session, n, to| {
        let token = build::hash("access", n);
        stores.sessions.extend(session, token, to).await.unwrap();
    };
    let later = begun.plus(std::time::Duration::from_secs(60));
    extend(id, 1, later).await;
    assert_eq!(until(1).await, later);
    extend(id, 1, begun).await;
    extend(id, 9, Timestamp::MAX).await;
    assert_eq!(until(1).await, later, "neither shortened nor by another token");
    assert_eq!(until(2).await, begun, "another session stays as it is");
    stores.sessions.revoke(other, build::act()).await.unwrap();
    extend(other, 2, later).await;
    assert_eq!(until(2).await, begun, "what was ended does not go on");
}

/// Any refresh token that a session ever had leads to it, so that a copied one is noticed.
pub async fn old_refresh_tokens_lead_to_their_session(stores: &Stores) {
    let user = given::user(stores, "one").await;
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
    let user = given::user(stores, "one").await;
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
    let user = given::user(stores, "one").await;
    let (ended, other) = (session(stores, &user, 1).await, session(stores, &user, 2).await);
    for _ in 0..2 {
        stores.sessions.revoke(ended, build::act()).await.unwrap();
        assert!(by_access(stores, 1).await.unwrap().0.is_revoked);
        assert!(by_refresh(stores, 1).await.unwrap().0.is_revoked);
    }
    let (session, _) = by_access(stores, 2).await.unwrap();
    assert_eq!((session.id, session.is_revoked), (other, false));
    let unknown = SessionId::new(1_000_000).unwrap();
    stores.sessions.revoke(unknown, build::act()).await.unwrap();
}

/// A session is found by its id for its own person only.
pub async fn a_session_belongs_to_one_person(stores: &Stores) {
    let (one, two) = (given::user(stores, "one").await, given::user(stores, "two").await);
    let id = session(stores, &one, 1).await;
    let found = stores.sessions.find(one.id, id).await.unwrap();
    assert_eq!(found, by_access(stores, 1).await.map(|(session, _)| session));
    assert_eq!(stores.sessions.find(two.id, id).await.unwrap(), None);
}

/// A person's list has their living sessions, newest first.
pub async fn lists_are_newest_first(stores: &Stores) {
    let (one, two) = (given::user(stores, "one").await, given::user(stores, "two").await);
    let mut ids = Vec::new();
    for n in 1..=4 {
        ids.push(session(stores, &one, n).await);
    }
    session(stores, &two, 5).await;
    let over = NewSession {
        expires_at: at(100),
        ..build::session(one.id, 6)
    };
    stores.sessions.begin(&over, NOW, build::act()).await.unwrap();
    stores.sessions.revoke(ids.remove(1), build::act()).await.unwrap();
    ids.reverse();
    assert_eq!(living(stores, one.id, 100).await, ids);
    assert_eq!(living(stores, two.id, 100).await.len(), 1);
    assert_eq!(living(stores, two.id, 12 * 3_600).await, []);
}

async fn living(stores: &Stores, user: UserId, secs: i64) -> Vec<SessionId> {
    let rows = given::paged(async |page| stores.sessions.list(user, at(secs), &page).await.unwrap()).await;
    rows.into_iter().map(|session| session.id).collect()
}

/// A proof is noted, and an older one changes nothing.
pub async fn a_proof_is_noted(stores: &Stores) {
    let user = given::user(stores, "one").await;
    let id = session(stores, &user, 1).await;
    for (secs, noted) in [(100, 100), (50, 100), (200, 200)] {
        stores.sessions.prove(id, at(secs)).await.unwrap();
        assert_eq!(by_access(stores, 1).await.unwrap().0.proven_at, at(noted));
    }
}

/// All sessions of a person but one end, those of others go on, and those that went on are counted.
pub async fn all_others_end_at_once(stores: &Stores) {
    let (one, two) = (given::user(stores, "one").await, given::user(stores, "two").await);
    let mut ids = Vec::new();
    for n in 1..=4 {
        ids.push(session(stores, &one, n).await);
    }
    session(stores, &two, 5).await;
    stores.sessions.revoke(ids[3], build::act()).await.unwrap();
    let end = async |spared| {
        stores
            .sessions
            .revoke_all(one.id, spared, at(1), build::act())
            .await
            .unwrap()
    };
    assert_eq!(end(Some(ids[1])).await, 2);
    assert_eq!(living(stores, one.id, 1).await, [ids[1]]);
    assert_eq!(end(None).await, 1);
    assert_eq!(end(None).await, 0);
    assert_eq!(living(stores, one.id, 1).await, []);
    assert_eq!(living(stores, two.id, 1).await.len(), 1);
}

/// Retention deletes sessions that have run out, with all their tokens, and no others.
pub async fn dropping_spares_living_sessions(stores: &Stores) {
    let user = given::user(stores, "one").await;
    let begin = async |n, secs| {
        let new = NewSession {
            expires_at: at(secs),
            ..build::session(user.id, n)
        };
        stores.sessions.begin(&new, NOW, build::act()).await.unwrap()
    };
    let old = begin(1, 100).await;
    begin(2, 200).await;
    rotate(stores, old, 1, 3, 10).await.unwrap();
    assert_eq!(stores.sessions.drop_ended(at(100)).await.unwrap(), 0);
    assert_eq!(stores.sessions.drop_ended(at(101)).await.unwrap(), 1);
    for n in [1, 3] {
        assert_eq!(by_refresh(stores, n).await, None);
    }
    assert!(by_access(stores, 2).await.is_some());
}

/// The end of an access token reads back, at both ends of its range.
pub async fn token_times_read_back(stores: &Stores) {
    let user = given::user(stores, "one").await;
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
        stores.sessions.begin(&new, NOW, build::act()).await.unwrap();
        let (session, _) = by_access(stores, n).await.unwrap();
        assert_eq!((session.tokens, session.address), (tokens, None));
    }
}
