//! Cases of [`crate::event::EventStore`].

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

use futures::future::{join, join_all};

use crate::{
    Stores,
    event::{Event, EventKind, EventPosition, StoredEvent, store::EventTail},
    testkit::{
        build::{self, NOW, at},
        given,
    },
    time::Timestamp,
};

/// Writes `events` with some change.
async fn write(stores: &Stores, name: &str, events: Vec<Event>) {
    let mut with = build::act();
    with.events = events;
    stores
        .customers
        .insert(&build::customer(name), NOW, with)
        .await
        .unwrap();
}

fn timed(n: i64, secs: i64) -> Event {
    Event {
        at: at(secs),
        ..build::event(n)
    }
}

/// What is written reads back, at both ends of each field, in the order written.
pub async fn every_field_reads_back(stores: &Stores) {
    assert_eq!(stores.events.head().await.unwrap(), EventPosition::default());
    let customer = given::customer(stores, "ABC").await;
    let full = Event {
        kind: EventKind::NewAlert,
        customer: Some(customer.id),
        at: Timestamp::MAX,
        data: serde_json::json!({"text": "新宿 '%_\\ \u{1F600}", "big": i64::MAX, "none": null, "list": [1, {}]}),
    };
    let mut expected = vec![full, build::event(2)];
    for kind in EventKind::ALL {
        expected.push(Event {
            kind: *kind,
            ..build::event(3)
        });
    }
    write(stores, "one", expected.clone()).await;
    let stored = given::events(stores).await;
    let events: Vec<_> = stored.iter().map(|stored| stored.event.clone()).collect();
    assert_eq!(events, expected);
    assert!(stored.windows(2).all(|pair| pair[0].position < pair[1].position));
    let last = stored.last().unwrap().position;
    assert_eq!(stores.events.head().await.unwrap(), last);
    assert_eq!(last.to_string().parse(), Ok(last));
}

/// A tail is bounded by its limit and goes on where it ended.
pub async fn a_tail_goes_on_where_it_ended(stores: &Stores) {
    for n in 0..5 {
        write(
            stores,
            &format!("customer {n}"),
            vec![build::event(n), build::event(n + 10)],
        )
        .await;
    }
    let all = given::events(stores).await;
    assert_eq!(all.len(), 10);
    let mut walked: Vec<StoredEvent> = Vec::new();
    loop {
        let after = walked.last().map_or(EventPosition::default(), |event| event.position);
        let EventTail::Events(more) = stores.events.tail(after, 3).await.unwrap() else {
            panic!("nothing was dropped");
        };
        assert!(more.len() <= 3);
        if more.is_empty() {
            break;
        }
        walked.extend(more);
    }
    assert_eq!(walked, all);
}

/// A reader that follows while many write gets each event once, in order of position.
pub async fn tail_returns_each_event_once_in_order(stores: &Stores) {
    let is_done = AtomicBool::new(false);
    let writers = async {
        join_all((0..24).map(|n| async move {
            write(
                stores,
                &format!("customer {n}"),
                vec![build::event(n), build::event(n + 100)],
            )
            .await;
        }))
        .await;
        is_done.store(true, Ordering::SeqCst);
    };
    let reader = async {
        let mut followed: Vec<StoredEvent> = Vec::new();
        loop {
            let is_last_look = is_done.load(Ordering::SeqCst);
            let after = followed.last().map_or(EventPosition::default(), |event| event.position);
            let EventTail::Events(more) = stores.events.tail(after, 7).await.unwrap() else {
                panic!("nothing was dropped");
            };
            if more.is_empty() && is_last_look {
                return followed;
            }
            followed.extend(more);
            given::pause().await;
        }
    };
    let ((), followed) = join(writers, reader).await;
    assert!(followed.windows(2).all(|pair| pair[0].position < pair[1].position));
    let numbers: Vec<_> = followed
        .iter()
        .map(|stored| stored.event.data["n"].as_i64().unwrap())
        .collect();
    let unique: BTreeSet<_> = numbers.iter().copied().collect();
    assert_eq!(numbers.len(), 48, "each event once");
    assert_eq!(unique, (0..24).chain(100..124).collect());
    for n in 0..24 {
        let place = |wanted| numbers.iter().position(|number| *number == wanted);
        assert!(place(n) < place(n + 100), "events of one change stay in order");
    }
    assert_eq!(stores.events.head().await.unwrap(), followed.last().unwrap().position);
}

/// Who asks for a place before what was dropped is told to read the state and where to follow from.
pub async fn dropped_events_ask_for_resync(stores: &Stores) {
    for (n, secs) in [(1, 10), (2, 20), (3, 30)] {
        write(stores, &format!("customer {n}"), vec![timed(n, secs)]).await;
    }
    let all = given::events(stores).await;
    assert_eq!(stores.events.drop_before(at(10)).await.unwrap(), 0);
    assert_eq!(stores.events.drop_before(at(21)).await.unwrap(), 2);
    for after in [EventPosition::default(), all[0].position] {
        let tail = stores.events.tail(after, 10).await.unwrap();
        let expected = EventTail::Resync { head: all[2].position };
        assert_eq!(tail, expected, "after {after}");
    }
    let tail = stores.events.tail(all[2].position, 10).await.unwrap();
    assert_eq!(tail, EventTail::Events(Vec::new()));
    assert_eq!(stores.events.head().await.unwrap(), all[2].position);
}

/// When everything was dropped, the place to follow from leads on.
pub async fn resync_after_dropping_all_leads_on(stores: &Stores) {
    write(stores, "one", vec![timed(1, 10), timed(2, 10)]).await;
    let last = stores.events.head().await.unwrap();
    assert_eq!(stores.events.drop_before(at(100)).await.unwrap(), 2);
    let head = match stores.events.tail(EventPosition::default(), 10).await.unwrap() {
        EventTail::Resync { head } => head,
        EventTail::Events(events) => panic!("dropped events were skipped silently: {events:?}"),
    };
    for after in [head, last] {
        let tail = stores.events.tail(after, 10).await.unwrap();
        assert_eq!(tail, EventTail::Events(Vec::new()), "after {after}");
    }
    write(stores, "two", vec![timed(3, 200)]).await;
    for after in [head, last] {
        let followed = given::events_after(stores, after).await;
        assert_eq!(followed.len(), 1, "after {after}");
        assert_eq!(followed[0].event, timed(3, 200));
    }
}
