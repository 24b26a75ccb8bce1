//! Cases of [`crate::heartbeat::HeartbeatStore`].

mod race;

use crate::{
    Stores,
    error::StoreError,
    event::EventKind,
    heartbeat::{Answer, Heartbeat, HeartbeatRecord, Metrics, plan::BatchRules, plan::plan},
    id::{Revision, TerminalId},
    page::PageRequest,
    presence::{BootId, Counters, Device, Presence, Reported, Status},
    terminal::store::{TerminalFilter, TerminalSort},
    testkit::{
        build::{self, NOW, at},
        given,
    },
    time::Timestamp,
};

pub use race::{
    alerts_beside_heartbeats_are_kept, moving_beside_heartbeats_counts_right, operators_settings_survive,
    parallel_batches_lose_nothing, parallel_counted_batches_agree_with_their_answers,
    retiring_beside_heartbeats_counts_right,
};

async fn fleet(stores: &Stores, count: i64) -> Vec<TerminalId> {
    let customer = given::customer(stores, "ABC").await;
    given::fleet(stores, customer.id, count).await
}

fn record(beat: &Heartbeat) -> HeartbeatRecord {
    HeartbeatRecord {
        received_at: beat.received_at,
        agent_time: beat.agent_time,
        seq: beat.sequence.as_ref().map(|sequence| sequence.seq),
        device: beat.device,
        metrics: beat.metrics,
        transaction_count: beat.counters.transaction_count,
    }
}

fn is_recorded(answer: &Answer) -> bool {
    matches!(answer, Answer::Recorded(_))
}

/// A heartbeat whose every field is at an end of its range.
fn extreme(terminal: TerminalId) -> Heartbeat {
    Heartbeat {
        agent_time: Timestamp::MAX,
        device: Device::Error(i32::MIN),
        metrics: Metrics {
            cpu_percent: Some(i16::MAX),
            memory_percent: Some(i16::MIN),
            disk_percent: Some(0),
            temperature_c: Some(-100),
        },
        reported: Reported {
            firmware_version: Some("2.0.0-新 '%_\\\"".to_owned()),
            agent_version: Some("x".repeat(200)),
            ip_address: Some("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap()),
            config_version: Some(i64::MAX),
        },
        counters: Counters {
            uptime_s: Some(i64::MAX),
            last_transaction: Some(Timestamp::MAX),
            transaction_count: Some(i64::MAX),
        },
        ..build::counted(terminal, at(10), &"Z9._-".repeat(12), i64::MAX)
    }
}

/// What a heartbeat brings reads back from the presence row and from history, at both ends of each field.
pub async fn every_field_reads_back(stores: &Stores) {
    let fleet = fleet(stores, 2).await;
    let before = given::presence(stores, fleet[0]).await;
    let beat = extreme(fleet[0]);
    let expected = plan(vec![before], std::slice::from_ref(&beat), &BatchRules::default());
    let answers = given::beats(stores, std::slice::from_ref(&beat)).await;
    assert_eq!(answers, expected.answers);
    assert_eq!(given::presence(stores, fleet[0]).await, expected.writes[0].row);
    assert_eq!(given::history(stores, fleet[0]).await, [record(&beat)]);
    let bare = Heartbeat {
        agent_time: Timestamp::EPOCH,
        device: Device::Unknown,
        ..build::beat(fleet[1], at(10))
    };
    given::beats(stores, std::slice::from_ref(&bare)).await;
    assert_eq!(given::history(stores, fleet[1]).await, [record(&bare)]);
    let row = given::presence(stores, fleet[1]).await;
    assert_eq!(
        (row.metrics, row.counters, row.boot, row.seq),
        (Metrics::default(), Counters::default(), None, None)
    );
    assert_eq!(
        row.reported,
        build::redemption(2, 2).reported,
        "what is not said leaves what was known"
    );
}

/// Several heartbeats of a terminal fold into one row, history keeps each, answers are in the order asked.
pub async fn batch_folds_presence_and_keeps_history(stores: &Stores) {
    let fleet = fleet(stores, 3).await;
    let rules = BatchRules::default();
    let rows = stores.presence.find_many(&fleet).await.unwrap();
    let mut broken = build::counted(fleet[1], at(13), "b1", 0);
    broken.device = Device::Absent;
    let mut hot = build::counted(fleet[0], at(14), "a1", 7);
    hot.metrics = build::metrics(99);
    let batch = [
        build::counted(fleet[2], at(10), "c1", 0),
        build::counted(fleet[0], at(11), "a1", 5),
        build::counted(fleet[0], at(12), "a1", 5),
        broken,
        hot,
        build::counted(fleet[2], at(15), "c2", 0),
        build::counted(fleet[2], at(16), "c1", 1),
    ];
    let expected = plan(rows, &batch, &rules);
    assert_eq!(given::beats(stores, &batch).await, expected.answers);
    let rows = stores.presence.find_many(&fleet).await.unwrap();
    let written: Vec<_> = expected.writes.iter().map(|write| write.row.clone()).collect();
    assert_eq!(rows, written);
    for terminal in &fleet {
        let mut stored: Vec<_> = expected.history.iter().map(|index| &batch[*index]).collect();
        stored.retain(|beat| beat.terminal == *terminal);
        stored.reverse();
        let stored: Vec<_> = stored.into_iter().map(record).collect();
        assert_eq!(given::history(stores, *terminal).await, stored);
    }
}

/// A chain of batches, light and full ones, leaves exactly what the plan says.
pub async fn light_writes_leave_the_rest_alone(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    let mut expected = given::presence(stores, terminal).await;
    for step in 0..12 {
        let mut beat = build::counted(terminal, at(10 + step * 60), ["a", "b"][usize::from(step > 7)], step);
        beat.metrics = build::metrics(if step == 4 { 95 } else { 10 });
        beat.counters.uptime_s = Some(step);
        beat.device = if step == 6 { Device::Error(3) } else { Device::Ok };
        if step % 3 == 0 {
            beat.reported.firmware_version = Some(format!("1.0.{step}"));
        }
        let batch = [beat];
        let step_plan = plan(vec![expected], &batch, &BatchRules::default());
        given::beats(stores, &batch).await;
        expected = step_plan.writes[0].row.clone();
        assert_eq!(given::presence(stores, terminal).await, expected, "step {step}");
    }
}

/// What is older than what is known is acknowledged and changes neither presence nor history.
pub async fn older_sequence_changes_nothing(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    given::beats(stores, &[build::counted(terminal, at(10), "a", 5)]).await;
    given::beats(stores, &[build::counted(terminal, at(20), "b", 0)]).await;
    let before = given::presence(stores, terminal).await;
    let kept = given::history(stores, terminal).await;
    for (boot, seq) in [("b", 0), ("a", 6), ("a", i64::MAX)] {
        let mut old = build::counted(terminal, at(30), boot, seq);
        old.device = Device::Error(9);
        let answers = given::beats(stores, &[old]).await;
        assert!(
            matches!(answers[..], [Answer::Repeated(_)]),
            "{boot} {seq}: {answers:?}"
        );
    }
    assert_eq!(given::presence(stores, terminal).await, before);
    assert_eq!(given::history(stores, terminal).await, kept);
    let past: Vec<_> = before.past_boots.iter().map(BootId::as_str).collect();
    assert_eq!(past, ["a"]);
}

/// A heartbeat without a counter is recorded, and those that count go on where they were.
pub async fn uncounted_leaves_the_boot_alone(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    given::beats(stores, &[build::counted(terminal, at(10), "a", 5)]).await;
    given::beats(stores, &[build::counted(terminal, at(20), "b", 7)]).await;
    let answers = given::beats(stores, &[build::beat(terminal, at(30))]).await;
    assert!(matches!(answers[..], [Answer::Recorded(_)]), "{answers:?}");
    let row = given::presence(stores, terminal).await;
    assert_eq!(
        (row.boot.as_ref().map(BootId::as_str), row.seq, row.last_seen),
        (Some("b"), Some(7), Some(at(30)))
    );
    let past: Vec<_> = row.past_boots.iter().map(BootId::as_str).collect();
    assert_eq!(past, ["a"]);
    for (boot, seq, is_new) in [("b", 7, false), ("b", 8, true), ("a", 9, false)] {
        let answers = given::beats(stores, &[build::counted(terminal, at(40), boot, seq)]).await;
        assert_eq!(
            matches!(answers[..], [Answer::Recorded(_)]),
            is_new,
            "{boot} {seq}: {answers:?}"
        );
    }
    assert_eq!(given::history(stores, terminal).await.len(), 4);
}

/// A terminal that is retired or was never there is unknown, and the others of its batch are stored.
pub async fn the_unknown_and_the_retired_are_told_so(stores: &Stores) {
    let fleet = fleet(stores, 2).await;
    super::terminal::retire(stores, fleet[0]).await;
    let stranger = TerminalId::new(fleet[1].get() + 1_000).unwrap();
    let batch = [fleet[0], stranger, fleet[1]].map(|terminal| build::beat(terminal, at(90)));
    let answers = given::beats(stores, &batch).await;
    assert!(
        matches!(answers[..], [Answer::Unknown, Answer::Unknown, Answer::Recorded(_)]),
        "{answers:?}"
    );
    assert!(given::history(stores, fleet[0]).await.is_empty());
    assert!(given::history(stores, stranger).await.is_empty());
    assert_eq!(given::history(stores, fleet[1]).await.len(), 1);
    assert!(given::beats(stores, &[]).await.is_empty(), "an empty batch is no error");
}

/// A status that changes becomes history, the terminal's status, a count and an event; one that stays becomes nothing.
pub async fn status_changes_are_told_everywhere(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    let mut broken = build::beat(terminal, at(30));
    broken.device = Device::Error(1);
    given::beats(stores, &[build::beat(terminal, at(10))]).await;
    given::beats(stores, &[build::beat(terminal, at(20))]).await;
    given::beats(stores, &[broken, build::beat(terminal, at(40))]).await;
    let closed: Vec<_> = given::status_history(stores, terminal)
        .await
        .iter()
        .map(|interval| (interval.status, interval.from, interval.to, interval.next))
        .collect();
    let expected = [
        (Status::Error, at(30), at(40), Status::Online),
        (Status::Online, at(10), at(30), Status::Error),
        (Status::Offline, NOW, at(10), Status::Online),
    ];
    assert_eq!(closed, expected);
    let customer = given::presence(stores, terminal).await.customer;
    let events = given::events(stores).await;
    assert_eq!(events.len(), 3);
    for (stored, (from, _, when, to)) in events.iter().zip(expected.iter().rev()) {
        assert_eq!(stored.event.kind, EventKind::TerminalStatusChange);
        assert_eq!((stored.event.customer, stored.event.at), (Some(customer), *when));
        let data =
            serde_json::json!({"terminal_id": terminal.get(), "old_status": from.as_str(), "new_status": to.as_str()});
        assert_eq!(stored.event.data, data);
    }
    assert_eq!(given::counts(stores).await.online, 1);
    assert_eq!(given::view(stores, terminal).await.terminal.revision, Revision::FIRST);
}

/// The reported firmware is what lists filter by.
pub async fn reported_firmware_reaches_the_lists(stores: &Stores) {
    let fleet = fleet(stores, 2).await;
    let mut beat = build::beat(fleet[0], at(10));
    beat.reported.firmware_version = Some("2.0.0".to_owned());
    given::beats(stores, &[beat, build::beat(fleet[1], at(10))]).await;
    given::beats(stores, &[build::beat(fleet[0], at(20))]).await;
    for (version, expected) in [("2.0.0", fleet[0]), ("1.0.0", fleet[1])] {
        let filter = TerminalFilter {
            firmware_version: Some(version.to_owned()),
            ..TerminalFilter::default()
        };
        let page = PageRequest::first(10);
        let found = stores
            .terminals
            .list(
                &filter,
                TerminalSort::SerialNumber,
                crate::page::Order::Ascending,
                &page,
            )
            .await
            .unwrap();
        let ids: Vec<_> = found.items.iter().map(|view| view.terminal.id).collect();
        assert_eq!(ids, [expected], "{version}");
    }
}

/// History is bounded by `[from, to)`, newest first, and read by page, also where times are equal.
pub async fn history_is_read_by_page(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    let times = [10, 20, 20, 20, 30, 40];
    let batch: Vec<_> = times
        .iter()
        .zip(0..)
        .map(|(secs, seq)| build::counted(terminal, at(*secs), "b", seq))
        .collect();
    given::beats(stores, &batch).await;
    let list = async |from: i64, to: i64| {
        let rows = given::paged(async |page| {
            stores
                .heartbeats
                .history(terminal, at(from), at(to), &page)
                .await
                .unwrap()
        })
        .await;
        rows.iter().map(|row| row.received_at).collect::<Vec<_>>()
    };
    assert_eq!(list(0, 100).await, [40, 30, 20, 20, 20, 10].map(at));
    assert_eq!(list(20, 40).await, [30, 20, 20, 20].map(at));
    assert!(list(41, 100).await.is_empty());
}

/// The version of a row counts its writers, so that none overwrites another unseen.
pub async fn each_batch_grows_the_version_once(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    let Presence { version, .. } = given::presence(stores, terminal).await;
    given::beats(stores, &[build::beat(terminal, at(1)), build::beat(terminal, at(2))]).await;
    assert_eq!(given::presence(stores, terminal).await.version, version + 1);
}

/// A batch as long as any that comes is stored.
pub async fn a_full_batch_is_stored(stores: &Stores) {
    let fleet = fleet(stores, 48).await;
    let batch: Vec<_> = (0..1_024_i64)
        .zip(fleet.iter().cycle())
        .map(|(n, terminal)| build::counted(*terminal, at(n), "boot", n))
        .collect();
    let answers = given::beats(stores, &batch).await;
    assert!(answers.len() == 1_024 && answers.iter().all(is_recorded));
    let total = async |terminal: TerminalId| {
        let page = build::whole_page();
        let history = stores.heartbeats.history(terminal, NOW, at(2_000), &page).await;
        history.unwrap().total.unwrap()
    };
    assert_eq!((total(fleet[0]).await, total(fleet[47]).await), (22, 21));
    assert_eq!(given::counts(stores).await.online, 48);
}

/// Text that a store can't keep is refused as such, not as an outage, and leaves nothing.
pub async fn unkeepable_text_is_rejected(stores: &Stores) {
    let fleet = fleet(stores, 2).await;
    let mut bad = build::beat(fleet[0], at(10));
    bad.reported.firmware_version = Some("1.0\0".to_owned());
    let batch = [build::beat(fleet[1], at(10)), bad];
    match stores.heartbeats.record_batch(&batch, &BatchRules::default()).await {
        Ok(answers) => assert!(answers.iter().all(is_recorded), "a store may keep it"),
        Err(StoreError::Rejected(_)) => {
            assert!(given::history(stores, fleet[1]).await.is_empty());
            assert_eq!(given::counts(stores).await.online, 0);
        }
        Err(other) => panic!("{other:?}"),
    }
    let answers = given::beats(stores, &[build::beat(fleet[1], at(20))]).await;
    assert!(answers.iter().all(is_recorded));
}
