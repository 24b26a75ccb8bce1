//! Cases of alerts that are answered together.

use super::{all, apply, plan, terminal};
use crate::{
    Stores,
    alert::{Alert, AlertState, Cause, store::AlertFilter},
    error::StoreError,
    event::EventKind,
    id::AlertId,
    page::{Order, PageRequest},
    testkit::{
        build::{self, at},
        given,
    },
};

const CAUSES: [Cause; 4] = [Cause::Offline, Cause::DeviceError, Cause::HighCpu, Cause::HighDisk];

async fn open(stores: &Stores) -> Vec<Alert> {
    let (terminal, customer) = terminal(stores).await;
    let fence = given::fence(stores).await;
    apply(stores, plan(terminal, customer, &CAUSES, at(1)), fence).await;
    all(stores).await
}

/// All of them change, each with its own revision, with one envelope; or none does.
pub async fn many_are_saved_together_or_not_at_all(stores: &Stores) {
    let mut next = open(stores).await;
    let head = given::events(stores).await.last().unwrap().position;
    for alert in &mut next {
        alert.acknowledge("one", at(2)).unwrap();
    }
    next[1].resolve("one", Some("交換済み".to_owned()), at(3)).unwrap();
    stores.alerts.save_many(&next, build::act_with_event(1)).await.unwrap();
    let saved: Vec<_> = next
        .iter()
        .cloned()
        .map(|alert| Alert {
            revision: alert.revision.next(),
            ..alert
        })
        .collect();
    let mut stored = all(stores).await;
    stored.sort_by_key(|alert| alert.id);
    let mut expected = saved.clone();
    expected.sort_by_key(|alert| alert.id);
    assert_eq!(stored, expected);
    let told = given::events_after(stores, head).await;
    assert_eq!(
        told.iter().map(|stored| stored.event.kind).collect::<Vec<_>>(),
        [EventKind::AlertUpdate]
    );

    let mut stale = saved.clone();
    stale[0].resolve("two", None, at(4)).unwrap();
    stale[3].revision = next[3].revision;
    refused!(
        stores.alerts.save_many(&stale, build::act_with_event(2)).await,
        StoreError::Stale(_)
    );
    let mut unknown = saved;
    unknown[3].id = AlertId::new(999_999).unwrap();
    missing!(
        stores.alerts.save_many(&unknown, build::act_with_event(2)).await,
        "alert"
    );
    let fenced = given::fenced_act(stores).await;
    refused!(stores.alerts.save_many(&unknown, fenced).await, StoreError::Fenced);
    assert_eq!(
        given::events_after(stores, head).await.len(),
        1,
        "a refusal tells nothing"
    );
    assert_eq!(
        all(stores)
            .await
            .iter()
            .filter(|alert| alert.state == AlertState::Resolved)
            .count(),
        1
    );
}

/// A list of chosen alerts has those and no others, however many are chosen.
pub async fn ids_narrow_a_list(stores: &Stores) {
    let alerts = open(stores).await;
    let list = async |ids: Vec<AlertId>| {
        let filter = AlertFilter {
            ids: Some(ids),
            ..AlertFilter::default()
        };
        let page = PageRequest::first(10_001);
        let found = stores.alerts.list(&filter, Order::Ascending, &page).await.unwrap();
        found.items.iter().map(|alert| alert.id).collect::<Vec<_>>()
    };
    let mut two = vec![alerts[0].id, alerts[2].id];
    two.sort_unstable();
    assert_eq!(list(two.clone()).await, two);
    assert_eq!(list(Vec::new()).await, []);
    let many = (1_000_000..1_009_998)
        .map(|n| AlertId::new(n).unwrap())
        .chain(two.clone())
        .collect();
    assert_eq!(list(many).await, two);
}
