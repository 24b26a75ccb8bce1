//! Cases of [`crate::alert::AlertStore`].

mod many;
mod moved;
mod server;

mod list;

use futures::future::join_all;

use crate::{
    Stores,
    alert::{
        Alert, AlertPlan, AlertState, Cause, CauseSet, NewAlert, Resolution, Resolved, Severity, decide,
        rule::AlertRules,
        store::{AlertFilter, AlertsApplied},
    },
    error::StoreError,
    event::EventKind,
    id::{AlertId, CustomerId, Revision, TerminalId},
    lease::Fence,
    page::Order,
    presence::Device,
    testkit::{
        build::{self, NOW, at},
        given,
    },
    time::Timestamp,
};

pub use many::{ids_narrow_a_list, many_are_saved_together_or_not_at_all};
pub use moved::an_open_one_follows_its_terminal;
pub use server::{parallel_server_alerts_open_once, server_alerts_are_open_once};

pub use list::{dropping_spares_open_and_young_ones, filters_match_the_model, open_alerts_are_counted};

/// Lets the alerts follow every unsettled row, as the reconciler does.
pub(super) async fn settle(stores: &Stores, now: Timestamp) -> AlertsApplied {
    let fence = given::lead(stores, "alerts", "node-1").await;
    let rows = stores.presence.unsettled(100).await.unwrap();
    let plans: Vec<_> = rows
        .iter()
        .map(|row| decide(row, &AlertRules::default(), now))
        .collect();
    stores.alerts.apply(&plans, fence).await.unwrap()
}

async fn terminal(stores: &Stores) -> (TerminalId, CustomerId) {
    let customer = given::customer(stores, "ABC").await.id;
    (given::enrolled(stores, customer, 1).await, customer)
}

fn plan(terminal: TerminalId, customer: CustomerId, raise: &[Cause], when: Timestamp) -> AlertPlan {
    AlertPlan {
        terminal,
        seen_raised: build::causes(raise),
        raise: raise
            .iter()
            .map(|cause| build::alert(terminal, customer, *cause, when))
            .collect(),
        resolve: CauseSet::EMPTY,
        at: when,
    }
}

fn ending(terminal: TerminalId, resolve: &[Cause], when: Timestamp) -> AlertPlan {
    AlertPlan {
        terminal,
        seen_raised: CauseSet::EMPTY,
        raise: Vec::new(),
        resolve: build::causes(resolve),
        at: when,
    }
}

async fn apply(stores: &Stores, plan: AlertPlan, fence: Fence) -> (u64, u64) {
    let applied = stores.alerts.apply(&[plan], fence).await.unwrap();
    (applied.raised, applied.resolved)
}

async fn all(stores: &Stores) -> Vec<Alert> {
    let filter = AlertFilter::default();
    let page = build::whole_page();
    stores
        .alerts
        .list(&filter, Order::Ascending, &page)
        .await
        .unwrap()
        .items
}

/// A raised alert reads back, at both ends of each field, is told as an event, and settles its row.
pub async fn a_raised_alert_reads_back(stores: &Stores) {
    let (terminal, customer) = terminal(stores).await;
    let fence = given::fence(stores).await;
    let version = given::presence(stores, terminal).await.version;
    let new = NewAlert {
        severity: Severity::Info,
        details: serde_json::json!({"text": "新宿 'x' \"%_\\ \u{1F600}", "big": i64::MAX, "none": null, "list": [1, [2.5]]}),
        ..build::alert(terminal, customer, Cause::Security, Timestamp::MAX)
    };
    let applied = apply(
        stores,
        AlertPlan {
            raise: vec![new.clone()],
            ..plan(terminal, customer, &[Cause::Security], NOW)
        },
        fence,
    )
    .await;
    assert_eq!(applied, (1, 0));
    let alert = all(stores).await.pop().unwrap();
    let expected = Alert {
        id: alert.id,
        terminal: Some(terminal),
        customer: Some(customer),
        cause: Cause::Security,
        severity: Severity::Info,
        state: AlertState::Open,
        details: new.details,
        occurrences: 1,
        created_at: Timestamp::MAX,
        acknowledged: None,
        resolved: None,
        revision: Revision::FIRST,
    };
    assert_eq!(alert, expected);
    assert_eq!(stores.alerts.find(alert.id).await.unwrap(), Some(expected));
    let unknown = AlertId::new(alert.id.get() + 1_000).unwrap();
    assert_eq!(stores.alerts.find(unknown).await.unwrap(), None);
    let row = given::presence(stores, terminal).await;
    assert_eq!(row.alerted, build::causes(&[Cause::Security]));
    assert!(row.version > version, "the version of the presence row grows");
    let told = given::events(stores).await.pop().unwrap().event;
    assert_eq!(told.data, alert.event(EventKind::NewAlert, NOW).data);
    assert_eq!((told.kind, told.customer), (EventKind::NewAlert, Some(customer)));
}

/// Only one alert of a terminal and cause is open at a time; raising again counts as its occurrence.
pub async fn one_open_alert_per_terminal_and_cause(stores: &Stores) {
    let (terminal, customer) = terminal(stores).await;
    let other = given::enrolled(stores, customer, 2).await;
    let fence = given::fence(stores).await;
    let raise = plan(terminal, customer, &[Cause::Offline], at(1));
    let plans = join_all((0..6).map(|_| apply(stores, raise.clone(), fence))).await;
    assert_eq!(
        plans.iter().map(|applied| applied.0).sum::<u64>(),
        1,
        "one of parallel raises opens it"
    );
    assert_eq!(all(stores).await.len(), 1);
    // The row forgets that it was alerted while the alert stays open.
    apply(stores, ending(terminal, &[], at(2)), fence).await;
    assert_eq!(
        apply(stores, plan(terminal, customer, &[Cause::Offline], at(3)), fence).await,
        (0, 0)
    );
    let open = all(stores).await;
    assert_eq!((open.len(), open[0].occurrences), (1, 2));
    assert_eq!(open[0].created_at, at(1));
    assert_eq!(
        apply(
            stores,
            plan(terminal, customer, &[Cause::Offline, Cause::Security], at(4)),
            fence
        )
        .await,
        (1, 0),
        "another cause"
    );
    assert_eq!(
        apply(stores, plan(other, customer, &[Cause::Offline], at(5)), fence).await,
        (1, 0),
        "another terminal"
    );
    assert_eq!(all(stores).await.len(), 3);
}

/// The same plan again, after success too, changes nothing more: no alert, no occurrence, no event.
pub async fn applying_twice_changes_nothing_more(stores: &Stores) {
    let (terminal, customer) = terminal(stores).await;
    let fence = given::fence(stores).await;
    let raise = plan(terminal, customer, &[Cause::Offline, Cause::HighCpu], at(1));
    let resolve = AlertPlan {
        seen_raised: build::causes(&[Cause::HighCpu]),
        ..ending(terminal, &[Cause::Offline], at(2))
    };
    for (plan, applied) in [(raise, (2, 0)), (resolve, (0, 1))] {
        assert_eq!(apply(stores, plan.clone(), fence).await, applied);
        let (alerts, events) = (all(stores).await, given::events(stores).await.len());
        let alerted = given::presence(stores, terminal).await.alerted;
        assert_eq!(apply(stores, plan, fence).await, (0, 0));
        assert_eq!(all(stores).await, alerts);
        assert_eq!(given::events(stores).await.len(), events);
        assert_eq!(given::presence(stores, terminal).await.alerted, alerted);
    }
}

/// What a person resolved while the cause lasts is not raised again by the same causes.
pub async fn a_resolved_alert_is_not_raised_by_the_same_plan(stores: &Stores) {
    let (terminal, customer) = terminal(stores).await;
    let fence = given::fence(stores).await;
    let raise = plan(terminal, customer, &[Cause::Offline], at(1));
    apply(stores, raise.clone(), fence).await;
    let mut alert = all(stores).await.pop().unwrap();
    alert.resolve("admin", None, at(2)).unwrap();
    stores.alerts.save(&alert, Revision::FIRST, build::act()).await.unwrap();
    assert_eq!(apply(stores, raise, fence).await, (0, 0));
    assert_eq!(all(stores).await.len(), 1);
}

/// Recovery resolves the open alert, is told as an event, and lets a new one be raised later.
pub async fn recovery_resolves(stores: &Stores) {
    let (terminal, customer) = terminal(stores).await;
    let fence = given::fence(stores).await;
    apply(stores, plan(terminal, customer, &[Cause::Offline], at(1)), fence).await;
    let mut expected = all(stores).await.pop().unwrap();
    assert_eq!(
        apply(
            stores,
            ending(terminal, &[Cause::Offline, Cause::HighCpu], at(2)),
            fence
        )
        .await,
        (0, 1)
    );
    let alert = stores.alerts.find(expected.id).await.unwrap().unwrap();
    assert!(alert.revision > expected.revision);
    expected.state = AlertState::Resolved;
    expected.resolved = Some(Resolved {
        resolution: Resolution::Auto,
        by: None,
        at: at(2),
        notes: None,
    });
    expected.revision = alert.revision;
    assert_eq!(alert, expected);
    assert!(given::presence(stores, terminal).await.alerted.is_empty());
    let told = given::events(stores).await.pop().unwrap().event;
    assert_eq!(told.kind, EventKind::AlertUpdate);
    assert_eq!(told.data, alert.event(EventKind::AlertUpdate, at(2)).data);
    assert_eq!(
        apply(stores, plan(terminal, customer, &[Cause::Offline], at(3)), fence).await,
        (1, 0)
    );
    assert_eq!(all(stores).await.len(), 2);
}

/// From a heartbeat to an alert and back: the rows that presence raises are settled by the plans made of them.
pub async fn alerts_follow_presence(stores: &Stores) {
    let (terminal, _) = terminal(stores).await;
    let mut broken = build::beat(terminal, at(10));
    broken.device = Device::Error(42);
    given::beats(stores, &[broken]).await;
    assert_eq!(settle(stores, at(11)).await, AlertsApplied { raised: 1, resolved: 0 });
    let alert = all(stores).await.pop().unwrap();
    assert_eq!(
        (alert.cause, alert.details),
        (Cause::DeviceError, serde_json::json!({"error_code": 42}))
    );
    assert_eq!(settle(stores, at(12)).await, AlertsApplied::default());
    given::beats(stores, &[build::beat(terminal, at(20))]).await;
    assert_eq!(settle(stores, at(21)).await, AlertsApplied { raised: 0, resolved: 1 });
}

/// Setting `alerted` outdates a sweep that read the row before.
pub async fn applying_outdates_what_a_sweep_read(stores: &Stores) {
    let (terminal, customer) = terminal(stores).await;
    given::beats(stores, &[build::beat(terminal, at(10))]).await;
    let sweep = super::presence::due_plan(stores, at(7_200)).await;
    let fence = given::fence(stores).await;
    apply(stores, plan(terminal, customer, &[Cause::Security], at(1)), fence).await;
    assert_eq!(stores.presence.apply_sweep(&sweep, fence).await.unwrap(), 0);
    assert_eq!(
        given::presence(stores, terminal).await.alerted,
        build::causes(&[Cause::Security])
    );
}

/// Acknowledgement and resolution by a person read back, with every field.
pub async fn an_answer_reads_back(stores: &Stores) {
    let (terminal, customer) = terminal(stores).await;
    let fence = given::fence(stores).await;
    apply(stores, plan(terminal, customer, &[Cause::Offline], at(1)), fence).await;
    let mut alert = all(stores).await.pop().unwrap();
    alert.acknowledge("日本 O'Neil", at(2)).unwrap();
    alert.revision = stores.alerts.save(&alert, Revision::FIRST, build::act()).await.unwrap();
    assert_eq!(alert.revision, Revision(2));
    assert_eq!(stores.alerts.find(alert.id).await.unwrap(), Some(alert.clone()));
    alert
        .resolve("admin", Some("line\n'%_\\ \u{1F600}".repeat(100)), Timestamp::MAX)
        .unwrap();
    alert.revision = stores.alerts.save(&alert, Revision(2), build::act()).await.unwrap();
    assert_eq!(stores.alerts.find(alert.id).await.unwrap(), Some(alert));
}

/// Who read an older revision may not save; recovery counts as a change too.
pub async fn stale_revision_is_refused(stores: &Stores) {
    let (terminal, customer) = terminal(stores).await;
    let fence = given::fence(stores).await;
    apply(stores, plan(terminal, customer, &[Cause::Offline], at(1)), fence).await;
    let alert = all(stores).await.pop().unwrap();
    let mut mine = alert.clone();
    mine.acknowledge("me", at(2)).unwrap();
    refused!(
        stores.alerts.save(&mine, Revision(2), build::act()).await,
        StoreError::Stale(_)
    );
    apply(stores, ending(terminal, &[Cause::Offline], at(3)), fence).await;
    let outcome = stores
        .alerts
        .save(&mine, alert.revision, build::act_with_event(9))
        .await;
    refused!(outcome, StoreError::Stale(_));
    let kept = all(stores).await.pop().unwrap();
    assert_eq!((kept.state, kept.acknowledged), (AlertState::Resolved, None));
    let events = given::events(stores).await;
    assert!(!events.iter().any(|stored| stored.event == build::event(9)));
}

/// Of parallel answers to one alert, one succeeds.
pub async fn one_of_parallel_answers_wins(stores: &Stores) {
    let (terminal, customer) = terminal(stores).await;
    let fence = given::fence(stores).await;
    apply(stores, plan(terminal, customer, &[Cause::Offline], at(1)), fence).await;
    let alert = all(stores).await.pop().unwrap();
    let outcomes = join_all((0..6).map(|n| {
        let mut next = alert.clone();
        next.acknowledge(&format!("person {n}"), at(2)).unwrap();
        async move { stores.alerts.save(&next, Revision::FIRST, build::act()).await }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        refused!(outcome, StoreError::Stale(_));
    }
}

/// A leader that lost its lease neither raises nor resolves.
pub async fn a_fenced_leader_writes_nothing(stores: &Stores) {
    let (terminal, customer) = terminal(stores).await;
    let fence = given::fence(stores).await;
    apply(stores, plan(terminal, customer, &[Cause::Offline], at(1)), fence).await;
    let server = build::server_alert(Cause::Offline, at(1));
    stores.alerts.raise_server_alert(&server, fence).await.unwrap();
    let before = (
        all(stores).await,
        given::presence(stores, terminal).await,
        given::events(stores).await,
    );
    let old = given::fenced_off(stores).await;
    let plans = [
        plan(terminal, customer, &[Cause::Offline, Cause::Security], at(2)),
        ending(terminal, &[Cause::Offline], at(2)),
    ];
    for plan in plans {
        refused!(stores.alerts.apply(&[plan], old).await, StoreError::Fenced);
    }
    let other = build::server_alert(Cause::Security, at(2));
    refused!(stores.alerts.raise_server_alert(&other, old).await, StoreError::Fenced);
    refused!(
        stores.alerts.resolve_server_alert(Cause::Offline, at(2), old).await,
        StoreError::Fenced
    );
    let after = (
        all(stores).await,
        given::presence(stores, terminal).await,
        given::events(stores).await,
    );
    assert_eq!(after, before);
}
