//! Cases of our own outages.

use futures::future::join_all;

use crate::{Stores, presence::Outage, testkit::build::at, time::Timestamp};

async fn stamp(stores: &Stores, secs: i64) -> Option<Outage> {
    stores.presence.stamp_alive(at(secs)).await.unwrap()
}

/// A gap of more than 15 s between the notes of all nodes is an outage, told once and kept.
pub async fn a_gap_between_stamps_is_an_outage(stores: &Stores) {
    assert_eq!(stamp(stores, 0).await, None, "the first note closes no gap");
    assert_eq!(stamp(stores, 15).await, None);
    let first = Outage {
        from: at(15),
        to: at(31),
    };
    assert_eq!(stamp(stores, 31).await, Some(first));
    assert_eq!(stamp(stores, 31).await, None);
    let second = Outage {
        from: at(31),
        to: at(1_000),
    };
    assert_eq!(stamp(stores, 1_000).await, Some(second));
    assert_eq!(
        stores.presence.outages(Timestamp::EPOCH).await.unwrap(),
        [first, second]
    );
    assert_eq!(stores.presence.outages(at(30)).await.unwrap(), [first, second]);
    assert_eq!(
        stores.presence.outages(at(31)).await.unwrap(),
        [second],
        "those that ended after"
    );
    assert!(stores.presence.outages(at(1_000)).await.unwrap().is_empty());
}

/// Two nodes that note in turn leave no gap although each alone would.
pub async fn stamps_of_two_nodes_close_the_gap(stores: &Stores) {
    for secs in [0, 10, 20, 30, 40] {
        assert_eq!(stamp(stores, secs).await, None);
    }
    assert!(stores.presence.outages(Timestamp::EPOCH).await.unwrap().is_empty());
}

/// A note with an earlier time changes nothing.
pub async fn a_stamp_never_goes_back(stores: &Stores) {
    stamp(stores, 100).await;
    assert_eq!(stamp(stores, 0).await, None);
    assert_eq!(
        stamp(stores, 110).await,
        None,
        "the last note is still the one of second 100"
    );
    assert!(stores.presence.outages(Timestamp::EPOCH).await.unwrap().is_empty());
}

/// Nodes that come back at one time record one outage.
pub async fn parallel_stamps_record_one_outage(stores: &Stores) {
    stamp(stores, 0).await;
    let stamps = join_all((0..6).map(|_| stamp(stores, 60))).await;
    assert_eq!(stamps.iter().flatten().count(), 1, "{stamps:?}");
    assert_eq!(stores.presence.outages(Timestamp::EPOCH).await.unwrap().len(), 1);
}
