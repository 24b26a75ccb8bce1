//! Cases of [`crate::credential::CredentialStore`].

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

use futures::future::{join, join_all};

use crate::{
    Stores,
    credential::Revocation,
    error::StoreError,
    id::TerminalId,
    secret::TokenHash,
    testkit::{
        build::{self, at},
        given,
    },
    time::Timestamp,
};

fn token(n: i64) -> TokenHash {
    build::hash("token", n)
}

async fn rotate(stores: &Stores, old: i64, next: i64) -> Result<(), StoreError> {
    stores
        .credentials
        .rotate(token(old), token(next), at(60), build::act())
        .await
}

async fn revoked_after(stores: &Stores, position: i64) -> BTreeSet<TokenHash> {
    let feed = stores.credentials.revocations_after(position, 100).await.unwrap();
    feed.into_iter().map(|entry| entry.token).collect()
}

async fn enrolled(stores: &Stores) -> TerminalId {
    let customer = given::customer(stores, "ABC").await;
    given::enrolled(stores, customer.id, 1).await
}

/// After a rotation the old token is good until its end, the new one without end; a further one revokes the oldest.
pub async fn rotation_leaves_two_tokens(stores: &Stores) {
    let terminal = enrolled(stores).await;
    let head = stores.credentials.revocation_head().await.unwrap();
    rotate(stores, 1, 2).await.unwrap();
    let old = stores.credentials.find(token(1)).await.unwrap().unwrap();
    let new = stores.credentials.find(token(2)).await.unwrap().unwrap();
    assert_eq!((old.valid_until, new.valid_until), (Some(at(60)), None));
    assert_eq!((old.agent.terminal, &old.agent), (terminal, &new.agent));
    assert!(
        revoked_after(stores, head).await.contains(&token(1)),
        "caches must learn of the end"
    );

    let head = stores.credentials.revocation_head().await.unwrap();
    rotate(stores, 2, 3).await.unwrap();
    assert_eq!(stores.credentials.find(token(1)).await.unwrap(), None);
    assert!(stores.credentials.find(token(2)).await.unwrap().is_some());
    assert!(stores.credentials.find(token(3)).await.unwrap().is_some());
    let told = revoked_after(stores, head).await;
    assert!(
        told.contains(&token(1)) && told.contains(&token(2)) && !told.contains(&token(3)),
        "{told:?}"
    );
}

/// An unknown token, and one rotated before, can't be rotated.
pub async fn a_token_rotates_once(stores: &Stores) {
    enrolled(stores).await;
    refused!(rotate(stores, 9, 2).await, StoreError::Missing(_));
    rotate(stores, 1, 2).await.unwrap();
    refused!(rotate(stores, 1, 3).await, StoreError::Missing(_));
    rotate(stores, 2, 4).await.unwrap();
    refused!(rotate(stores, 1, 5).await, StoreError::Missing(_));
    for n in [3, 5] {
        assert_eq!(stores.credentials.find(token(n)).await.unwrap(), None);
    }
}

/// Of parallel rotations of one token, one succeeds.
pub async fn one_of_parallel_rotations_wins(stores: &Stores) {
    enrolled(stores).await;
    let outcomes = join_all((2..8).map(|n| rotate(stores, 1, n))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for (n, outcome) in (2..8).zip(outcomes) {
        let found = stores.credentials.find(token(n)).await.unwrap();
        assert_eq!(found.is_some(), outcome.is_ok());
        if outcome.is_err() {
            refused!(outcome, StoreError::Missing(_));
        }
    }
}

/// Revoking all ends every token of that terminal and of no other.
pub async fn revoking_all_spares_other_terminals(stores: &Stores) {
    let terminal = enrolled(stores).await;
    let customer = given::view(stores, terminal).await.terminal.draft.customer;
    given::enrolled(stores, customer, 10).await;
    rotate(stores, 1, 2).await.unwrap();
    let head = stores.credentials.revocation_head().await.unwrap();
    assert_eq!(stores.credentials.revoke_all(terminal, build::act()).await.unwrap(), 2);
    assert_eq!(stores.credentials.find(token(1)).await.unwrap(), None);
    assert_eq!(stores.credentials.find(token(2)).await.unwrap(), None);
    assert!(stores.credentials.find(token(10)).await.unwrap().is_some());
    let told = revoked_after(stores, head).await;
    assert_eq!(told, BTreeSet::from([token(1), token(2)]));
    assert_eq!(stores.credentials.revoke_all(terminal, build::act()).await.unwrap(), 0);
}

/// The identity of a token follows the terminal to another customer and serial number.
pub async fn a_token_names_the_present_customer(stores: &Stores) {
    let terminal = enrolled(stores).await;
    let other = given::customer(stores, "other").await;
    let mut moved = given::view(stores, terminal).await.terminal;
    moved.draft.customer = other.id;
    moved.draft.serial = build::serial(2);
    stores
        .terminals
        .save(&moved, moved.revision, build::act())
        .await
        .unwrap();
    let agent = stores.credentials.find(token(1)).await.unwrap().unwrap().agent;
    assert_eq!((agent.customer, agent.serial), (other.id, build::serial(2)));
}

/// The feed is in order, honours its limit, and its head is its last place.
pub async fn the_feed_is_in_order(stores: &Stores) {
    assert_eq!(stores.credentials.revocation_head().await.unwrap(), 0);
    assert!(stores.credentials.revocations_after(0, 10).await.unwrap().is_empty());
    enrolled(stores).await;
    for n in 1..6 {
        rotate(stores, n, n + 1).await.unwrap();
    }
    let all = stores.credentials.revocations_after(0, 100).await.unwrap();
    assert!(all.windows(2).all(|pair| pair[0].position < pair[1].position));
    assert_eq!(
        stores.credentials.revocation_head().await.unwrap(),
        all.last().unwrap().position
    );
    let mut walked: Vec<Revocation> = Vec::new();
    loop {
        let from = walked.last().map_or(0, |entry| entry.position);
        let more = stores.credentials.revocations_after(from, 2).await.unwrap();
        assert!(more.len() <= 2);
        if more.is_empty() {
            break;
        }
        walked.extend(more);
    }
    assert_eq!(walked, all);
}

/// A reader that follows the feed while many write misses no entry.
pub async fn the_feed_has_no_late_entries(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let fleet = given::fleet(stores, customer.id, 12).await;
    let is_done = AtomicBool::new(false);
    let writers = async {
        join_all(fleet.iter().map(|terminal| async {
            stores.credentials.revoke_all(*terminal, build::act()).await.unwrap();
        }))
        .await;
        is_done.store(true, Ordering::SeqCst);
    };
    let reader = async {
        let mut followed: Vec<Revocation> = Vec::new();
        loop {
            let is_last_look = is_done.load(Ordering::SeqCst);
            let from = followed.last().map_or(0, |entry| entry.position);
            let more = stores.credentials.revocations_after(from, 5).await.unwrap();
            if more.is_empty() && is_last_look {
                return followed;
            }
            followed.extend(more);
            given::pause().await;
        }
    };
    let ((), followed) = join(writers, reader).await;
    let tokens: BTreeSet<_> = followed.iter().map(|entry| entry.token).collect();
    assert_eq!(tokens, (1..=12).map(token).collect());
    assert_eq!(tokens.len(), followed.len(), "each entry once");
}

/// Dropping forgets the feed and ended tokens; places go on growing, and good tokens stay.
pub async fn dropping_spares_good_tokens(stores: &Stores) {
    enrolled(stores).await;
    rotate(stores, 1, 2).await.unwrap();
    stores.credentials.drop_before(Timestamp::EPOCH).await.unwrap();
    assert!(
        stores.credentials.find(token(1)).await.unwrap().is_some(),
        "it ends later"
    );
    assert_eq!(stores.credentials.revocations_after(0, 10).await.unwrap().len(), 1);
    let head = stores.credentials.revocation_head().await.unwrap();

    assert!(stores.credentials.drop_before(Timestamp::MAX).await.unwrap() >= 1);
    assert_eq!(stores.credentials.find(token(1)).await.unwrap(), None);
    assert!(stores.credentials.find(token(2)).await.unwrap().is_some());
    assert!(stores.credentials.revocations_after(0, 10).await.unwrap().is_empty());
    rotate(stores, 2, 3).await.unwrap();
    let next = stores.credentials.revocations_after(head, 10).await.unwrap();
    assert_eq!(next.len(), 1, "a follower from before the drop sees what comes after");
}
