//! The sweep, led by one node after another.

use std::sync::Arc;

use tms_core::{
    Stores,
    alert::store::AlertFilter,
    heartbeat::plan::BatchRules,
    lease::Fence,
    page::{Order, PageRequest},
    presence::reconcile::PresenceSweep,
    testkit::{
        MemoryStore,
        build::{self, at},
        given,
    },
};

fn rules() -> BatchRules {
    let mut rules = BatchRules::default();
    rules.presence.mass_loss_minimum = 2;
    rules
}

async fn open_alerts(stores: &Stores) -> usize {
    let filter = AlertFilter {
        is_resolved: Some(false),
        ..AlertFilter::default()
    };
    let page = PageRequest::first(10);
    let found = stores.alerts.list(&filter, Order::Ascending, &page).await.unwrap();
    found.items.iter().filter(|alert| alert.terminal.is_none()).count()
}

#[tokio::test]
async fn the_alert_of_a_leader_that_is_gone_is_resolved_by_the_next() {
    let store = MemoryStore::new();
    let stores = store.stores();
    let customer = given::customer(&stores, "ABC").await.id;
    let fleet = given::fleet(&stores, customer, 3).await;
    let heard = async |second| {
        let beats: Vec<_> = fleet
            .iter()
            .map(|terminal| build::beat(*terminal, at(second)))
            .collect();
        given::beats(&stores, &beats).await;
    };
    let alive = async |from: i64, to: i64| {
        for second in (from..to).step_by(10) {
            stores.presence.stamp_alive(at(second)).await.unwrap();
        }
    };
    let sweep = || PresenceSweep::new(Arc::clone(&stores.presence), Arc::clone(&stores.alerts));
    let first = given::fence(&stores).await;
    let (old, new) = (sweep(), sweep());
    heard(1).await;
    alive(1, 2_000).await;
    let report = old.tick(at(2_000), first, &rules()).await.unwrap();
    assert_eq!((report.held, open_alerts(&stores).await), (3, 1));
    heard(2_001).await;
    let second = Fence {
        token: first.token + 1,
        ..first
    };
    let taken = stores
        .leases
        .acquire("sweep", "node-2", at(2_002), std::time::Duration::from_secs(60))
        .await;
    assert_eq!(taken.unwrap(), Some(second), "the lease of the first has run out");
    new.tick(at(2_003), second, &rules()).await.unwrap();
    assert_eq!(open_alerts(&stores).await, 0);
}
