//! Cases of [`crate::lease::LeaseStore`].

use std::time::Duration;

use futures::future::join_all;

use crate::{
    Stores,
    envelope::Envelope,
    error::StoreError,
    lease::Fence,
    testkit::{
        build::{self, NOW, at},
        given,
    },
};

async fn acquire(stores: &Stores, lease: &'static str, holder: &str, secs: i64) -> Option<Fence> {
    let ttl = Duration::from_secs(10);
    stores.leases.acquire(lease, holder, at(secs), ttl).await.unwrap()
}

async fn write(stores: &Stores, name: &str, fence: Fence) -> Result<(), StoreError> {
    let with = Envelope::fenced(fence);
    stores
        .customers
        .insert(&build::customer(name), NOW, with)
        .await
        .map(|_| ())
}

/// The holder renews and keeps its token; others wait.
pub async fn renewing_keeps_the_token(stores: &Stores) {
    let fence = acquire(stores, "sweep", "one", 0).await.unwrap();
    assert_eq!(fence.lease, "sweep");
    assert!(fence.token > 0);
    assert_eq!(acquire(stores, "sweep", "two", 5).await, None);
    assert_eq!(acquire(stores, "sweep", "one", 5).await, Some(fence));
    assert_eq!(
        acquire(stores, "sweep", "two", 14).await,
        None,
        "renewed until second 15"
    );
    write(stores, "a", fence).await.unwrap();
}

/// Who takes over gets a new token, and the old leader's writes are refused.
pub async fn takeover_fences_the_old_leader(stores: &Stores) {
    let old = acquire(stores, "sweep", "one", 0).await.unwrap();
    let new = acquire(stores, "sweep", "two", 20).await.unwrap();
    assert!(new.token > old.token);
    refused!(write(stores, "a", old).await, StoreError::Fenced);
    write(stores, "b", new).await.unwrap();
    assert_eq!(acquire(stores, "sweep", "one", 21).await, None);
    let again = acquire(stores, "sweep", "one", 40).await.unwrap();
    assert!(again.token > new.token);
    for fence in [old, new] {
        refused!(write(stores, "c", fence).await, StoreError::Fenced);
    }
    assert_eq!(stores.customers.find_by_name("a").await.unwrap(), None);
}

/// A leader whose time ran out may write until another takes over.
pub async fn an_expired_leader_writes_until_takeover(stores: &Stores) {
    let fence = acquire(stores, "sweep", "one", 0).await.unwrap();
    write(stores, "a", fence).await.unwrap();
    acquire(stores, "other", "two", 100).await.unwrap();
    write(stores, "b", fence).await.unwrap();
}

/// A lease that was given back is free at once; giving back an old one changes nothing.
pub async fn a_released_lease_is_free_at_once(stores: &Stores) {
    let first = acquire(stores, "sweep", "one", 0).await.unwrap();
    stores.leases.release(first).await.unwrap();
    let second = acquire(stores, "sweep", "two", 1).await.unwrap();
    assert!(second.token > first.token);
    refused!(write(stores, "a", first).await, StoreError::Fenced);
    stores.leases.release(first).await.unwrap();
    assert_eq!(acquire(stores, "sweep", "one", 2).await, None);
    write(stores, "b", second).await.unwrap();
}

/// Leases of other names do not touch each other.
pub async fn leases_are_independent(stores: &Stores) {
    let sweep = acquire(stores, "sweep", "one", 0).await.unwrap();
    let alerts = acquire(stores, "alerts", "two", 0).await.unwrap();
    for fence in [sweep, alerts] {
        write(stores, fence.lease, fence).await.unwrap();
    }
    let swapped = Fence {
        lease: "no such lease",
        token: sweep.token,
    };
    refused!(write(stores, "c", swapped).await, StoreError::Fenced);
}

/// Of nodes that reach for a free lease at one time, one gets it.
pub async fn one_of_parallel_nodes_leads(stores: &Stores) {
    for round in 0..3 {
        let holders: Vec<_> = (0..6).map(|n| format!("node-{n}")).collect();
        let taken = join_all(
            holders
                .iter()
                .map(|holder| acquire(stores, "sweep", holder, round * 100)),
        )
        .await;
        assert_eq!(taken.iter().flatten().count(), 1, "{taken:?}");
    }
    let fence = given::lead(stores, "other", "one").await;
    write(stores, "a", fence).await.unwrap();
}
