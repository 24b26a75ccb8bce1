//! Cases of [`crate::idempotency::IdempotencyStore`] and of the record in an envelope.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use crate::{
    Stores,
    envelope::Envelope,
    error::StoreError,
    id::CustomerId,
    idempotency::{IdempotencyKey, KEPT},
    page::PageRequest,
    testkit::{
        build::{self, NOW},
        given,
    },
    time::Timestamp,
};

fn with(caller: &str, text: &str, at: Timestamp) -> Envelope {
    let key = IdempotencyKey::new(caller.to_owned(), text, build::hash("request", 1).0).unwrap();
    let mut with = build::act_with_event(1);
    with.idempotency = Some(Box::new(key.record(json!({ "text": "新宿", "n": 1 }), at)));
    with
}

async fn codes(stores: &Stores, customer: CustomerId) -> usize {
    let page = stores.enrolment.list(Some(customer), &PageRequest::first(100)).await;
    page.unwrap().items.len()
}

/// What is remembered reads back, with the id that the store has given.
pub async fn a_remembered_answer_reads_back(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let code = build::code(customer.id, 1);
    let made = stores.enrolment.insert(&code, NOW, with("one", "key", NOW)).await;
    let known = stores.idempotency.find("one", "key", NOW).await.unwrap().unwrap();
    assert_eq!(known.created, Some(made.unwrap().id.get()));
    assert_eq!(known.answer, json!({ "text": "新宿", "n": 1 }));
    assert_eq!(known.request, build::hash("request", 1).0);
    assert_eq!(stores.idempotency.find("two", "key", NOW).await.unwrap(), None);
    assert_eq!(stores.idempotency.find("one", "KEY", NOW).await.unwrap(), None);
}

/// Twenty calls with one key at the same time: one has the effect, the others are refused.
pub async fn twenty_at_once_have_one_effect(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let calls = (1..=20).map(|n| async move {
        let code = build::code(customer.id, n);
        loop {
            match stores.enrolment.insert(&code, NOW, with("one", "key", NOW)).await {
                Ok(_) => return true,
                Err(StoreError::Repeated) if stores.idempotency.find("one", "key", NOW).await.unwrap().is_some() => {
                    return false;
                }
                Err(StoreError::Repeated) => given::pause().await,
                Err(error) => panic!("{error:?}"),
            }
        }
    });
    let winners = join_all(calls).await.into_iter().filter(|won| *won).count();
    assert_eq!(winners, 1);
    assert_eq!(codes(stores, customer.id).await, 1);
    assert_eq!(given::events(stores).await.len(), 1);
}

/// A used key refuses the change, its audit entry and its events; the same text of another caller is free.
pub async fn a_used_key_changes_nothing(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let insert = |n, with| {
        let code = build::code(customer.id, n);
        async move { stores.enrolment.insert(&code, NOW, with).await }
    };
    insert(1, with("one", "key", NOW)).await.unwrap();
    refused!(insert(2, with("one", "key", NOW)).await, StoreError::Repeated);
    // The key is looked at before what the change itself runs into.
    refused!(insert(1, with("one", "key", NOW)).await, StoreError::Repeated);
    let draft = build::terminal(customer.id, 1);
    let other = stores.terminals.insert(&draft, NOW, with("one", "key", NOW)).await;
    refused!(other, StoreError::Repeated);
    assert_eq!(codes(stores, customer.id).await, 1);
    assert_eq!(given::counts(stores).await.total(), 0);
    insert(2, with("two", "key", NOW)).await.unwrap();
    insert(3, with("one", "other", NOW)).await.unwrap();
    assert_eq!(given::events(stores).await.len(), 3);
}

/// A change that is refused does not use the key up.
pub async fn a_refused_change_leaves_the_key_free(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    given::registered(stores, customer.id, 1).await;
    let taken = build::terminal(customer.id, 1);
    let taken = stores.terminals.insert(&taken, NOW, with("one", "key", NOW)).await;
    refused!(taken, StoreError::Duplicate(_));
    assert_eq!(stores.idempotency.find("one", "key", NOW).await.unwrap(), None);
    let free = build::terminal(customer.id, 2);
    stores
        .terminals
        .insert(&free, NOW, with("one", "key", NOW))
        .await
        .unwrap();
}

/// After a day a key is as good as new, whether upkeep was there or not.
pub async fn a_forgotten_key_is_free(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let later = NOW.plus(KEPT);
    let insert = |n, at| {
        let code = build::code(customer.id, n);
        async move { stores.enrolment.insert(&code, NOW, with("one", "key", at)).await }
    };
    insert(1, NOW).await.unwrap();
    refused!(
        insert(2, later.minus(Duration::from_secs(1))).await,
        StoreError::Repeated
    );
    assert_eq!(stores.idempotency.find("one", "key", later).await.unwrap(), None);
    let second = insert(2, later).await.unwrap();
    let known = stores.idempotency.find("one", "key", later).await.unwrap().unwrap();
    assert_eq!(known.created, Some(second.id.get()));
}

/// Upkeep drops what is forgotten, a part at a time, and nothing else.
pub async fn dropping_spares_young_keys(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    for n in 1..=5 {
        let code = build::code(customer.id, n);
        let at = if n == 5 { NOW.plus(KEPT) } else { NOW };
        let with = with("one", &format!("key-{n}"), at);
        stores.enrolment.insert(&code, NOW, with).await.unwrap();
    }
    let now = NOW.plus(KEPT);
    let mut dropped = Vec::new();
    for _ in 0..3 {
        dropped.push(stores.idempotency.drop_forgotten(now, 3).await.unwrap());
    }
    assert_eq!(dropped, [3, 1, 0]);
    assert!(stores.idempotency.find("one", "key-5", now).await.unwrap().is_some());
}
