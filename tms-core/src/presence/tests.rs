//! The rules of presence: tables, and laws that hold for any course of events.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    alert::rule::{AlertRule, AlertRules},
    heartbeat::{Heartbeat, plan, plan::BatchRules},
    presence::sweep::{self, SweepInput, is_due, is_mass_loss},
    settings::PresenceSettings,
};

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_769_248_800 + secs)
}

fn new_row(number: i64) -> Presence {
    let (terminal, customer) = (TerminalId::new(number).unwrap(), CustomerId::new(1).unwrap());
    Presence::new(terminal, customer, 300, at(0))
}

/// A row that was heard at second 0 with `device`.
fn heard(device: Device) -> Presence {
    Presence {
        first_seen: Some(at(0)),
        last_seen: Some(at(0)),
        deadline: Some(at(660)),
        device,
        ..new_row(1)
    }
}

fn lost(device: Device) -> Presence {
    Presence {
        is_lost: true,
        ..heard(device)
    }
}

fn causes(causes: &[Cause]) -> CauseSet {
    causes.iter().copied().collect()
}

#[test]
fn the_link_grows_old_by_the_answered_interval() {
    assert_eq!(new_row(1).link(at(9_999)), Link::Never);
    let row = heard(Device::Ok);
    for (secs, link) in [
        (-5, Link::Connected),
        (0, Link::Connected),
        (330, Link::Connected),
        (331, Link::Late),
        (99_999, Link::Late),
    ] {
        assert_eq!(row.link(at(secs)), link, "second {secs}");
    }
    let shorter = Presence { next_s: 60, ..row };
    assert_eq!(shorter.link(at(91)), Link::Late);
    assert_eq!(lost(Device::Ok).link(at(0)), Link::Lost);
}

#[test]
fn status_follows_from_maintenance_link_and_device() {
    use Device as D;
    for (row, status) in [
        (new_row(1), Status::Offline),
        (heard(D::Ok), Status::Online),
        (heard(D::Unknown), Status::Online),
        (heard(D::Error(0)), Status::Error),
        (heard(D::Error(7)), Status::Error),
        (heard(D::Absent), Status::Error),
        (lost(D::Ok), Status::Offline),
        (lost(D::Error(7)), Status::Offline),
        (lost(D::Absent), Status::Offline),
    ] {
        assert_eq!(row.derived_status(), status, "{row:?}");
        let maintained = Presence {
            in_maintenance: true,
            ..row
        };
        assert_eq!(maintained.derived_status(), Status::Maintenance);
    }
}

#[test]
fn the_device_is_unknown_while_nothing_is_heard() {
    assert_eq!(heard(Device::Error(7)).device_seen(), Device::Error(7));
    assert_eq!(lost(Device::Error(7)).device_seen(), Device::Unknown);
    let never = Presence {
        device: Device::Ok,
        ..new_row(1)
    };
    assert_eq!(never.device_seen(), Device::Unknown);
}

#[test]
fn causes_follow_from_link_and_device() {
    use Device as D;
    let retired = |row: Presence| Presence {
        is_active: false,
        ..row
    };
    for (row, expected) in [
        (new_row(1), causes(&[])),
        (heard(D::Ok), causes(&[])),
        (heard(D::Unknown), causes(&[])),
        (heard(D::Error(1)), causes(&[Cause::DeviceError])),
        (heard(D::Absent), causes(&[Cause::ReaderAbsent])),
        (lost(D::Absent), causes(&[Cause::Offline])),
        (retired(lost(D::Ok)), causes(&[])),
        (retired(heard(D::Absent)), causes(&[])),
    ] {
        assert_eq!(row.derived_causes(at(1), &AlertRules::default()), expected, "{row:?}");
    }
}

#[test]
fn a_breach_becomes_a_cause_after_its_duration() {
    let mut row = heard(Device::Ok);
    row.breaches = format!("high_cpu={} clock_skew={}", at(0).as_micros(), at(5).as_micros())
        .parse()
        .unwrap();
    let rules = AlertRules::default();
    for (secs, expected) in [
        (4, causes(&[])),
        (5, causes(&[Cause::ClockSkew])),
        (599, causes(&[Cause::ClockSkew])),
        (600, causes(&[Cause::ClockSkew, Cause::HighCpu])),
    ] {
        assert_eq!(row.derived_causes(at(secs), &rules), expected, "second {secs}");
    }
    let off = AlertRules::new(vec![AlertRule {
        is_enabled: false,
        ..*rules.get(Cause::HighCpu).unwrap()
    }]);
    assert_eq!(
        row.derived_causes(at(600), &off),
        causes(&[Cause::ClockSkew]),
        "a rule that is off"
    );
    row.is_lost = true;
    assert_eq!(
        row.derived_causes(at(600), &rules),
        causes(&[Cause::Offline]),
        "silence says nothing of the load"
    );
}

#[test]
fn a_rule_that_is_off_raises_nothing() {
    let all = AlertRules::default();
    let off = |cause| AlertRule {
        is_enabled: false,
        ..*all.get(cause).unwrap()
    };
    let rules = AlertRules::new(vec![off(Cause::Offline), off(Cause::ReaderAbsent)]);
    assert!(lost(Device::Ok).derived_causes(at(1), &rules).is_empty());
    assert!(heard(Device::Absent).derived_causes(at(1), &rules).is_empty());
    assert!(!heard(Device::Error(1)).derived_causes(at(1), &rules).is_empty());
}

#[test]
fn maintenance_keeps_what_is_open_and_raises_nothing_new() {
    let mut row = lost(Device::Ok);
    row.in_maintenance = true;
    assert!(row.derived_causes(at(1), &AlertRules::default()).is_empty());
    row.alerted = causes(&[Cause::Offline, Cause::HighCpu]);
    assert_eq!(
        row.derived_causes(at(1), &AlertRules::default()),
        causes(&[Cause::Offline])
    );
}

#[test]
fn settling_closes_the_interval_of_the_status_before() {
    let mut row = new_row(1);
    let rules = AlertRules::default();
    assert_eq!(row.settle(at(5), &rules), None, "nothing changed");
    (row.first_seen, row.last_seen) = (Some(at(10)), Some(at(10)));
    let change = row.settle(at(10), &rules).unwrap();
    assert_eq!(
        (change.from, change.began_at, change.to, change.at),
        (Status::Offline, at(0), Status::Online, at(10))
    );
    assert_eq!((row.status, row.status_since), (Status::Online, at(10)));
    row.in_maintenance = true;
    let change = row.settle(at(3), &rules).unwrap();
    assert_eq!(
        (change.began_at, change.at),
        (at(10), at(10)),
        "no interval is negative"
    );
    assert_eq!(change.event().unwrap().data["new_status"], "maintenance");
}

#[test]
fn the_next_heartbeat_is_at_most_a_tenth_early() {
    for interval_s in [1, 2, 5, 9, 10, 11, 60, 300, 3_600] {
        for number in 1..200 {
            let row = Presence {
                interval_s,
                ..new_row(number)
            };
            let next = row.next_heartbeat_s(at(0));
            assert!(
                (interval_s - interval_s / 10..=interval_s).contains(&next) && next > 0,
                "{interval_s}: {next}"
            );
            assert_eq!(next, row.next_heartbeat_s(at(1)), "it is the same all day");
        }
    }
}

#[test]
fn a_fleet_spreads_evenly_over_the_tenth() {
    let mut counts = BTreeMap::new();
    for number in 1..=31_000 {
        *counts.entry(new_row(number).next_heartbeat_s(at(0))).or_insert(0_u32) += 1;
    }
    assert_eq!(counts.len(), 31, "270 to 300");
    assert!(counts.values().all(|count| (800..1_200).contains(count)), "{counts:?}");
    let moved = (1..=1_000)
        .filter(|number| {
            let row = new_row(*number);
            row.next_heartbeat_s(at(0)) != row.next_heartbeat_s(at(86_400))
        })
        .count();
    assert!(moved > 900, "the order changes from day to day: {moved}");
}

#[test]
fn a_row_is_due_only_after_its_deadline() {
    let row = heard(Device::Ok);
    assert!(!is_due(&row, at(660), &[]));
    assert!(is_due(&row, at(661), &[]));
    let away = Outage {
        from: at(100),
        to: at(200),
    };
    assert!(!is_due(&row, at(760), &[away]));
    assert!(is_due(&row, at(761), &[away]));
    assert!(!is_due(&new_row(1), at(99_999), &[]), "one never heard");
    let retired = Presence {
        is_active: false,
        ..row
    };
    assert!(!is_due(&retired, at(99_999), &[]));
}

fn sweep(rows: Vec<Presence>, secs: i64, hold_losses: bool) -> store::SweepPlan {
    let input = SweepInput {
        now: at(secs),
        outages: &[],
        rules: &AlertRules::default(),
        hold_losses,
    };
    sweep::plan(rows, &input)
}

#[test]
fn a_sweep_writes_what_time_changed_and_nothing_else() {
    let mut online = heard(Device::Ok);
    online.settle(at(0), &AlertRules::default());
    assert!(sweep(vec![online.clone()], 660, false).writes.is_empty());
    let plan = sweep(vec![online.clone()], 661, false);
    let [write] = &plan.writes[..] else { panic!("{plan:?}") };
    assert!(write.is_full && write.row.is_lost && write.row.version == write.seen + 1);
    assert_eq!(write.row.raised, causes(&[Cause::Offline]));
    assert_eq!(plan.changes[0].to, Status::Offline);
    assert!(
        sweep(vec![write.row.clone()], 700, false).writes.is_empty(),
        "it is lost already"
    );
    assert!(
        sweep(vec![online.clone()], 661, true).writes.is_empty(),
        "losses are held"
    );
    let mut hot = online;
    hot.breaches = format!("high_cpu={}", at(0).as_micros()).parse().unwrap();
    let plan = sweep(vec![hot], 600, true);
    assert_eq!(
        plan.writes[0].row.raised,
        causes(&[Cause::HighCpu]),
        "what is held is losses only"
    );
    assert!(plan.changes.is_empty());
}

#[test]
fn many_losses_at_once_are_suspicious() {
    let settings = PresenceSettings::default();
    for (due, connected, is_suspicious) in [
        (49, 49, false),
        (50, 249, true),
        (50, 250, false),
        (51, 250, true),
        (0, 0, false),
        (u64::MAX, 1, true),
    ] {
        assert_eq!(
            is_mass_loss(due, connected, &settings),
            is_suspicious,
            "{due} of {connected}"
        );
    }
}

#[test]
fn names_and_codes_of_devices_read_back() {
    for device in [Device::Ok, Device::Error(i32::MIN), Device::Absent, Device::Unknown] {
        assert_eq!(Device::from_parts(device.name(), device.code()), Ok(device));
    }
    assert!(Device::from_parts("OK", 0).is_err());
}

#[test]
fn boot_ids_are_bounded() {
    for text in ["a", "A-Z_0.9", &"x".repeat(64)] {
        assert_eq!(BootId::parse(text).unwrap().to_string(), text);
    }
    for text in ["", " a", "a/b", "é", &"x".repeat(65)] {
        assert!(BootId::parse(text).is_err(), "{text:?}");
    }
}

/// What may happen to a terminal.
#[derive(Debug, Clone)]
enum Event {
    Beat {
        device: Device,
        cpu: Option<i16>,
        skew_s: i64,
    },
    Sweep {
        hold_losses: bool,
    },
    Maintain(bool),
    AlertsFollow,
    Wait(i64),
}

fn any_event() -> impl Strategy<Value = Event> {
    let device = prop_oneof![
        Just(Device::Ok),
        Just(Device::Error(3)),
        Just(Device::Absent),
        Just(Device::Unknown)
    ];
    let cpu = proptest::option::of(0..=100_i16);
    prop_oneof![
        4 => (device, cpu, -120..120_i64).prop_map(|(device, cpu, skew_s)| Event::Beat { device, cpu, skew_s }),
        3 => any::<bool>().prop_map(|hold_losses| Event::Sweep { hold_losses }),
        1 => any::<bool>().prop_map(Event::Maintain),
        2 => Just(Event::AlertsFollow),
        4 => (0..1_500_i64).prop_map(Event::Wait),
    ]
}

fn beat(secs: i64, device: Device, cpu_percent: Option<i16>, skew_s: i64) -> Heartbeat {
    Heartbeat {
        terminal: new_row(1).terminal,
        received_at: at(secs),
        agent_time: at(secs + skew_s),
        sequence: None,
        device,
        metrics: Metrics {
            cpu_percent,
            ..Metrics::default()
        },
        reported: Reported::default(),
        counters: Counters::default(),
    }
}

/// Lets a row live through one event at second `now`; returns the change of status that it told.
fn step(row: &mut Presence, event: &Event, now: &mut i64) -> Vec<StatusChange> {
    let rules = BatchRules::default();
    match event {
        Event::Beat { device, cpu, skew_s } => {
            let plan = plan::plan(vec![row.clone()], &[beat(*now, *device, *cpu, *skew_s)], &rules);
            *row = plan.writes.into_iter().next().unwrap().row;
            plan.changes
        }
        Event::Sweep { hold_losses } => {
            let plan = sweep(vec![row.clone()], *now, *hold_losses);
            if let Some(write) = plan.writes.into_iter().next() {
                *row = write.row;
            }
            plan.changes
        }
        Event::Maintain(on) => {
            row.in_maintenance = *on;
            row.settle(at(*now), &rules.alerts).into_iter().collect()
        }
        Event::AlertsFollow => {
            row.alerted = row.raised;
            Vec::new()
        }
        Event::Wait(secs) => {
            *now += secs;
            Vec::new()
        }
    }
}

proptest! {
    #[test]
    fn after_any_course_of_events_the_status_is_the_derived_one(events in vec(any_event(), 0..40)) {
        let (mut row, mut now) = (new_row(1), 0);
        let mut since = (row.status, row.status_since);
        for event in &events {
            let (alerted, raised) = (row.alerted, row.raised);
            for change in step(&mut row, event, &mut now) {
                prop_assert_eq!((change.from, change.began_at), since, "intervals follow without gap");
                prop_assert!(change.from != change.to && change.began_at <= change.at);
                since = (change.to, change.at);
            }
            prop_assert_eq!((row.status, row.status_since), since, "every change is told");
            prop_assert_eq!(row.status, row.derived_status());
            if row.in_maintenance && !matches!(event, Event::AlertsFollow) {
                let new = row.raised.minus(alerted);
                prop_assert!(new.is_empty() || row.raised == raised, "maintenance raised {new:?}");
            }
        }
    }

    #[test]
    fn recovery_ends_every_cause(events in vec(any_event(), 0..40)) {
        let (mut row, mut now) = (new_row(1), 0);
        for event in &events {
            step(&mut row, event, &mut now);
        }
        let well = Event::Beat { device: Device::Ok, cpu: Some(10), skew_s: 0 };
        step(&mut row, &well, &mut now);
        prop_assert!(row.raised.is_empty(), "{:?}", row.raised);
        prop_assert!(row.breaches.is_empty());
    }

    #[test]
    fn what_is_raised_has_its_reason_now(events in vec(any_event(), 0..40)) {
        let (mut row, mut now) = (new_row(1), 0);
        for event in &events {
            step(&mut row, event, &mut now);
            prop_assert!(row.is_lost || !row.raised.contains(Cause::Offline));
            for cause in row.raised.iter().filter(|cause| Cause::THRESHOLDS.contains(cause)) {
                prop_assert!(row.breaches.causes().contains(cause));
            }
        }
    }

    #[test]
    fn a_second_sweep_at_once_finds_nothing(events in vec(any_event(), 0..30)) {
        let (mut row, mut now) = (new_row(1), 0);
        for event in &events {
            step(&mut row, event, &mut now);
        }
        step(&mut row, &Event::Sweep { hold_losses: false }, &mut now);
        prop_assert!(sweep(vec![row], now, false).writes.is_empty());
    }

    #[test]
    fn breaches_print_and_read_back(events in vec(any_event(), 0..30)) {
        let (mut row, mut now) = (new_row(1), 0);
        for event in &events {
            step(&mut row, event, &mut now);
            let printed = row.breaches.to_string();
            prop_assert_eq!(printed.parse::<Breaches>(), Ok(row.breaches.clone()));
        }
    }
}
