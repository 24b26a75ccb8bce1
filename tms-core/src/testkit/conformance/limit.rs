//! Cases of [`crate::limit::LimitStore`].

use futures::future::join_all;

use crate::{
    Stores,
    limit::store::{LimitKind, LimitUse},
    testkit::build::{NOW, at},
    time::Timestamp,
};

const SECOND: i64 = 1_000_000;

fn taken(kind: LimitKind, key: i64, seconds: i64) -> LimitUse {
    LimitUse {
        kind,
        key,
        used_micros: seconds * SECOND,
    }
}

async fn charge(stores: &Stores, uses: &[LimitUse], now: Timestamp) -> Vec<Timestamp> {
    stores.limits.charge(uses, now).await.unwrap()
}

/// Nodes that take at the same time, in whatever order they name the buckets, take from the same buckets.
pub async fn what_nodes_take_adds_up(stores: &Stores) {
    let keys = [1, -2, i64::MAX, i64::MIN, 0];
    let nodes = (0..10).map(|node| async move {
        let mut uses: Vec<_> = keys.iter().map(|key| taken(LimitKind::SignIn, *key, 1)).collect();
        if node % 2 == 0 {
            uses.reverse();
        }
        charge(stores, &uses, NOW).await
    });
    join_all(nodes).await;
    let uses = [
        taken(LimitKind::SignIn, -2, 2),
        taken(LimitKind::Operator, 1, 3),
        taken(LimitKind::SignIn, 1, 0),
    ];
    assert_eq!(charge(stores, &uses, NOW).await, [at(12), at(3), at(10)]);
    assert_eq!(charge(stores, &[], NOW).await, []);
}

/// What has flowed back is forgotten: an old bucket counts from now.
pub async fn a_full_bucket_begins_anew(stores: &Stores) {
    let uses = [taken(LimitKind::Anonymous, 7, 5)];
    assert_eq!(charge(stores, &uses, NOW).await, [at(5)]);
    assert_eq!(charge(stores, &uses, at(3)).await, [at(10)]);
    assert_eq!(charge(stores, &uses, at(100)).await, [at(105)]);
}

/// Upkeep drops the buckets that are full, and no others.
pub async fn full_buckets_are_forgotten(stores: &Stores) {
    let uses = [taken(LimitKind::SignIn, 1, 5), taken(LimitKind::Enrolment, 1, 50)];
    charge(stores, &uses, NOW).await;
    assert_eq!(stores.limits.drop_full(at(5)).await.unwrap(), 1);
    assert_eq!(stores.limits.drop_full(at(5)).await.unwrap(), 0);
    assert_eq!(
        charge(stores, &[taken(LimitKind::Enrolment, 1, 1)], at(5)).await,
        [at(51)]
    );
}
