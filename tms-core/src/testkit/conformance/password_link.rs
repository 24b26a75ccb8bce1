//! Cases of [`crate::operator::PasswordLinkStore`].

use futures::future::join_all;

use crate::{
    Stores,
    error::StoreError,
    id::UserId,
    operator::{PasswordLink, User},
    secret::Secret,
    testkit::{
        build::{self, NOW, at},
        given,
    },
    time::Timestamp,
};

async fn issue(stores: &Stores, user: &User, n: i64) -> PasswordLink {
    let link = build::password_link(user.id, n);
    stores.password_links.issue(&link, build::act()).await.unwrap();
    link
}

async fn find(stores: &Stores, n: i64) -> Option<(PasswordLink, User)> {
    let hash = build::hash("password link", n);
    stores.password_links.find(hash).await.unwrap()
}

async fn redeem(stores: &Stores, n: i64, password: &str, secs: i64) -> Result<(), StoreError> {
    let (hash, password) = (build::hash("password link", n), Secret::new(password.to_owned()));
    let with = build::act_with_event(n);
    stores.password_links.redeem(hash, &password, at(secs), with).await
}

async fn password_of(stores: &Stores, user: &User) -> Option<Secret<String>> {
    stores.users.find(user.id).await.unwrap().unwrap().password_hash
}

/// A link reads back with its person.
pub async fn every_field_reads_back(stores: &Stores) {
    let user = given::user(stores, "one").await;
    for (n, expires_at) in [(1, Timestamp::EPOCH), (2, Timestamp::MAX)] {
        let link = PasswordLink {
            expires_at,
            ..build::password_link(user.id, n)
        };
        stores.password_links.issue(&link, build::act()).await.unwrap();
        assert_eq!(find(stores, n).await, Some((link, user.clone())));
    }
    let nobody = build::password_link(UserId::new(1_000_000).unwrap(), 3);
    let issued = stores.password_links.issue(&nobody, build::act()).await;
    missing!(issued, "user");
    assert_eq!(find(stores, 3).await, None);
}

/// A person has one link at most: the last one.
pub async fn a_new_one_replaces_the_old(stores: &Stores) {
    let (one, two) = (given::user(stores, "one").await, given::user(stores, "two").await);
    issue(stores, &one, 1).await;
    issue(stores, &two, 2).await;
    issue(stores, &one, 3).await;
    assert_eq!(find(stores, 1).await, None);
    refused!(redeem(stores, 1, "$old$", 0).await, StoreError::Missing(_));
    assert!(find(stores, 2).await.is_some() && find(stores, 3).await.is_some());
}

/// Redeeming sets the password, ends all sessions and forgets the devices of the one person.
pub async fn redeeming_sets_the_password(stores: &Stores) {
    let (one, two) = (given::user(stores, "one").await, given::user(stores, "two").await);
    for (n, user) in [(1, &one), (2, &two)] {
        stores
            .sessions
            .begin(&build::session(user.id, n), NOW, build::act())
            .await
            .unwrap();
        let device = build::hash("device", n);
        stores.guesses.remember_device(device, user.id, NOW).await.unwrap();
        issue(stores, user, n).await;
    }
    redeem(stores, 1, "$new$", 10).await.unwrap();
    assert_eq!(password_of(stores, &one).await, Some(Secret::new("$new$".to_owned())));
    assert_eq!(password_of(stores, &two).await, two.password_hash);
    for (n, is_kept) in [(1, false), (2, true)] {
        let (session, _) = stores
            .sessions
            .find_by_access(build::hash("access", n))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(!session.is_revoked, is_kept);
        let device = stores.guesses.find_device(build::hash("device", n)).await.unwrap();
        assert_eq!(device.is_some(), is_kept);
        assert_eq!(find(stores, n).await.is_some(), is_kept);
    }
}

/// Of parallel redemptions of one link, one succeeds, and its password is set.
pub async fn one_redeems(stores: &Stores) {
    let user = given::user(stores, "one").await;
    issue(stores, &user, 1).await;
    let words: Vec<_> = (0..6).map(|n| format!("$word{n}$")).collect();
    let outcomes = join_all(words.iter().map(|word| redeem(stores, 1, word, 10))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for (word, outcome) in words.into_iter().zip(outcomes) {
        match outcome {
            Ok(()) => assert_eq!(password_of(stores, &user).await, Some(Secret::new(word))),
            refusal => refused!(refusal, StoreError::Missing(_)),
        }
    }
    assert_eq!(given::events(stores).await.len(), 1);
}

/// A link that has ended, or never was, changes nothing and tells nothing.
pub async fn an_expired_one_changes_nothing(stores: &Stores) {
    let user = given::user(stores, "one").await;
    issue(stores, &user, 1).await;
    refused!(redeem(stores, 1, "$late$", 3_600).await, StoreError::Missing(_));
    refused!(redeem(stores, 9, "$none$", 0).await, StoreError::Missing(_));
    assert_eq!(password_of(stores, &user).await, user.password_hash);
    assert!(given::events(stores).await.is_empty());
    redeem(stores, 1, "$new$", 3_599).await.unwrap();
}

/// Retention deletes links that ended, and no others.
pub async fn dropping_spares_good_links(stores: &Stores) {
    let user = given::user(stores, "one").await;
    issue(stores, &user, 1).await;
    assert_eq!(stores.password_links.drop_ended(at(3_600)).await.unwrap(), 0);
    assert_eq!(stores.password_links.drop_ended(at(3_601)).await.unwrap(), 1);
    assert_eq!(find(stores, 1).await, None);
}
