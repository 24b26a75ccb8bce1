//! Cases of [`crate::presence::PresenceStore`].

mod outage;

use std::time::Duration;

use futures::future::{join, join_all};

use crate::{
    Stores,
    alert::{Cause, rule::AlertRules},
    envelope::Envelope,
    error::StoreError,
    heartbeat::Answer,
    id::TerminalId,
    lease::Fence,
    presence::{
        Device, Outage, Presence, Status, StatusChange,
        store::{DueRows, PresenceWrite, SweepPlan},
        sweep::{SweepInput, plan},
    },
    testkit::{
        build::{self, NOW, at},
        given,
    },
    time::Timestamp,
};

pub use outage::{
    a_gap_between_stamps_is_an_outage, a_stamp_never_goes_back, parallel_stamps_record_one_outage,
    stamps_of_two_nodes_close_the_gap,
};

async fn fleet(stores: &Stores, count: i64) -> Vec<TerminalId> {
    let customer = given::customer(stores, "ABC").await;
    given::fleet(stores, customer.id, count).await
}

/// A moment behind the deadline of every heartbeat of the first hour.
const LATER: i64 = 7_200;

/// Decides a sweep of everything that is due at `now`.
pub(super) async fn due_plan(stores: &Stores, now: Timestamp) -> SweepPlan {
    let due = stores.presence.due(now, &[], 100).await.unwrap();
    let input = SweepInput {
        now,
        outages: &[],
        rules: &AlertRules::default(),
        hold_losses: false,
    };
    plan(due.rows, &input)
}

/// Puts a row into maintenance, or takes it out, as the service does.
pub(super) fn maintaining(mut row: Presence, on: bool, now: Timestamp) -> (PresenceWrite, Option<StatusChange>) {
    let seen = row.version;
    row.in_maintenance = on;
    let change = row.settle(now, &AlertRules::default());
    row.version += 1;
    let write = PresenceWrite {
        row,
        seen,
        is_full: true,
    };
    (write, change)
}

/// Rows come in order of id, each once, unknown ones left out.
pub async fn rows_come_in_order_of_id(stores: &Stores) {
    let fleet = fleet(stores, 3).await;
    let stranger = TerminalId::new(fleet[2].get() + 1_000).unwrap();
    let asked = [fleet[2], stranger, fleet[0], fleet[2]];
    let rows = stores.presence.find_many(&asked).await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.terminal).collect();
    assert_eq!(ids, [fleet[0], fleet[2]]);
    assert!(stores.presence.find_many(&[]).await.unwrap().is_empty());
    let last = fleet[2].get();
    let many: Vec<_> = (1..=last + 5_000)
        .rev()
        .map(|raw| TerminalId::new(raw).unwrap())
        .collect();
    let rows = stores.presence.find_many(&many).await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.terminal).collect();
    assert_eq!(ids, fleet, "of thousands of ids");
}

async fn due_ids(stores: &Stores, now: Timestamp, outages: &[Outage], limit: u32) -> (Vec<TerminalId>, DueRows) {
    let due = stores.presence.due(now, outages, limit).await.unwrap();
    (due.rows.iter().map(|row| row.terminal).collect(), due)
}

/// A row is due once its deadline, moved by our own outages, has passed; not at it, and not while lost already.
pub async fn due_rows_respect_outages(stores: &Stores) {
    let fleet = fleet(stores, 3).await;
    given::beats(stores, &[build::beat(fleet[0], at(10)), build::beat(fleet[1], at(200))]).await;
    let deadline = |row: &Presence| row.deadline.expect("it was heard");
    let first = deadline(&given::presence(stores, fleet[0]).await);
    assert!(due_ids(stores, first, &[], 10).await.0.is_empty(), "at the deadline");
    let just_after = first.plus(Duration::from_micros(1));
    let (ids, due) = due_ids(stores, just_after, &[], 10).await;
    assert_eq!(ids, [fleet[0]]);
    assert_eq!(due.rows, [given::presence(stores, fleet[0]).await]);
    assert_eq!((due.connected, due.due_for_loss), (2, 1));

    let away = Outage {
        from: at(100),
        to: at(150),
    };
    assert!(due_ids(stores, just_after, &[away], 10).await.0.is_empty());
    let moved = just_after.plus(Duration::from_secs(50));
    assert_eq!(due_ids(stores, moved, &[away], 10).await.0, [fleet[0]]);
    // It began before the second terminal was heard, so it moves only the first.
    let second = deadline(&given::presence(stores, fleet[1]).await).plus(Duration::from_micros(1));
    assert_eq!(due_ids(stores, second, &[away], 10).await.0, fleet[..2]);
    let half = Outage {
        from: at(150),
        to: at(250),
    };
    let partly = second.plus(Duration::from_secs(49));
    assert!(!due_ids(stores, partly, &[half], 10).await.0.contains(&fleet[1]));
    let partly = second.plus(Duration::from_secs(50));
    assert!(due_ids(stores, partly, &[half], 10).await.0.contains(&fleet[1]));
}

/// Two outages add up, the second also where only the first brings the deadline to it.
pub async fn due_rows_respect_a_chain_of_outages(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    given::beats(stores, &[build::beat(terminal, at(10))]).await;
    let deadline = given::presence(stores, terminal).await.deadline.unwrap();
    let outages = [
        Outage {
            from: deadline.plus(Duration::from_secs(50)),
            to: deadline.plus(Duration::from_secs(80)),
        },
        Outage {
            from: at(20),
            to: at(120),
        },
    ];
    let moved = deadline.plus(Duration::from_secs(130));
    assert!(due_ids(stores, moved, &outages, 10).await.0.is_empty());
    let after = moved.plus(Duration::from_micros(1));
    assert_eq!(due_ids(stores, after, &outages, 10).await.0, [terminal]);
}

/// A row with a crossed threshold that is not raised is due, a raised one is not.
pub async fn unraised_breaches_are_due(stores: &Stores) {
    let fleet = fleet(stores, 2).await;
    let mut hot = build::beat(fleet[1], at(10));
    hot.metrics.cpu_percent = Some(95);
    given::beats(stores, &[build::beat(fleet[0], at(10)), hot.clone()]).await;
    let (ids, due) = due_ids(stores, at(20), &[], 10).await;
    assert_eq!(ids, [fleet[1]]);
    assert_eq!((due.connected, due.due_for_loss), (2, 0), "it is not due for loss");
    (hot.received_at, hot.agent_time) = (at(10 + 600), at(10 + 600));
    given::beats(stores, &[hot]).await;
    assert_eq!(
        given::presence(stores, fleet[1]).await.raised,
        build::causes(&[Cause::HighCpu])
    );
    assert!(due_ids(stores, at(20), &[], 10).await.0.is_empty());
}

/// In maintenance nothing is raised, so that a crossed threshold is not due; at its end it is.
pub async fn breaches_in_maintenance_are_not_due(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    let mut hot = build::beat(terminal, at(10));
    hot.metrics.cpu_percent = Some(95);
    given::beats(stores, &[hot]).await;
    for (on, expected) in [(true, vec![]), (false, vec![terminal])] {
        let (write, change) = maintaining(given::presence(stores, terminal).await, on, at(20));
        stores
            .presence
            .save(&write, change, Envelope::following())
            .await
            .unwrap();
        let (ids, due) = due_ids(stores, at(20), &[], 10).await;
        assert_eq!(ids, expected);
        assert_eq!(due.connected, 1);
    }
    let (write, change) = maintaining(given::presence(stores, terminal).await, true, at(30));
    stores
        .presence
        .save(&write, change, Envelope::following())
        .await
        .unwrap();
    assert_eq!(
        due_ids(stores, at(LATER), &[], 10).await.0,
        [terminal],
        "silence is loss in maintenance too"
    );
}

/// However many crossed thresholds wait for their time, they keep no loss from being found.
pub async fn losses_go_before_thresholds(stores: &Stores) {
    let fleet = fleet(stores, 3).await;
    let mut batch: Vec<_> = fleet.iter().map(|terminal| build::beat(*terminal, at(10))).collect();
    batch[2].received_at = at(5);
    for beat in &mut batch[..2] {
        beat.received_at = at(3_000);
        beat.metrics.cpu_percent = Some(95);
    }
    given::beats(stores, &batch).await;
    let (ids, due) = due_ids(stores, at(3_001), &[], 1).await;
    assert_eq!(ids, [fleet[2]]);
    assert_eq!((due.connected, due.due_for_loss), (3, 1));
    assert_eq!(
        due_ids(stores, at(3_001), &[], 2).await.0,
        [fleet[0], fleet[2]],
        "in order of id"
    );
    assert_eq!(due_ids(stores, at(3_001), &[], 3).await.0, fleet);
}

/// The limit bounds the rows and not the counts; the never heard and the retired are not due.
pub async fn due_rows_are_limited_and_counted(stores: &Stores) {
    let fleet = fleet(stores, 6).await;
    let batch: Vec<_> = fleet[..5]
        .iter()
        .map(|terminal| build::beat(*terminal, at(10)))
        .collect();
    given::beats(stores, &batch).await;
    super::terminal::retire(stores, fleet[0]).await;
    let (ids, due) = due_ids(stores, at(LATER), &[], 2).await;
    assert_eq!(ids, fleet[1..3]);
    assert_eq!((due.connected, due.due_for_loss), (4, 4));
    let fence = given::fence(stores).await;
    let plan = due_plan(stores, at(LATER)).await;
    assert_eq!(stores.presence.apply_sweep(&plan, fence).await.unwrap(), 4);
    let (ids, due) = due_ids(stores, at(LATER), &[], 10).await;
    assert!(ids.is_empty());
    assert_eq!((due.connected, due.due_for_loss), (0, 0));
}

/// A sweep writes rows, history, counts and events.
pub async fn a_sweep_is_told_everywhere(stores: &Stores) {
    let fleet = fleet(stores, 2).await;
    let batch: Vec<_> = fleet.iter().map(|terminal| build::beat(*terminal, at(10))).collect();
    given::beats(stores, &batch).await;
    let seen = given::events(stores).await.last().unwrap().position;
    let fence = given::fence(stores).await;
    let plan = due_plan(stores, at(LATER)).await;
    assert_eq!(stores.presence.apply_sweep(&plan, fence).await.unwrap(), 2);
    for (terminal, write) in fleet.iter().zip(&plan.writes) {
        assert_eq!(given::presence(stores, *terminal).await, write.row);
        let newest = given::status_history(stores, *terminal).await[0];
        assert_eq!(
            (newest.status, newest.to, newest.next),
            (Status::Online, at(LATER), Status::Offline)
        );
    }
    assert_eq!(given::counts(stores).await.offline, 2);
    let events = given::events_after(stores, seen).await;
    let told: Vec<_> = events.into_iter().map(|stored| stored.event).collect();
    let expected: Vec<_> = plan.changes.iter().filter_map(StatusChange::event).collect();
    assert_eq!(told, expected);
    assert_eq!(
        stores.presence.apply_sweep(&plan, fence).await.unwrap(),
        0,
        "a plan of old rows writes nothing"
    );
    assert_eq!(given::status_history(stores, fleet[0]).await.len(), 2);
    assert!(!stores.upkeep.recount().await.unwrap());
}

/// A row that a heartbeat changed after the sweep read it is left alone, its change is not told; the others are written.
pub async fn sweep_never_overwrites_a_heartbeat(stores: &Stores) {
    let fleet = fleet(stores, 2).await;
    let batch: Vec<_> = fleet.iter().map(|terminal| build::beat(*terminal, at(10))).collect();
    given::beats(stores, &batch).await;
    let plan = due_plan(stores, at(LATER)).await;
    given::beats(stores, &[build::beat(fleet[0], at(LATER))]).await;
    let before = given::presence(stores, fleet[0]).await;
    let fence = given::fence(stores).await;
    assert_eq!(stores.presence.apply_sweep(&plan, fence).await.unwrap(), 1);
    assert_eq!(given::presence(stores, fleet[0]).await, before);
    assert_eq!(given::status_history(stores, fleet[0]).await.len(), 1);
    assert_eq!(given::presence(stores, fleet[1]).await.status, Status::Offline);
    let counts = given::counts(stores).await;
    assert_eq!((counts.online, counts.offline), (1, 1));
}

/// Whatever their order, a sweep and heartbeats at one time leave each terminal that was heard online.
pub async fn a_sweep_beside_heartbeats_loses_none(stores: &Stores) {
    let fleet = fleet(stores, 6).await;
    let batch: Vec<_> = fleet.iter().map(|terminal| build::beat(*terminal, at(10))).collect();
    given::beats(stores, &batch).await;
    let plan = due_plan(stores, at(LATER)).await;
    let fence = given::fence(stores).await;
    let back: Vec<_> = fleet[..3]
        .iter()
        .map(|terminal| build::beat(*terminal, at(LATER)))
        .collect();
    let heard = join_all((0..3).map(|_| given::beats(stores, &back)));
    let (answers, swept) = join(heard, stores.presence.apply_sweep(&plan, fence)).await;
    assert!(
        answers
            .iter()
            .flatten()
            .all(|answer| matches!(answer, Answer::Recorded(_)))
    );
    assert!(swept.unwrap() >= 3);
    for (n, terminal) in fleet.into_iter().enumerate() {
        let expected = if n < 3 { Status::Online } else { Status::Offline };
        assert_eq!(given::presence(stores, terminal).await.status, expected);
    }
    assert!(!stores.upkeep.recount().await.unwrap(), "the counts were right");
}

/// Rows whose causes the alerts have not followed come in order of id, retired ones too, up to the limit.
pub async fn unsettled_rows_are_found(stores: &Stores) {
    let fleet = fleet(stores, 4).await;
    let mut batch: Vec<_> = fleet.iter().map(|terminal| build::beat(*terminal, at(10))).collect();
    for index in [0, 1, 3] {
        batch[index].device = Device::Absent;
    }
    given::beats(stores, &batch).await;
    let ids = async |limit| {
        let rows = stores.presence.unsettled(limit).await.unwrap();
        rows.iter().map(|row| row.terminal).collect::<Vec<_>>()
    };
    assert_eq!(ids(10).await, [fleet[0], fleet[1], fleet[3]]);
    assert_eq!(ids(2).await, fleet[..2]);
    super::alert::settle(stores, at(20)).await;
    assert!(ids(10).await.is_empty());
    super::terminal::retire(stores, fleet[1]).await;
    assert_eq!(ids(10).await, [fleet[1]], "its alert must end");
}

/// Rows of which the rules may say otherwise than before are found in order of id, a page at a time; healthy and retired
/// ones are not.
pub async fn rows_that_rules_judge_are_found(stores: &Stores) {
    let fleet = fleet(stores, 6).await;
    let mut batch: Vec<_> = fleet.iter().map(|terminal| build::beat(*terminal, at(10))).collect();
    batch[0].device = Device::Absent;
    batch[1].metrics.cpu_percent = Some(99);
    batch[3].device = Device::Error(7);
    batch[5].device = Device::Absent;
    given::beats(stores, &batch).await;
    super::terminal::retire(stores, fleet[5]).await;
    let ids = async |after, limit| {
        let rows = stores.presence.judged_by_rules(after, limit).await.unwrap();
        rows.iter().map(|row| row.terminal).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 10).await, [fleet[0], fleet[1], fleet[3]]);
    assert_eq!(ids(None, 2).await, fleet[..2]);
    assert_eq!(ids(Some(fleet[1]), 2).await, [fleet[3]]);
    let fence = given::fence(stores).await;
    let plan = due_plan(stores, at(LATER)).await;
    stores.presence.apply_sweep(&plan, fence).await.unwrap();
    assert_eq!(ids(None, 10).await, fleet[..5], "lost ones too");
}

/// An operator's act on a row writes the row, its history, its count and its events, or nothing if the row has changed.
pub async fn a_saved_row_is_told_everywhere(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    given::beats(stores, &[build::beat(terminal, at(10))]).await;
    let (write, change) = maintaining(given::presence(stores, terminal).await, true, at(20));
    stores
        .presence
        .save(&write, change, build::act_with_event(8))
        .await
        .unwrap();
    assert_eq!(given::presence(stores, terminal).await, write.row);
    assert_eq!(given::counts(stores).await.maintenance, 1);
    let newest = given::status_history(stores, terminal).await[0];
    assert_eq!((newest.status, newest.next), (Status::Online, Status::Maintenance));
    let events = given::events(stores).await;
    let mut told: Vec<_> = events.iter().skip(1).map(|stored| &stored.event).collect();
    told.sort_by_key(|event| event.at);
    assert_eq!(
        told,
        [&build::event(8), &change.unwrap().event().unwrap()],
        "the change, and what the envelope tells"
    );

    let outcome = stores.presence.save(&write, change, build::act_with_event(9)).await;
    refused!(outcome, StoreError::Stale(_));
    assert_eq!(given::status_history(stores, terminal).await.len(), 2);
    assert_eq!(given::counts(stores).await.maintenance, 1);
    let events = given::events(stores).await;
    assert!(!events.iter().any(|stored| stored.event == build::event(9)));
    given::beats(stores, &[build::beat(terminal, at(30))]).await;
    assert!(
        given::presence(stores, terminal).await.in_maintenance,
        "a heartbeat does not end a maintenance"
    );
}

/// A saved row with no change of status closes no interval.
pub async fn a_saved_row_without_change_closes_nothing(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    let mut row = given::presence(stores, terminal).await;
    let seen = row.version;
    row.version += 1;
    row.alerted = build::causes(&[Cause::Security, Cause::Offline]);
    let write = PresenceWrite {
        row,
        seen,
        is_full: true,
    };
    stores.presence.save(&write, None, Envelope::following()).await.unwrap();
    assert_eq!(given::presence(stores, terminal).await, write.row);
    assert!(given::status_history(stores, terminal).await.is_empty());
}

/// The history of status is newest first and read by page.
pub async fn status_history_is_read_by_page(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    for step in 0..6 {
        let mut beat = build::beat(terminal, at(10 + step));
        beat.device = if step % 2 == 0 { Device::Ok } else { Device::Absent };
        given::beats(stores, &[beat]).await;
    }
    let closed = given::paged(async |page| stores.presence.status_history(terminal, &page).await.unwrap()).await;
    let ends: Vec<_> = closed.iter().map(|interval| interval.to).collect();
    assert_eq!(ends, [15, 14, 13, 12, 11, 10].map(at));
    assert_eq!((closed[5].status, closed[5].from), (Status::Offline, NOW));
    for pair in closed.windows(2) {
        assert_eq!((pair[1].to, pair[1].next), (pair[0].from, pair[0].status), "no gap");
    }
}

/// A sweep of a leader that lost its lease writes nothing.
pub async fn a_fenced_sweep_writes_nothing(stores: &Stores) {
    let terminal = fleet(stores, 1).await[0];
    given::beats(stores, &[build::beat(terminal, at(10))]).await;
    let before = given::presence(stores, terminal).await;
    let plan = due_plan(stores, at(LATER)).await;
    let never_led = Fence {
        lease: "never taken",
        token: 1,
    };
    for fence in [given::fenced_off(stores).await, never_led] {
        refused!(stores.presence.apply_sweep(&plan, fence).await, StoreError::Fenced);
    }
    assert_eq!(given::presence(stores, terminal).await, before);
    assert_eq!(given::status_history(stores, terminal).await.len(), 1);
    assert_eq!(given::counts(stores).await.online, 1);
}
