//! Cases of [`crate::upkeep::UpkeepStore`].

use std::time::Duration;

use futures::future::join;

use crate::{
    Stores,
    presence::Device,
    settings::Retention,
    terminal_log::store::LogFilter,
    testkit::{
        build::{self, NOW},
        given,
    },
    time::{Clock, SystemClock, Timestamp},
    upkeep::SchemaState,
};

const DAY_S: i64 = 86_400;

/// The moment `hour` o'clock, `days` days before the day of [`NOW`].
fn days_ago(days: i64, hour: i64) -> Timestamp {
    Timestamp::from_secs((NOW.day() - days) * DAY_S + hour * 3_600)
}

const KEEP: Retention = Retention {
    metrics_days: 7,
    metrics_hourly_days: 9,
    status_changes_days: 40,
    logs_days: 10,
    resolved_alerts_days: 180,
    audit_days: 400,
    events_days: 1,
};

/// Rows of wholly old days go, those of a day that is partly young stay, each kind by its own setting.
pub async fn retention_drops_whole_days(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let draft = build::terminal(customer.id, 1);
    let terminal = stores.terminals.insert(&draft, days_ago(43, 0), build::act()).await;
    let terminal = terminal.unwrap().id;
    // Oldest first: a row of presence never goes back.
    let heard = [
        days_ago(42, 1),
        days_ago(41, 23),
        days_ago(40, 1),
        days_ago(12, 5),
        days_ago(11, 23),
        days_ago(10, 1),
        days_ago(9, 5),
        days_ago(8, 23),
        days_ago(7, 1),
        days_ago(7, 23),
        NOW,
    ];
    for (n, when) in (0_i64..).zip(heard) {
        stores.upkeep.ensure_partitions(when).await.unwrap();
        let mut beat = build::beat(terminal, when);
        beat.device = if n % 2 == 0 { Device::Ok } else { Device::Absent };
        given::beats(stores, &[beat]).await;
        assert_eq!(stores.logs.append(terminal, &[build::log(n)], when).await.unwrap(), 1);
    }
    let presence = given::presence(stores, terminal).await;
    stores.upkeep.drop_history(&KEEP, NOW).await.unwrap();
    let expected = |from: Timestamp| {
        let mut kept: Vec<_> = heard.into_iter().filter(|when| *when >= from).collect();
        kept.reverse();
        kept
    };
    let metrics: Vec<_> = given::history(stores, terminal)
        .await
        .iter()
        .map(|row| row.received_at)
        .collect();
    assert_eq!(metrics, expected(days_ago(7, 0)), "heartbeats");
    let changes: Vec<_> = given::status_history(stores, terminal)
        .await
        .iter()
        .map(|interval| interval.to)
        .collect();
    assert_eq!(changes, expected(days_ago(40, 0)), "status changes");
    let page = build::whole_page();
    let logs = stores.logs.list(terminal, &LogFilter::default(), &page).await.unwrap();
    let logs: Vec<_> = logs.items.iter().map(|log| log.received_at).collect();
    assert_eq!(logs, expected(days_ago(10, 0)), "logs");
    assert_eq!(given::presence(stores, terminal).await, presence);
    let again = stores.upkeep.drop_history(&KEEP, NOW).await.unwrap();
    assert_eq!((again.partitions, again.rows), (0, 0), "nothing is left to drop");
}

/// Old outages go, young ones and the last note stay.
pub async fn retention_drops_old_outages(stores: &Stores) {
    for when in [days_ago(500, 1), days_ago(500, 2), days_ago(1, 1), NOW] {
        stores.presence.stamp_alive(when).await.unwrap();
    }
    assert_eq!(stores.presence.outages(Timestamp::EPOCH).await.unwrap().len(), 3);
    stores.upkeep.drop_history(&KEEP, NOW).await.unwrap();
    let kept = stores.presence.outages(Timestamp::EPOCH).await.unwrap();
    let ends: Vec<_> = kept.iter().map(|outage| outage.to).collect();
    assert_eq!(ends, [days_ago(1, 1), NOW]);
    assert_eq!(stores.presence.stamp_alive(NOW).await.unwrap(), None);
}

/// Making partitions again does nothing, at one time neither.
pub async fn partitions_are_made_once(stores: &Stores) {
    for days in [0, 0, 1, 3, 30] {
        let (one, two) = join(
            stores.upkeep.ensure_partitions(days_ago(days, 12)),
            stores.upkeep.ensure_partitions(days_ago(days, 12)),
        )
        .await;
        one.unwrap();
        two.unwrap();
    }
    let customer = given::customer(stores, "ABC").await;
    let terminal = given::enrolled(stores, customer.id, 1).await;
    let times = [days_ago(1, 0), NOW, days_ago(-3, 23)];
    for when in times {
        given::beats(stores, &[build::beat(terminal, when)]).await;
    }
    assert_eq!(given::history(stores, terminal).await.len(), 3);
}

/// Folding and recounting leave right counts as they are, also beside writers.
pub async fn compacting_keeps_the_counts(stores: &Stores) {
    let customer = given::customer(stores, "ABC").await;
    let fleet = given::fleet(stores, customer.id, 4).await;
    let batch: Vec<_> = fleet[..3]
        .iter()
        .map(|terminal| build::beat(*terminal, build::at(1)))
        .collect();
    given::beats(stores, &batch).await;
    let before = given::counts(stores).await;
    assert_eq!((before.online, before.offline), (3, 1));
    for _ in 0..2 {
        stores.upkeep.compact_counts().await.unwrap();
        assert_eq!(given::counts(stores).await, before);
    }
    let of_one = stores.terminals.count_by_status(Some(customer.id)).await.unwrap();
    assert_eq!(of_one, before);
    assert!(!stores.upkeep.recount().await.unwrap());
    let last = [build::beat(fleet[3], build::at(2))];
    let (_, compacted) = join(given::beats(stores, &last), stores.upkeep.compact_counts()).await;
    compacted.unwrap();
    assert_eq!(given::counts(stores).await.online, 4);
    stores.upkeep.compact_counts().await.unwrap();
    assert!(!stores.upkeep.recount().await.unwrap());
    assert_eq!(given::counts(stores).await.online, 4);
}

/// A fresh store is of this release and names itself.
pub async fn a_fresh_store_is_current(stores: &Stores) {
    let health = stores.upkeep.health().await.unwrap();
    assert_eq!(health.schema, SchemaState::Current);
    assert!(!health.version.is_empty());
}

/// The clock of the store's machine is measured against ours.
pub async fn the_clock_is_measured(stores: &Stores) {
    let skew = stores.upkeep.clock_skew(SystemClock.now()).await.unwrap();
    assert!(skew < Duration::from_secs(60), "{skew:?}");
}
