//! Cases of [`crate::metric::MetricStore`].

use crate::{
    Stores,
    error::StoreError,
    heartbeat::Metrics,
    id::TerminalId,
    metric::{Hour, Measured, Rollup},
    settings::Retention,
    testkit::{
        build::{self, NOW, at},
        given,
    },
};

async fn heard(stores: &Stores, terminal: TerminalId, secs: i64, metrics: Metrics) {
    let mut beat = build::beat(terminal, at(secs));
    beat.metrics = metrics;
    given::beats(stores, &[beat]).await;
}

fn hour(n: i64) -> Hour {
    Hour::of(at(n * 3_600))
}

async fn hours(stores: &Stores, terminal: TerminalId) -> Vec<(Hour, Rollup)> {
    stores.metrics.hours(terminal, hour(-24), hour(24)).await.unwrap()
}

/// Two terminals: one heard thrice in the first hour and once in the second, the other once in the second.
async fn fleet(stores: &Stores) -> [TerminalId; 2] {
    let customer = given::customer(stores, "ABC").await.id;
    let fleet = [
        given::enrolled(stores, customer, 1).await,
        given::enrolled(stores, customer, 2).await,
    ];
    heard(stores, fleet[0], 0, build::metrics(10)).await;
    let partly = Metrics {
        cpu_percent: Some(41),
        temperature_c: Some(-7),
        ..Metrics::default()
    };
    heard(stores, fleet[0], 1_800, partly).await;
    heard(stores, fleet[0], 3_599, Metrics::default()).await;
    heard(stores, fleet[0], 3_600, build::metrics(90)).await;
    heard(stores, fleet[1], 3_700, build::metrics(50)).await;
    fleet
}

fn measured(min: i16, max: i16, sum: i64, count: u32) -> Measured {
    Measured { min, max, sum, count }
}

fn first_hour() -> (Hour, Rollup) {
    let rollup = Rollup {
        heartbeats: 3,
        cpu_percent: Some(measured(10, 41, 51, 2)),
        memory_percent: Some(measured(10, 10, 10, 1)),
        disk_percent: Some(measured(10, 10, 10, 1)),
        temperature_c: Some(measured(-7, 10, 3, 2)),
    };
    (hour(0), rollup)
}

fn second_hour(percent: i16) -> (Hour, Rollup) {
    (hour(1), Rollup::from(&build::metrics(percent)))
}

/// Each terminal has a row for each hour in which it was heard, with what was measured; what was not measured is missing.
pub async fn an_hour_is_rolled_up_once(stores: &Stores) {
    let fleet = fleet(stores).await;
    let fence = given::fence(stores).await;
    assert_eq!(stores.metrics.next_hour().await.unwrap(), None);
    assert_eq!(stores.metrics.roll_up(hour(0), fence).await.unwrap(), 1);
    assert_eq!(stores.metrics.next_hour().await.unwrap(), Some(hour(1)));
    assert_eq!(stores.metrics.roll_up(hour(1), fence).await.unwrap(), 2);
    assert_eq!(stores.metrics.roll_up(hour(2), fence).await.unwrap(), 0);
    assert_eq!(hours(stores, fleet[0]).await, [first_hour(), second_hour(90)]);
    assert_eq!(hours(stores, fleet[1]).await, [second_hour(50)]);
    let some = stores.metrics.hours(fleet[0], hour(1), hour(2)).await.unwrap();
    assert_eq!(some, [second_hour(90)]);
    assert!(
        stores
            .metrics
            .hours(fleet[0], hour(2), hour(9))
            .await
            .unwrap()
            .is_empty()
    );
}

/// An hour that is rolled up again, by whichever leader, is replaced and not added to.
pub async fn rolling_again_leaves_the_same(stores: &Stores) {
    let fleet = fleet(stores).await;
    let fence = given::fence(stores).await;
    for _ in 0..3 {
        assert_eq!(stores.metrics.roll_up(hour(0), fence).await.unwrap(), 1);
    }
    assert_eq!(hours(stores, fleet[0]).await, [first_hour(), second_hour(90)]);
    heard(stores, fleet[1], 3_800, build::metrics(70)).await;
    let (one, two) = futures::future::join(
        stores.metrics.roll_up(hour(1), fence),
        stores.metrics.roll_up(hour(1), fence),
    )
    .await;
    assert!(one.is_ok() || two.is_ok(), "{one:?} {two:?}");
    let mut both = second_hour(50);
    both.1.merge(&second_hour(70).1);
    assert_eq!(hours(stores, fleet[1]).await, [both]);
}

/// An earlier hour that is rolled up again does not undo the later ones.
pub async fn the_next_hour_never_goes_back(stores: &Stores) {
    let fleet = fleet(stores).await;
    let fence = given::fence(stores).await;
    for n in [0, 1, 0] {
        stores.metrics.roll_up(hour(n), fence).await.unwrap();
    }
    assert_eq!(stores.metrics.next_hour().await.unwrap(), Some(hour(2)));
    assert_eq!(hours(stores, fleet[0]).await, [first_hour(), second_hour(90)]);
}

/// Who lost the lead rolls up nothing that counts.
pub async fn a_fenced_leader_notes_nothing(stores: &Stores) {
    let fleet = fleet(stores).await;
    let old = given::fenced_off(stores).await;
    refused!(stores.metrics.roll_up(hour(0), old).await, StoreError::Fenced);
    assert_eq!(stores.metrics.next_hour().await.unwrap(), None);
    assert_eq!(
        hours(stores, fleet[0]).await,
        [first_hour(), second_hour(90)],
        "from the heartbeats"
    );
}

/// What is not rolled up so far is reckoned from the heartbeats; nothing is told twice.
pub async fn the_tail_comes_from_heartbeats(stores: &Stores) {
    let fleet = fleet(stores).await;
    let expected = [first_hour(), second_hour(90)];
    assert_eq!(hours(stores, fleet[0]).await, expected, "nothing is rolled up");
    let fence = given::fence(stores).await;
    for n in 0..2 {
        stores.metrics.roll_up(hour(n), fence).await.unwrap();
        assert_eq!(hours(stores, fleet[0]).await, expected, "up to hour {n}");
    }
    let stranger = TerminalId::new(fleet[1].get() + 1_000).unwrap();
    assert!(hours(stores, stranger).await.is_empty());
}

/// Hours outlive their heartbeats, and go by a setting of their own.
pub async fn old_hours_are_dropped(stores: &Stores) {
    let fleet = fleet(stores).await;
    let fence = given::fence(stores).await;
    for n in 0..2 {
        stores.metrics.roll_up(hour(n), fence).await.unwrap();
    }
    let keep = Retention {
        metrics_days: 1,
        metrics_hourly_days: 20,
        ..Retention::default()
    };
    let later = |days: i64| at(days * 86_400);
    stores.upkeep.drop_history(&keep, later(20)).await.unwrap();
    assert!(given::history(stores, fleet[0]).await.is_empty());
    assert_eq!(hours(stores, fleet[0]).await, [first_hour(), second_hour(90)]);
    assert!(NOW < later(21));
    stores.upkeep.drop_history(&keep, later(21)).await.unwrap();
    assert!(hours(stores, fleet[0]).await.is_empty());
}
