//! The plan of a batch: tables of what counts as new, and laws that hold for any batch.

use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::{
    alert::{Cause, CauseSet},
    heartbeat::Metrics,
    id::{CustomerId, TerminalId},
    presence::{BootId, Counters, Device, Status},
};

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_769_248_800 + secs)
}

fn id(number: i64) -> TerminalId {
    TerminalId::new(number).unwrap()
}

fn row(number: i64) -> Presence {
    Presence::new(id(number), CustomerId::new(1).unwrap(), 300, at(0))
}

fn beat(number: i64, secs: i64, sequence: Option<(&str, i64)>) -> Heartbeat {
    Heartbeat {
        terminal: id(number),
        received_at: at(secs),
        agent_time: at(secs),
        sequence: sequence.map(|(boot, seq)| Sequence {
            boot: BootId::parse(boot).unwrap(),
            seq,
        }),
        device: Device::Ok,
        metrics: Metrics::default(),
        reported: Reported::default(),
        counters: Counters::default(),
    }
}

fn run(rows: Vec<Presence>, beats: &[Heartbeat]) -> BatchPlan {
    plan(rows, beats, &BatchRules::default())
}

/// Lets one row live through `beats`, one batch each.
fn after(mut row: Presence, beats: &[Heartbeat]) -> Presence {
    for beat in beats {
        if let Some(write) = run(vec![row.clone()], std::slice::from_ref(beat)).writes.pop() {
            row = write.row;
        }
    }
    row
}

fn kinds(plan: &BatchPlan) -> Vec<&'static str> {
    let kind = |answer: &Answer| match answer {
        Answer::Recorded(_) => "recorded",
        Answer::Repeated(_) => "repeated",
        Answer::Unknown => "unknown",
    };
    plan.answers.iter().map(kind).collect()
}

#[test]
fn a_first_heartbeat_brings_a_terminal_online() {
    let plan = run(vec![row(1)], &[beat(1, 10, Some(("a", 0)))]);
    let [write] = &plan.writes[..] else {
        panic!("{:?}", plan.writes)
    };
    let written = &write.row;
    assert!(write.is_full && !write.is_light());
    assert_eq!((write.seen, written.version), (1, 2));
    assert_eq!((written.first_seen, written.last_seen), (Some(at(10)), Some(at(10))));
    assert_eq!((written.status, written.status_since), (Status::Online, at(10)));
    let silence = i64::from(written.next_s) * 2 + 60;
    assert_eq!(
        written.deadline,
        Some(at(10 + silence)),
        "by the interval that was answered"
    );
    let next = Next {
        next_s: written.next_s,
        config_version: 1,
    };
    assert_eq!(plan.answers, [Answer::Recorded(next)]);
    assert_eq!(plan.history, [0]);
    let [change] = &plan.changes[..] else {
        panic!("{:?}", plan.changes)
    };
    assert_eq!(
        (change.from, change.began_at, change.to, change.at),
        (Status::Offline, at(0), Status::Online, at(10))
    );
}

#[test]
fn a_second_one_of_the_same_kind_is_light() {
    let known = after(row(1), &[beat(1, 10, Some(("a", 0)))]);
    let plan = run(vec![known], &[beat(1, 300, Some(("a", 1)))]);
    assert!(plan.writes[0].is_light());
    assert!(plan.changes.is_empty());
}

#[test]
fn the_counter_decides_within_a_boot() {
    let known = after(row(1), &[beat(1, 10, Some(("a", 5)))]);
    for (seq, kind) in [
        (0, "repeated"),
        (4, "repeated"),
        (5, "repeated"),
        (6, "recorded"),
        (i64::MAX, "recorded"),
    ] {
        let plan = run(vec![known.clone()], &[beat(1, 20, Some(("a", seq)))]);
        assert_eq!(kinds(&plan), [kind], "{seq}");
        assert_eq!(plan.writes.is_empty(), kind == "repeated");
    }
}

#[test]
fn a_new_boot_wins_and_a_past_one_never_does() {
    let boots = ["a", "b", "c", "d"];
    let mut known = row(1);
    for (secs, boot) in (10..).zip(boots) {
        known = after(known, &[beat(1, secs, Some((boot, 3)))]);
        assert_eq!(known.boot.as_ref().map(BootId::as_str), Some(boot));
    }
    let past: Vec<_> = known.past_boots.iter().map(BootId::as_str).collect();
    assert_eq!(past, ["c", "b", "a"], "the newest first");
    for boot in ["a", "b", "c"] {
        let plan = run(vec![known.clone()], &[beat(1, 20, Some((boot, 99)))]);
        assert_eq!(kinds(&plan), ["repeated"], "{boot}");
    }
    known = after(known, &[beat(1, 30, Some(("e", 0)))]);
    let past: Vec<_> = known.past_boots.iter().map(BootId::as_str).collect();
    assert_eq!(
        past,
        ["d", "c", "b"],
        "four boots are remembered, the present one included"
    );
}

#[test]
fn an_uncounted_heartbeat_leaves_the_counting_alone() {
    let counted = after(row(1), &[beat(1, 5, Some(("old", 9))), beat(1, 10, Some(("a", 5)))]);
    let known = after(counted.clone(), &[beat(1, 20, None)]);
    assert_eq!(known.last_seen, Some(at(20)));
    assert_eq!(
        (&known.boot, known.seq, &known.past_boots),
        (&counted.boot, Some(5), &counted.past_boots)
    );
    for (boot, seq, kind) in [
        ("a", 5, "repeated"),
        ("a", 6, "recorded"),
        ("old", 10, "repeated"),
        ("new", 0, "recorded"),
    ] {
        let plan = run(vec![known.clone()], &[beat(1, 30, Some((boot, seq)))]);
        assert_eq!(kinds(&plan), [kind], "{boot} {seq}");
    }
    let folded = run(
        vec![row(2)],
        &[beat(2, 1, Some(("a", 1))), beat(2, 2, None), beat(2, 3, Some(("a", 2)))],
    );
    assert_eq!(kinds(&folded), ["recorded", "recorded", "recorded"]);
}

#[test]
fn without_a_counter_arrival_order_counts() {
    let known = after(row(1), &[beat(1, 10, None), beat(1, 20, None)]);
    assert_eq!((known.boot.clone(), known.seq), (None, None));
    for secs in [20, 15] {
        let plan = run(vec![known.clone()], &[beat(1, secs, None)]);
        assert_eq!(kinds(&plan), ["recorded"]);
        assert!(plan.writes[0].is_light());
        assert_eq!(plan.writes[0].row.last_seen, Some(at(20)), "time never goes back");
    }
}

#[test]
fn the_unknown_and_the_retired_get_no_write() {
    let mut retired = row(2);
    retired.is_active = false;
    let plan = run(
        vec![row(1), retired],
        &[beat(3, 10, None), beat(2, 10, None), beat(1, 10, None)],
    );
    assert_eq!(kinds(&plan), ["unknown", "unknown", "recorded"]);
    assert_eq!(plan.history, [2]);
    assert_eq!(plan.writes.len(), 1);
    assert!(run(vec![row(1)], &[]).writes.is_empty());
}

#[test]
fn a_batch_folds_into_one_write_per_terminal_in_order_of_id() {
    let beats = [
        beat(2, 10, Some(("b", 0))),
        beat(1, 11, Some(("a", 0))),
        beat(2, 12, Some(("b", 0))),
        Heartbeat {
            device: Device::Absent,
            ..beat(2, 13, Some(("b", 1)))
        },
        beat(2, 14, Some(("b", 2))),
    ];
    let plan = run(vec![row(2), row(1)], &beats);
    let ids: Vec<_> = plan.writes.iter().map(|write| write.row.terminal).collect();
    assert_eq!(ids, [id(1), id(2)]);
    assert!(plan.writes.iter().all(|write| write.row.version == write.seen + 1));
    assert_eq!(plan.history, [0, 1, 3, 4]);
    assert_eq!(
        kinds(&plan),
        ["recorded", "recorded", "repeated", "recorded", "recorded"]
    );
    let of_second = plan.changes.iter().filter(|change| change.terminal == id(2));
    let statuses: Vec<_> = of_second.map(|change| change.to).collect();
    assert_eq!(
        statuses,
        [Status::Online, Status::Error, Status::Online],
        "no change is swallowed"
    );
}

#[test]
fn what_is_not_said_stays_known() {
    let said = |firmware: Option<&str>, agent: Option<&str>| Heartbeat {
        reported: Reported {
            firmware_version: firmware.map(str::to_owned),
            agent_version: agent.map(str::to_owned),
            ..Reported::default()
        },
        ..beat(1, 10, None)
    };
    let known = after(row(1), &[said(Some("1.0"), Some("2.0")), said(None, Some("3.0"))]);
    let versions = (
        known.reported.firmware_version.as_deref(),
        known.reported.agent_version.as_deref(),
    );
    assert_eq!(versions, (Some("1.0"), Some("3.0")));
    let same = run(vec![known], &[said(Some("1.0"), None)]);
    assert!(same.writes[0].is_light(), "the same again is nothing new");
}

#[test]
fn a_lost_terminal_that_is_heard_is_back() {
    let mut lost = after(row(1), &[beat(1, 10, None)]);
    lost.is_lost = true;
    lost.settle(at(1_000), &AlertRules::default());
    assert!(lost.raised.contains(Cause::Offline));
    let plan = run(vec![lost], &[beat(1, 2_000, None)]);
    let write = &plan.writes[0];
    assert!(write.is_full);
    assert_eq!((write.row.is_lost, write.row.status), (false, Status::Online));
    assert_eq!(write.row.raised, CauseSet::EMPTY);
    assert_eq!(plan.changes.len(), 1);
}

#[test]
fn a_threshold_raises_after_its_duration_and_ends_at_its_clear_value() {
    let cpu = |secs: i64, percent: i16| Heartbeat {
        metrics: Metrics {
            cpu_percent: Some(percent),
            ..Metrics::default()
        },
        ..beat(1, secs, None)
    };
    let mut row = row(1);
    for (secs, percent, is_breached, is_raised, is_full) in [
        (0, 90, false, false, true),
        (10, 91, true, false, true),
        (300, 85, true, false, false),
        (609, 99, true, false, false),
        (610, 85, true, true, true),
        (700, 81, true, true, false),
        (800, 80, false, false, true),
        (900, 95, true, false, true),
    ] {
        let plan = run(vec![row], &[cpu(secs, percent)]);
        let write = plan.writes.into_iter().next().unwrap();
        row = write.row;
        assert_eq!(
            row.breaches.causes().contains(Cause::HighCpu),
            is_breached,
            "second {secs}"
        );
        assert_eq!(row.raised.contains(Cause::HighCpu), is_raised, "second {secs}");
        assert_eq!(write.is_full, is_full, "second {secs}");
    }
}

#[test]
fn a_wrong_clock_is_noticed_in_both_directions() {
    for skew in [61, -61] {
        let wrong = Heartbeat {
            agent_time: at(100 + skew),
            ..beat(1, 100, None)
        };
        let row = after(row(1), &[wrong]);
        assert!(row.raised.contains(Cause::ClockSkew), "{skew}");
    }
    let extreme = Heartbeat {
        agent_time: Timestamp::MAX,
        ..beat(1, 100, None)
    };
    assert!(after(row(1), &[extreme]).raised.contains(Cause::ClockSkew));
}

fn any_device() -> impl Strategy<Value = Device> {
    prop_oneof![
        4 => Just(Device::Ok),
        1 => (0..2_i32).prop_map(Device::Error),
        1 => Just(Device::Absent),
        1 => Just(Device::Unknown),
    ]
}

fn any_beat() -> impl Strategy<Value = Heartbeat> {
    let sequence = option::weighted(0.9, (prop_oneof![Just("a"), Just("b"), Just("c")], 0..6_i64));
    let cpu = option::of(prop_oneof![Just(10_i16), Just(85), Just(95)]);
    let firmware = option::weighted(0.3, 0..3_u8);
    (1..4_i64, 0..900_i64, sequence, any_device(), cpu, firmware, -90..90_i64).prop_map(
        |(number, secs, sequence, device, cpu_percent, firmware, skew)| {
            let mut made = beat(number, secs, sequence);
            made.agent_time = at(secs + skew);
            made.device = device;
            made.metrics.cpu_percent = cpu_percent;
            made.counters.uptime_s = Some(skew);
            made.reported.firmware_version = firmware.map(|version| format!("{version}.0"));
            made
        },
    )
}

/// Rows as they may be found: two terminals that have lived, the second one in maintenance or lost at times.
fn any_rows() -> impl Strategy<Value = Vec<Presence>> {
    (vec(any_beat(), 0..12), any::<bool>(), any::<bool>()).prop_map(|(beats, in_maintenance, is_lost)| {
        let mut rows = vec![row(1), row(2)];
        for row in &mut rows {
            let own: Vec<_> = beats
                .iter()
                .filter(|beat| beat.terminal == row.terminal)
                .cloned()
                .collect();
            *row = after(row.clone(), &own);
            row.alerted = row.raised;
        }
        rows[1].in_maintenance = in_maintenance;
        rows[1].is_lost = is_lost && rows[1].last_seen.is_some();
        rows[1].settle(at(900), &AlertRules::default());
        rows
    })
}

/// Returns `row` with the columns that a light write changes taken from `from`.
fn with_light_columns_of(mut row: Presence, from: &Presence) -> Presence {
    row.version = from.version;
    row.last_seen = from.last_seen;
    row.next_s = from.next_s;
    row.deadline = from.deadline;
    row.seq = from.seq;
    row.agent_time = from.agent_time;
    row.metrics = from.metrics;
    row.counters = from.counters;
    row
}

proptest! {
    #[test]
    fn a_light_write_changes_only_light_columns(rows in any_rows(), beats in vec(any_beat(), 1..6)) {
        let plan = run(rows.clone(), &beats);
        for write in plan.writes.iter().filter(|write| write.is_light()) {
            let before = rows.iter().find(|row| row.terminal == write.row.terminal).unwrap();
            prop_assert_eq!(&with_light_columns_of(write.row.clone(), before), before);
        }
    }

    #[test]
    fn a_change_is_told_in_a_full_write(rows in any_rows(), beats in vec(any_beat(), 1..6)) {
        let plan = run(rows, &beats);
        for change in &plan.changes {
            let write = plan.writes.iter().find(|write| write.row.terminal == change.terminal);
            prop_assert!(write.is_some_and(|write| write.is_full));
        }
        for write in &plan.writes {
            let mut own = plan.changes.iter().filter(|change| change.terminal == write.row.terminal);
            if let Some(last) = own.next_back() {
                prop_assert_eq!((last.to, last.at), (write.row.status, write.row.status_since));
            }
            prop_assert_eq!(write.row.status, write.row.derived_status());
        }
    }

    #[test]
    fn every_heartbeat_has_its_answer_and_each_recorded_one_its_history(
        rows in any_rows(),
        beats in vec(any_beat(), 0..8),
    ) {
        let plan = run(rows, &beats);
        prop_assert_eq!(plan.answers.len(), beats.len());
        let recorded: Vec<_> = (0..beats.len()).filter(|i| matches!(plan.answers[*i], Answer::Recorded(_))).collect();
        prop_assert_eq!(plan.history, recorded);
        prop_assert!(plan.writes.windows(2).all(|pair| pair[0].row.terminal < pair[1].row.terminal));
    }

    #[test]
    fn what_was_recorded_changes_nothing_when_it_comes_again(rows in any_rows(), beats in vec(any_beat(), 1..6)) {
        let counted: Vec<_> = beats.into_iter().filter(|beat| beat.sequence.is_some()).collect();
        let first = run(rows.clone(), &counted);
        let mut known = rows;
        for write in first.writes {
            let place = known.iter_mut().find(|row| row.terminal == write.row.terminal).unwrap();
            *place = write.row;
        }
        let again = run(known, &counted);
        prop_assert!(again.writes.is_empty() && again.history.is_empty() && again.changes.is_empty());
        prop_assert!(!again.answers.iter().any(|answer| matches!(answer, Answer::Recorded(_))));
    }

    #[test]
    fn one_batch_leaves_what_several_leave(rows in any_rows(), beats in vec(any_beat(), 1..6)) {
        let whole = run(rows.clone(), &beats);
        for row in rows {
            let own: Vec<_> = beats.iter().filter(|beat| beat.terminal == row.terminal).cloned().collect();
            let apart = after(row.clone(), &own);
            let folded = whole.writes.iter().find(|write| write.row.terminal == row.terminal);
            let folded = folded.map_or(row, |write| write.row.clone());
            prop_assert_eq!(Presence { version: 0, ..folded }, Presence { version: 0, ..apart });
        }
    }

    #[test]
    fn a_heartbeat_changes_no_setting_of_an_operator(rows in any_rows(), beats in vec(any_beat(), 1..6)) {
        for write in run(rows.clone(), &beats).writes {
            let before = rows.iter().find(|row| row.terminal == write.row.terminal).unwrap();
            let settings = |row: &Presence| {
                (row.interval_s, row.is_active, row.in_maintenance, row.config_version, row.customer, row.alerted)
            };
            prop_assert_eq!(settings(&write.row), settings(before));
        }
    }
}
