//! A whole node over a store, with a clock that the case moves: silence, our own silence, and coming back.

use std::sync::Arc;

use crate::{
    Stores, Tms,
    alert::{Alert, AlertState, Cause, store::AlertFilter},
    id::TerminalId,
    page::{Order, PageRequest},
    presence::Status,
    testkit::{
        ManualClock,
        build::{self, INTERVAL_S, NOW, at},
        given,
    },
};

struct Node<'s> {
    stores: &'s Stores,
    tms: Tms,
    clock: Arc<ManualClock>,
}

impl<'s> Node<'s> {
    fn new(stores: &'s Stores) -> Self {
        let clock = ManualClock::new(NOW);
        let tms = Tms::builder(stores.clone()).clock(clock.clone()).build();
        Self { stores, tms, clock }
    }

    /// Does every reconciler's work at this second.
    async fn tick(&self, second: i64) {
        self.clock.set(at(second));
        self.tms.tick().await.unwrap();
    }

    /// Is there, without a gap, from one second to another.
    async fn live(&self, from: i64, to: i64) {
        for second in (from..to).step_by(10) {
            self.stores.presence.stamp_alive(at(second)).await.unwrap();
        }
        self.tick(to).await;
    }

    async fn beat(&self, terminal: TerminalId, second: i64) {
        given::beats(self.stores, &[build::beat(terminal, at(second))]).await;
    }

    /// Returns the second at which silence becomes loss: by the interval that the last answer named, which is the
    /// terminal's own less a jitter.
    async fn deadline(&self, terminal: TerminalId) -> i64 {
        let row = given::presence(self.stores, terminal).await;
        let answered = i64::from(row.next_s);
        let heard = row.last_seen.expect("it was heard").as_micros() - NOW.as_micros();
        assert!((i64::from(INTERVAL_S) * 9 / 10..=i64::from(INTERVAL_S)).contains(&answered));
        heard / 1_000_000 + 2 * answered + 60
    }

    async fn status(&self, terminal: TerminalId) -> Status {
        given::view(self.stores, terminal).await.presence.status
    }

    async fn alerts(&self) -> Vec<Alert> {
        let (filter, page) = (AlertFilter::default(), PageRequest::first(100));
        let found = self.stores.alerts.list(&filter, Order::Ascending, &page);
        found.await.unwrap().items
    }
}

/// A terminal that stops is offline at its deadline, with one alert however often anybody looks; its next heartbeat
/// brings it back and resolves the alert.
pub async fn silence_is_one_alert_and_a_heartbeat_ends_it(stores: &Stores) {
    let node = Node::new(stores);
    let customer = given::customer(stores, "ABC").await;
    let fleet = given::fleet(stores, customer.id, 2).await;
    let mut begin = 0;
    node.tick(begin).await;
    for losses in 1..=2 {
        let (silent, other) = (fleet[0], fleet[1]);
        node.beat(silent, begin).await;
        node.live(begin, begin + 400).await;
        node.beat(other, begin + 400).await;
        let deadline = node.deadline(silent).await;
        node.live(begin + 400, deadline).await;
        assert_eq!(node.status(silent).await, Status::Online, "at the deadline");
        assert_eq!(node.alerts().await.len(), losses - 1);
        let mut now = deadline;
        for second in [deadline + 1, deadline + 2, deadline + 300] {
            node.live(now, second).await;
            now = second;
            node.beat(other, second).await;
            assert_eq!(node.status(silent).await, Status::Offline);
            let alerts = node.alerts().await;
            let last = alerts.last().unwrap();
            assert_eq!(alerts.len(), losses, "one for each loss");
            assert_eq!((last.terminal, last.cause), (Some(silent), Cause::Offline));
            assert_eq!(last.state, AlertState::Open);
        }
        begin = now + 10;
        node.beat(silent, begin).await;
        assert_eq!(node.status(silent).await, Status::Online, "with the heartbeat itself");
        node.tick(begin).await;
        assert!(
            node.alerts()
                .await
                .iter()
                .all(|alert| alert.state == AlertState::Resolved)
        );
        assert_eq!(node.status(other).await, Status::Online);
    }
}

/// While no node was there for twenty minutes nobody is lost, and every deadline moves by that time.
pub async fn twenty_minutes_away_raise_no_alarm(stores: &Stores) {
    const AWAY: i64 = 1_200;
    let node = Node::new(stores);
    let customer = given::customer(stores, "ABC").await;
    let fleet = given::fleet(stores, customer.id, 3).await;
    node.tick(0).await;
    for terminal in &fleet {
        node.beat(*terminal, 5).await;
    }
    node.tick(10).await;
    // Another node, which knows of nothing but what is stored, is there first.
    let node = Node::new(stores);
    node.tick(10 + AWAY).await;
    let statuses = async || {
        let mut seen = Vec::new();
        for terminal in &fleet {
            seen.push(node.status(*terminal).await);
        }
        seen
    };
    assert_eq!(statuses().await, [Status::Online; 3]);
    let deadline = node.deadline(fleet[2]).await + AWAY;
    node.live(10 + AWAY, 10 + AWAY + 100).await;
    for terminal in &fleet[..2] {
        node.beat(*terminal, 10 + AWAY + 100).await;
    }
    node.live(10 + AWAY + 100, deadline).await;
    assert_eq!(statuses().await, [Status::Online; 3]);
    assert_eq!(node.alerts().await, []);
    // Who does not come back is lost all the same.
    node.tick(deadline + 1).await;
    assert_eq!(statuses().await, [Status::Online, Status::Online, Status::Offline]);
    assert_eq!(node.alerts().await.len(), 1);
}
