//! Tests of the bounds of live events: how many read, how far behind one may be, and the end.

use std::time::Duration;

use super::*;
use crate::{
    Tms,
    event::{EndReason, Told},
    testkit::{
        ManualClock, MemoryStore,
        build::{self, NOW},
        conformance::live::{Somebody, node, open, write},
    },
};

#[tokio::test(start_paused = true)]
async fn who_falls_out_of_the_ring_is_told_to_read_the_state_and_cut() {
    let stores = MemoryStore::new().stores();
    let node = node(&stores, 8);
    let test = async {
        let mut slow = open(&node, None).await;
        write(&stores, "first", build::event(0)).await;
        assert!(matches!(slow.next().await, Told::Event(_)));
        // It has caught up with those who are live, and from now on it has to keep up.
        let more = tokio::time::timeout(Duration::from_secs(1), slow.next()).await;
        assert!(more.is_err(), "{more:?}");
        for n in 1..=600 {
            write(&stores, &format!("customer {n}"), build::event(n)).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let head = stores.events.head().await.unwrap();
        assert_eq!(slow.next().await, Told::Resync(head));
        assert_eq!(slow.next().await, Told::Over(EndReason::TooSlow));
        assert!(
            node.0.ring().events.len() <= 8,
            "memory does not grow with what is missed"
        );
    };
    tokio::select! {
        () = node.run() => panic!("following never ends"),
        () = test => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_nudge_saves_the_wait() {
    let stores = MemoryStore::new().stores();
    let settings = LiveSettings {
        every: Duration::from_secs(3_600),
        ..LiveSettings::default()
    };
    let node = LiveEvents::new(stores.events.clone(), ManualClock::new(NOW), settings);
    let test = async {
        let mut reader = open(&node, None).await;
        // The first look at the store is over, and the next one far away.
        tokio::time::sleep(Duration::from_secs(1)).await;
        write(&stores, "first", build::event(0)).await;
        let begun = tokio::time::Instant::now();
        node.nudge();
        node.nudge();
        assert!(matches!(reader.next().await, Told::Event(_)));
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    };
    tokio::select! {
        () = node.run() => panic!("following never ends"),
        () = test => {}
    }
}

#[tokio::test]
async fn a_person_has_so_many_streams_and_gets_them_back() {
    let stores = MemoryStore::new().stores();
    let node = node(&stores, 8);
    let test = async {
        let mut held = Vec::new();
        for _ in 0..10 {
            held.push(open(&node, None).await);
        }
        assert_eq!(node.readers(), 10);
        let ctx = build::admin(NOW);
        let more = node
            .open(&ctx, Box::new(Somebody::of(&ctx)), None, EventKinds::new())
            .await;
        assert!(matches!(more, Err(Error::TooMany { .. })), "{more:?}");
        held.pop();
        held.push(open(&node, None).await);
        drop(held);
        assert_eq!(node.readers(), 0);
        assert!(node.0.by_person.lock().unwrap().is_empty());
    };
    tokio::select! {
        () = node.run() => panic!("following never ends"),
        () = test => {}
    }
}

#[tokio::test]
async fn without_the_background_work_there_is_no_stream_and_with_its_end_it_ends() {
    let tms = Tms::builder(MemoryStore::new().stores()).build();
    let ctx = build::admin(tms.now());
    let refused = tms
        .live()
        .open(&ctx, Box::new(Somebody::of(&ctx)), None, EventKinds::new())
        .await;
    assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let work = tms.clone();
    let work = tokio::spawn(async move {
        work.run(async {
            let _ = stopped.await;
        })
        .await;
    });
    let mut reader = open(tms.live(), None).await;
    stop.send(()).unwrap();
    assert_eq!(reader.next().await, Told::Over(EndReason::Closing));
    work.await.unwrap();
}
