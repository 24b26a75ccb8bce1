//! Cases of transfers.

use std::collections::BTreeSet;

use serde_json::json;

use crate::{
    Stores,
    alert::{Alert, AlertState, Cause, Resolution, Resolved, Severity, store::AlertFilter},
    error::StoreError,
    id::{CustomerId, TerminalId},
    maintenance::{Maintenance, NewMaintenance},
    notification::{Channel, ChannelDraft, ChannelState, Hours, Language, Routing, Target},
    operator::Profile,
    page::{Order, PageRequest},
    permission::Role,
    presence::Presence,
    secret::Secret,
    settings::Settings,
    terminal::{Host, Lifecycle, TerminalDraft, TerminalView},
    terminal_log::{StoredLog, store::LogFilter},
    testkit::{
        build::{self, NOW, at},
        given,
    },
    transfer::{
        AlertEntry, ChannelEntry, Fixture, LogLine, MaintenanceEntry, Taken, TerminalEntry, UserEntry, store::Ending,
    },
};

fn terminal(n: i64, customer: &str) -> TerminalEntry {
    TerminalEntry {
        draft: TerminalDraft {
            serial: build::serial(n),
            customer: customer.to_owned(),
            model: "TC-200".to_owned(),
            store_name: Some("新宿".to_owned()),
            store_code: Some("001".to_owned()),
            installation_address: None,
            heartbeat_interval_s: 60,
            auto_update_enabled: false,
            installed_date: Some("2026-01-02".parse().unwrap()),
            warranty_end_date: None,
        },
        is_retired: false,
        mac_address: Some("00:11:22:33:44:55".to_owned()),
        firmware_version: Some("2.0.0".to_owned()),
    }
}

fn user(name: &str, customer: Option<&str>) -> UserEntry {
    UserEntry {
        username: name.to_owned(),
        profile: Profile {
            is_disabled: true,
            ..build::profile(name, Role::Support)
        },
        customer: customer.map(str::to_owned),
        password_hash: Some(Secret::new("a hash".to_owned())),
    }
}

fn maintenance(n: i64, from: i64) -> MaintenanceEntry {
    MaintenanceEntry {
        serial: build::serial(n),
        from: at(from),
        until: Some(at(from + 3_600)),
        reason: "改装".to_owned(),
        created_by: "yamada".to_owned(),
    }
}

fn channel(name: &str, customers: &[&str]) -> ChannelEntry {
    let draft = ChannelDraft {
        name: name.to_owned(),
        is_enabled: false,
        target: Target::WebHook {
            url: "https://example.com/hook".to_owned(),
        },
        routing: Routing {
            lowest: Severity::Medium,
            customers: BTreeSet::new(),
            hours: Hours::parse("22:00", "07:30", "Asia/Tokyo").ok(),
            tells_end: true,
        },
        language: Language::Japanese,
    };
    ChannelEntry {
        draft,
        customers: customers.iter().map(|&name| name.to_owned()).collect(),
    }
}

fn alert(n: i64, created: i64) -> AlertEntry {
    AlertEntry {
        serial: build::serial(n),
        cause: Cause::HighCpu,
        severity: Severity::Low,
        details: json!({ "title": "熱い" }),
        created_at: at(created),
        acknowledged: Some(("yamada".to_owned(), at(created + 1))),
        resolved: None,
    }
}

fn resolved(n: i64, created: i64) -> AlertEntry {
    let end = Resolved {
        resolution: Resolution::Operator,
        by: Some("yamada".to_owned()),
        at: at(created + 2),
        notes: Some("cleaned".to_owned()),
    };
    AlertEntry {
        resolved: Some(end),
        ..alert(n, created)
    }
}

fn line(n: i64, event: i64) -> LogLine {
    LogLine {
        serial: build::serial(n),
        entry: build::log(event),
    }
}

/// Two customers, one of them new; two terminals, one of them retired, with maintenance; two people, two channels; history.
fn fixture() -> Fixture {
    let retired = TerminalEntry {
        is_retired: true,
        mac_address: None,
        firmware_version: None,
        ..terminal(2, "new")
    };
    Fixture {
        customers: vec![build::customer("known"), build::customer("new")],
        users: vec![user("yamada", Some("new")), user("sato", None)],
        terminals: vec![terminal(1, "known"), retired],
        maintenances: vec![
            maintenance(1, -60),
            MaintenanceEntry {
                until: None,
                ..maintenance(1, 86_400)
            },
        ],
        channels: vec![channel("夜勤", &["new", "known"]), channel("everything", &[])],
        alerts: vec![resolved(1, -900), alert(1, -300)],
        logs: vec![line(1, 1), line(2, 1), line(1, 2)],
        settings: Some(Settings {
            presence: crate::settings::PresenceSettings {
                lost_grace_s: 61,
                ..Settings::default().presence
            },
            ..Settings::default()
        }),
    }
}

async fn take_in(stores: &Stores, fixture: &Fixture, ending: Ending) -> Result<Taken, StoreError> {
    stores.transfers.take_in(fixture, ending, NOW, build::act()).await
}

async fn found(stores: &Stores, n: i64) -> Option<TerminalView> {
    stores.terminals.find_by_serial(&build::serial(n)).await.unwrap()
}

async fn alerts(stores: &Stores) -> Vec<Alert> {
    let page = PageRequest::first(100);
    let page = stores
        .alerts
        .list(&AlertFilter::default(), Order::Ascending, &page)
        .await;
    page.unwrap().items
}

async fn lines(stores: &Stores, terminal: TerminalId) -> Vec<StoredLog> {
    let page = stores
        .logs
        .list(terminal, &LogFilter::default(), &PageRequest::first(100))
        .await;
    page.unwrap().items
}

/// Everything that was taken in reads back, and what belongs together does.
pub async fn everything_reads_back(stores: &Stores) {
    let known = given::customer(stores, "known").await;
    let wanted = fixture();
    let taken = take_in(stores, &wanted, Ending::Keep).await.unwrap();
    let expected = Taken {
        customers: 1,
        users: 2,
        terminals: 2,
        maintenances: 2,
        channels: 2,
        alerts: 2,
        logs: 3,
        settings: true,
    };
    assert_eq!(taken, expected);
    let new = stores.customers.find_by_name("new").await.unwrap().unwrap();
    assert_eq!((&new.draft, new.created_at), (&wanted.customers[1], NOW));
    check_people(stores, &wanted, new.id).await;
    assert_eq!(
        stores.settings.load().await.unwrap().map(|s| s.settings),
        wanted.settings
    );
    let first = found(stores, 1).await.unwrap();
    assert_eq!(
        first.terminal.draft,
        wanted.terminals[0].draft.clone().owned_by(known.id)
    );
    assert_eq!(first.terminal.lifecycle, Lifecycle::Registered);
    let host = Host {
        mac_address: Some("00:11:22:33:44:55".to_owned()),
        ..Host::default()
    };
    assert_eq!(first.terminal.host, host);
    let mut row = Presence::new(first.terminal.id, known.id, 60, NOW);
    row.reported.firmware_version = Some("2.0.0".to_owned());
    assert_eq!(first.presence, row);
    let second = found(stores, 2).await.unwrap();
    assert_eq!(second.terminal.lifecycle, Lifecycle::Retired);
    assert!(!second.presence.is_active);
    assert_eq!(given::counts(stores).await.total(), 1, "a retired one is not counted");
    let firmware = crate::terminal::store::TerminalFilter {
        firmware_version: Some("2.0.0".to_owned()),
        ..Default::default()
    };
    let sort = crate::terminal::store::TerminalSort::SerialNumber;
    let listed = stores
        .terminals
        .list(&firmware, sort, Order::Ascending, &PageRequest::first(10))
        .await;
    assert_eq!(listed.unwrap().items.len(), 1);
    check_plans(stores, &wanted, first.terminal.id).await;
    check_channels(stores, &wanted, BTreeSet::from([known.id, new.id])).await;
    check_history(stores, &wanted, first.terminal.id).await;
    let trail = given::audit(stores).await;
    assert_eq!(
        trail.len(),
        2,
        "one entry for the customer before, one for the transfer"
    );
}

async fn times(stores: &Stores) -> Vec<Maintenance> {
    let page = stores.maintenance.list(None, None, &PageRequest::first(100)).await;
    let mut times = page.unwrap().items;
    times.sort_by_key(|time| time.plan.from);
    times
}

async fn channels(stores: &Stores) -> Vec<Channel> {
    let page = stores.notifications.list(&PageRequest::first(100)).await;
    let mut channels = page.unwrap().items;
    channels.sort_by_key(|channel| channel.id);
    channels
}

async fn check_people(stores: &Stores, wanted: &Fixture, new: CustomerId) {
    let yamada = stores.users.find_by_name("yamada").await.unwrap().unwrap();
    assert_eq!(yamada.profile.customer, Some(new));
    assert_eq!(yamada.password_hash, wanted.users[0].password_hash);
    assert!(yamada.profile.is_disabled && yamada.profile.role == Role::Support);
    let sato = stores.users.find_by_name("sato").await.unwrap().unwrap();
    assert_eq!(sato.profile, wanted.users[1].profile);
}

async fn check_plans(stores: &Stores, wanted: &Fixture, terminal: TerminalId) {
    let stored = times(stores).await;
    assert_eq!(stored.len(), 2);
    for (time, entry) in stored.iter().zip(&wanted.maintenances) {
        let plan = NewMaintenance {
            terminal,
            from: entry.from,
            until: entry.until,
            reason: entry.reason.clone(),
        };
        assert_eq!(
            (&time.plan, &time.created_by, time.created_at),
            (&plan, &entry.created_by, NOW)
        );
    }
    let out_of_step = stores.maintenance.out_of_step(NOW, None, 10).await.unwrap();
    assert_eq!(out_of_step, [(terminal, true)], "what has begun acts");
}

async fn check_channels(stores: &Stores, wanted: &Fixture, both: BTreeSet<CustomerId>) {
    let stored = channels(stores).await;
    assert_eq!(stored.len(), 2);
    for ((channel, entry), customers) in stored.iter().zip(&wanted.channels).zip([both, BTreeSet::new()]) {
        assert_eq!(channel.draft, entry.told_of(customers));
        assert_eq!((&channel.secret, &channel.state), (&None, &ChannelState::default()));
        assert_eq!((channel.created_at, channel.updated_at), (NOW, NOW));
    }
    assert!(stores.notifications.enabled().await.unwrap().is_empty());
}

async fn check_history(stores: &Stores, wanted: &Fixture, terminal: TerminalId) {
    let stored = alerts(stores).await;
    assert_eq!(stored.len(), 2);
    for (alert, entry) in stored.iter().zip(&wanted.alerts) {
        assert_eq!(alert.terminal, Some(terminal));
        assert!(alert.customer.is_some());
        assert_eq!(
            (alert.cause, alert.severity, &alert.details),
            (entry.cause, entry.severity, &entry.details)
        );
        assert_eq!((alert.created_at, alert.state), (entry.created_at, entry.state()));
        assert_eq!(
            (&alert.acknowledged, &alert.resolved),
            (&entry.acknowledged, &entry.resolved)
        );
    }
    assert_eq!(stored[1].state, AlertState::Acknowledged);
    let mut stored: Vec<_> = lines(stores, terminal).await.into_iter().map(|log| log.entry).collect();
    stored.sort_by(|a, b| a.event_id.cmp(&b.event_id));
    assert_eq!(stored, [build::log(1), build::log(2)]);
}

/// A second time writes nothing but its entry, and changes nothing that was changed meanwhile.
pub async fn a_second_time_writes_nothing(stores: &Stores) {
    let wanted = fixture();
    take_in(stores, &wanted, Ending::Keep).await.unwrap();
    let mut changed = wanted.clone();
    changed.customers[0].notes = Some("other".to_owned());
    changed.users[1].profile.full_name = "other".to_owned();
    changed.terminals[0].draft.model = "other".to_owned();
    changed.maintenances[0].reason = "other".to_owned();
    changed.channels[0].customers.clear();
    // Another open alert of the same terminal and cause.
    changed.alerts.push(alert(1, -100));
    changed.settings = Some(Settings::default());
    let taken = take_in(stores, &changed, Ending::Keep).await.unwrap();
    assert_eq!(taken, Taken::default());
    let known = stores.customers.find_by_name("known").await.unwrap().unwrap();
    assert_eq!(known.draft, wanted.customers[0]);
    let first = found(stores, 1).await.unwrap();
    assert_eq!(first.terminal.draft.model, "TC-200");
    assert_eq!(times(stores).await[0].plan.reason, wanted.maintenances[0].reason);
    assert_eq!(channels(stores).await[0].draft.routing.customers.len(), 2);
    assert_eq!((times(stores).await.len(), channels(stores).await.len()), (2, 2));
    assert_eq!(alerts(stores).await.len(), 2);
    assert_eq!(lines(stores, first.terminal.id).await.len(), 2);
    assert_eq!(
        stores.settings.load().await.unwrap().map(|s| s.settings),
        wanted.settings
    );
    changed.terminals.push(terminal(3, "known"));
    changed.maintenances.push(maintenance(3, -60));
    changed.channels.push(channel("third", &["known"]));
    let taken = take_in(stores, &changed, Ending::Keep).await.unwrap();
    let expected = Taken {
        terminals: 1,
        maintenances: 1,
        channels: 1,
        ..Taken::default()
    };
    assert_eq!(taken, expected, "only what is missing is written");
}

/// A trial counts what it would write, and nothing of it stays.
pub async fn a_trial_leaves_nothing(stores: &Stores) {
    let trial = take_in(stores, &fixture(), Ending::TakeBack).await.unwrap();
    assert!(stores.customers.find_by_name("new").await.unwrap().is_none());
    assert!(!stores.users.has_users().await.unwrap());
    assert!(found(stores, 1).await.is_none());
    assert!(times(stores).await.is_empty() && channels(stores).await.is_empty());
    assert!(alerts(stores).await.is_empty() && given::audit(stores).await.is_empty());
    assert_eq!(given::counts(stores).await.total(), 0);
    assert!(stores.settings.load().await.unwrap().is_none());
    let kept = take_in(stores, &fixture(), Ending::Keep).await.unwrap();
    assert_eq!(trial, kept);
}

/// One name that leads nowhere, and nothing is written.
pub async fn a_transfer_is_all_or_nothing(stores: &Stores) {
    let with = |change: fn(&mut Fixture)| {
        let mut wrong = fixture();
        change(&mut wrong);
        async move { take_in(stores, &wrong, Ending::Keep).await }
    };
    missing!(
        with(|f| f.users[0].customer = Some("nobody".to_owned())).await,
        "customer"
    );
    missing!(
        with(|f| f.terminals[1].draft.customer = "nobody".to_owned()).await,
        "customer"
    );
    refused!(
        with(|f| f.channels[0].customers = BTreeSet::from(["nobody".to_owned()])).await,
        StoreError::Missing(_)
    );
    refused!(
        with(|f| f.maintenances[1].serial = build::serial(9)).await,
        StoreError::Missing(_)
    );
    missing!(with(|f| f.alerts[1].serial = build::serial(9)).await, "terminal");
    missing!(with(|f| f.logs[2].serial = build::serial(9)).await, "terminal");
    let fenced = given::fenced_act(stores).await;
    refused!(
        stores.transfers.take_in(&fixture(), Ending::Keep, NOW, fenced).await,
        StoreError::Fenced
    );
    assert!(stores.customers.find_by_name("new").await.unwrap().is_none());
    assert!(!stores.users.has_users().await.unwrap());
    assert!(found(stores, 1).await.is_none());
    assert!(times(stores).await.is_empty() && channels(stores).await.is_empty());
    assert!(given::audit(stores).await.is_empty());
}

/// Thousands of things are taken in at once.
pub async fn a_large_transfer_is_stored(stores: &Stores) {
    let terminals = (1..=6_000).map(|n| terminal(n, "new"));
    let large = Fixture {
        customers: vec![build::customer("new")],
        terminals: terminals.collect(),
        maintenances: (1..=6_000).map(|n| maintenance(n, 60)).collect(),
        alerts: (1..=6_000).map(|n| resolved(n, -900)).collect(),
        logs: (1..=600).flat_map(|n| [line(n, 1), line(n, 2)]).collect(),
        ..Fixture::default()
    };
    let taken = take_in(stores, &large, Ending::Keep).await.unwrap();
    assert_eq!((taken.terminals, taken.maintenances), (6_000, 6_000));
    assert_eq!((taken.alerts, taken.logs), (6_000, 1_200));
    assert_eq!(given::counts(stores).await.total(), 6_000);
}
