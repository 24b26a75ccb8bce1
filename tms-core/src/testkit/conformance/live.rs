//! Cases of [`crate::event::LiveEvents`] over the stored stream: what a reader of any node is promised.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::future::{join, join3};

use crate::{
    Stores,
    ctx::{Actor, Ctx, OperatorIdentity},
    error::Error,
    event::{
        EndReason, Event, EventKind, EventKinds, EventPosition, EventReader, Identify, LiveEvents, LiveSettings, Told,
    },
    permission::Role,
    testkit::{
        ManualClock,
        build::{self, NOW},
        given,
    },
};

/// A person who may be changed while they read; `None` once they are signed out.
#[derive(Debug, Clone)]
pub(crate) struct Somebody(Arc<Mutex<Option<OperatorIdentity>>>);

impl Somebody {
    pub(crate) fn of(ctx: &Ctx) -> Self {
        let Actor::Operator(person) = &ctx.actor else {
            panic!("a person");
        };
        Self(Arc::new(Mutex::new(Some(person.clone()))))
    }

    pub(crate) fn becomes(&self, ctx: Option<&Ctx>) {
        let next = ctx.and_then(|ctx| Self::of(ctx).identity());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }

    fn identity(&self) -> Option<OperatorIdentity> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Identify for Somebody {
    async fn identify(&self) -> Result<OperatorIdentity, Error> {
        self.identity().ok_or(Error::InvalidToken)
    }
}

/// Makes the live events of a node that is quicker than usual.
pub(crate) fn node(stores: &Stores, kept: usize) -> LiveEvents {
    let settings = LiveSettings {
        kept,
        every: Duration::from_millis(5),
        check_every: Duration::from_millis(20),
        ..LiveSettings::default()
    };
    LiveEvents::new(stores.events.clone(), ManualClock::new(NOW), settings)
}

/// Opens a stream for an administrator.
pub(crate) async fn open(node: &LiveEvents, after: Option<EventPosition>) -> EventReader {
    let ctx = build::admin(NOW);
    loop {
        let person = Box::new(Somebody::of(&ctx));
        match node.open(&ctx, person, after, EventKinds::new()).await {
            Ok(reader) => return reader,
            Err(Error::Unavailable { .. }) => given::pause().await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Writes an event with some change.
pub(crate) async fn write(stores: &Stores, name: &str, event: Event) {
    let with = build::act().with_event(event);
    stores
        .customers
        .insert(&build::customer(name), NOW, with)
        .await
        .unwrap();
}

fn number(told: Told) -> i64 {
    match told {
        Told::Event(stored) => stored.event.data["n"].as_i64().unwrap(),
        other => panic!("expected an event, got {other:?}"),
    }
}

/// A stream that is cut two hundred times and taken up now on this node, now on that, tells each event once and in
/// order; so does one that is never cut.
pub async fn a_stream_that_is_cut_loses_nothing(stores: &Stores) {
    const EVENTS: i64 = 300;
    let nodes = [node(stores, 4_096), node(stores, 4_096)];
    let steady = async {
        let mut reader = open(&nodes[0], Some(EventPosition::default())).await;
        let mut seen = Vec::new();
        for _ in 0..EVENTS {
            seen.push(number(reader.next().await));
        }
        seen
    };
    let cut = async {
        let (mut seen, mut place) = (Vec::new(), EventPosition::default());
        for cut in 0..200_usize {
            let mut reader = open(&nodes[cut % 2], Some(place)).await;
            for _ in 0..=cut % 3 {
                if seen.len() < usize::try_from(EVENTS).unwrap() {
                    seen.push(number(reader.next().await));
                }
            }
            place = reader.place();
        }
        seen
    };
    let write_all = async {
        for n in 0..EVENTS {
            write(stores, &format!("customer {n}"), build::event(n)).await;
        }
    };
    tokio::select! {
        _ = join(nodes[0].run(), nodes[1].run()) => panic!("following never ends"),
        ((), steady, cut) = join3(write_all, steady, cut) => {
            let all: Vec<_> = (0..EVENTS).collect();
            assert_eq!(steady, all, "without a cut");
            assert_eq!(cut, all, "with two hundred cuts");
        }
    }
}

/// A stream that is taken up at a place that is no longer kept says so, and goes on with what comes.
pub async fn a_place_that_is_gone_asks_for_resync(stores: &Stores) {
    write(stores, "one", build::event(1)).await;
    write(stores, "two", build::event(2)).await;
    let mut node = node(stores, 4_096);
    assert_eq!(stores.events.drop_before(build::at(1)).await.unwrap(), 2);
    let test = async |node: &LiveEvents| {
        let mut reader = open(node, Some(EventPosition::default())).await;
        let head = match reader.next().await {
            Told::Resync(head) => head,
            other => panic!("{other:?}"),
        };
        assert_eq!(reader.place(), head);
        write(stores, "three", build::event(3)).await;
        assert_eq!(number(reader.next().await), 3);
    };
    let followed = node.clone();
    tokio::select! {
        () = followed.run() => panic!("following never ends"),
        () = test(&mut node) => {}
    }
}

/// A person who is bound to a customer hears of that customer's things only, and of nothing else.
pub async fn a_bound_reader_hears_of_its_customer(stores: &Stores) {
    let (own, other) = (
        given::customer(stores, "own").await,
        given::customer(stores, "other").await,
    );
    let node = node(stores, 4_096);
    let ctx = build::person(Role::Viewer, Some(own.id), NOW);
    let test = async {
        drop(open(&node, None).await);
        let person = Box::new(Somebody::of(&ctx));
        let mut reader = node.open(&ctx, person, None, EventKinds::new()).await.unwrap();
        for (n, customer) in [
            (1, Some(other.id)),
            (2, None),
            (3, Some(own.id)),
            (4, Some(other.id)),
            (5, Some(own.id)),
        ] {
            let event = Event {
                customer,
                ..build::event(n)
            };
            write(stores, &format!("customer {n}"), event).await;
        }
        assert_eq!(number(reader.next().await), 3);
        assert_eq!(number(reader.next().await), 5);
    };
    tokio::select! {
        () = node.run() => panic!("following never ends"),
        () = test => {}
    }
}

/// Who is bound to a customer while reading is told no other's events from then on; who is signed out is told nothing.
pub async fn a_change_of_rights_acts_on_open_streams(stores: &Stores) {
    let own = given::customer(stores, "own").await;
    let node = node(stores, 4_096);
    let admin = build::admin(NOW);
    let somebody = Somebody::of(&admin);
    let test = async {
        drop(open(&node, None).await);
        let kinds = EventKinds::from([EventKind::AlertUpdate]);
        let mut reader = node
            .open(&admin, Box::new(somebody.clone()), None, kinds)
            .await
            .unwrap();
        write(stores, "one", build::event(1)).await;
        assert_eq!(number(reader.next().await), 1);
        somebody.becomes(Some(&build::person(Role::Viewer, Some(own.id), NOW)));
        tokio::time::sleep(Duration::from_millis(25)).await;
        write(stores, "two", build::event(2)).await;
        let event = Event {
            customer: Some(own.id),
            ..build::event(3)
        };
        let other_kind = Event {
            kind: EventKind::NewAlert,
            ..event.clone()
        };
        write(stores, "three", other_kind).await;
        write(stores, "four", event).await;
        assert_eq!(number(reader.next().await), 3);
        somebody.becomes(None);
        assert_eq!(reader.next().await, Told::Over(EndReason::SignedOut));
        assert_eq!(reader.next_ready(), None);
    };
    tokio::select! {
        () = node.run() => panic!("following never ends"),
        () = test => {}
    }
}
