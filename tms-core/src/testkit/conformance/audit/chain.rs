//! Cases of the chain.

use super::{entry, keys, record};
use crate::{
    Ctx, Stores, Tms,
    audit::{
        AuditEntry, AuditKeys,
        reconcile::{seal, trim},
        verify::{FindingKind, Verification},
    },
    error::StoreError,
    key::SecretKeys,
    testkit::{
        build::{NOW, at},
        given,
    },
    time::Timestamp,
};

async fn verified(stores: &Stores, keys: SecretKeys) -> Verification {
    let tms = Tms::builder(stores.clone()).secret_keys(keys).build();
    tms.audit().verify(&Ctx::system(NOW), None).await.unwrap()
}

fn secret() -> SecretKeys {
    SecretKeys::new(super::SECRET)
}

/// A sealer that lost the lease neither links nor drops.
pub async fn a_fenced_sealer_links_nothing(stores: &Stores) {
    let lost = given::fenced_off(stores).await;
    record(stores, vec![entry()]).await;
    let keys = AuditKeys::public();
    refused!(seal(&*stores.audit, &keys, lost).await, StoreError::Fenced);
    assert_eq!(stores.audit.pending(10).await.unwrap().len(), 1);
    let fence = given::fence(stores).await;
    seal(&*stores.audit, &keys, fence).await.unwrap();
    refused!(
        trim(&*stores.audit, &keys, at(1_000), NOW, lost).await,
        StoreError::Fenced
    );
    assert_eq!(stores.audit.links(0, 10).await.unwrap().len(), 1);
    assert_eq!(stores.audit.chain_end().await.unwrap().checkpoint, None);
}

/// A trail that nobody has touched verifies: empty, unsealed and sealed. Every store gives the same hashes.
pub async fn an_untouched_trail_verifies(stores: &Stores) {
    let empty = verified(stores, secret()).await;
    assert!(
        empty.is_intact() && empty.sealed == 0 && empty.head.place == 0,
        "{empty:?}"
    );
    record(stores, vec![entry(); 3]).await;
    let waiting = verified(stores, secret()).await;
    assert!(waiting.is_intact(), "{waiting:?}");
    assert_eq!((waiting.sealed, waiting.unsealed), (0, 3));
    assert_eq!(waiting.oldest_unsealed, Some(entry().at));
    let fence = given::fence(stores).await;
    seal(&*stores.audit, &keys(), fence).await.unwrap();
    record(stores, vec![entry()]).await;
    let seen = verified(stores, secret()).await;
    assert!(seen.is_intact(), "{seen:?}");
    assert_eq!((seen.sealed, seen.unsealed, seen.head.place), (3, 1, 3));
    assert_eq!(seen.head, stores.audit.chain_end().await.unwrap().head);
    // The same entries under the same ids, in every store and in every release.
    assert_eq!(
        seen.head.hash.to_string(),
        "f8e75e09c04e1b4945cddea00fb2f6fd4cfa33a9fa1929926c02dee6177d8893"
    );
}

/// Retention drops the beginning, whole and in order, and what stays verifies from the checkpoint on.
pub async fn a_trimmed_chain_verifies(stores: &Stores) {
    stores.audit.use_keys(keys());
    let aged = |days: i64| AuditEntry {
        at: Timestamp::from_micros(NOW.as_micros() - days * 86_400_000_000),
        ..entry()
    };
    let keys = keys();
    let fence = given::fence(stores).await;
    let trim = |days: i64| trim(&*stores.audit, &keys, aged(days).at, NOW, fence);
    // The sixth is old, but stands behind a young one.
    let ages = [90, 80, 70, 60, 40, 80, 10, 0];
    record(stores, ages.iter().map(|days| aged(*days)).collect()).await;
    assert_eq!(trim(50).await.unwrap(), 0, "nothing is sealed");
    seal(&*stores.audit, &keys, fence).await.unwrap();
    let before = verified(stores, secret()).await;
    assert_eq!(trim(91).await.unwrap(), 0, "nothing is so old");
    assert_eq!(trim(65).await.unwrap(), 3);
    assert_eq!(trim(50).await.unwrap(), 1);
    assert_eq!(trim(50).await.unwrap(), 0, "again drops nothing more");
    let seen = verified(stores, secret()).await;
    assert!(seen.is_intact(), "{seen:?}");
    assert_eq!((seen.sealed, seen.dropped_to, seen.head), (4, 4, before.head));
    assert_eq!(given::audit(stores).await.len(), 4);
    assert_eq!(trim(35).await.unwrap(), 2);
    record(stores, vec![entry()]).await;
    seal(&*stores.audit, &keys, fence).await.unwrap();
    let seen = verified(stores, secret()).await;
    assert!(seen.is_intact(), "{seen:?}");
    assert_eq!((seen.sealed, seen.dropped_to, seen.head.place), (3, 6, 9));
}

/// What an older key has signed verifies with the key before, and afterwards through what the present one has sealed.
pub async fn replaced_keys_verify(stores: &Stores) {
    let fence = given::fence(stores).await;
    let secrets = [
        SecretKeys::new("one"),
        SecretKeys::new("two").with_previous("one"),
        SecretKeys::new("three").with_previous("two"),
    ];
    for secret in &secrets {
        let seen = verified(stores, secret.clone()).await;
        assert!(seen.is_intact(), "{seen:?}");
        record(stores, vec![entry(); 2]).await;
        seal(&*stores.audit, &AuditKeys::new(secret), fence).await.unwrap();
    }
    let seen = verified(stores, secrets[2].clone()).await;
    assert!(seen.is_intact(), "{seen:?}");
    assert_eq!((seen.sealed, seen.older_key), (6, 2));
    let foreign = verified(stores, SecretKeys::new("four")).await;
    assert_eq!(foreign.finding.unwrap().kind, FindingKind::UnknownKey);
}
