//! The typed client against the router over a real socket: what one sends and reads is what the other reads and sends.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;
use tms_http::{
    client::{ClientError, OperatorClient, http_client},
    wire::{
        Patch,
        alert::AlertQuery,
        alert_rule::AlertRulePatch,
        history::PageQuery,
        notification::{NotificationChannelCreate, NotificationChannelPatch, Routing, WebHookWish},
        report::{AvailabilityQuery, SummaryQuery, TerminalAvailabilityQuery},
        terminal::{TerminalPatch, TerminalQuery},
    },
};
use tokio::net::TcpListener;

use crate::world::{PASSWORD, World};

/// Serves the world, and signs the administrator in.
async fn administrator(world: &World) -> OperatorClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let serve = tms_http::ServeSettings::default();
    tokio::spawn(tms_http::serve(
        listener,
        world.router.clone(),
        serve,
        std::future::pending(),
    ));
    let http = http_client(Duration::from_secs(30)).unwrap();
    OperatorClient::login(http, &address, "admin-san", PASSWORD)
        .await
        .unwrap()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, ClientError>, status: u16) {
    match answer {
        Err(ClientError::Refused { status: seen, .. }) if seen == status => {}
        other => panic!("{other:?} instead of {status}"),
    }
}

/// The routes that the client has no method for, and why it needs none.
const WITHOUT_METHOD: &[&str] = &[
    // For programs that make a client of their own, and for browsers.
    "/openapi.json",
    "/ws/monitoring",
];

const SOURCES: &[&str] = &[
    include_str!("../../src/client/agent.rs"),
    include_str!("../../src/client/operator.rs"),
    include_str!("../../src/client/operator/alert_rule.rs"),
    include_str!("../../src/client/operator/audit.rs"),
    include_str!("../../src/client/operator/customer.rs"),
    include_str!("../../src/client/operator/enrollment_code.rs"),
    include_str!("../../src/client/operator/events.rs"),
    include_str!("../../src/client/operator/maintenance.rs"),
    include_str!("../../src/client/operator/notification.rs"),
    include_str!("../../src/client/operator/people.rs"),
    include_str!("../../src/client/operator/report.rs"),
    include_str!("../../src/client/operator/session.rs"),
    include_str!("../../src/client/operator/setting.rs"),
    include_str!("../../src/client/operator/transfer.rs"),
];

/// Returns the paths that a source of the client names.
fn asked(source: &str) -> impl Iterator<Item = String> {
    let root = source
        .lines()
        .find_map(|line| line.strip_prefix("const PATH: &str = \""));
    let root = root.unwrap_or_default().trim_end_matches("\";");
    let literals = source.split('"').skip(1).step_by(2);
    literals.filter_map(move |literal| match literal.split_once('/') {
        Some(("" | "{root}" | "{}", path)) => Some(format!("/{path}")),
        Some(("{PATH}", path)) => Some(format!("{root}/{path}")),
        _ => None,
    })
}

#[test]
fn every_route_has_a_method_and_every_method_a_route() {
    let asked: BTreeSet<_> = SOURCES.iter().flat_map(|source| asked(source)).collect();
    let routes = include_str!("matrix.txt").lines().filter(|line| !line.starts_with('#'));
    let served: BTreeSet<_> = routes
        .filter_map(|line| line.split_whitespace().nth(1).map(str::to_owned))
        .filter(|path| !WITHOUT_METHOD.contains(&path.as_str()))
        .collect();
    assert_eq!(asked, served);
}

#[tokio::test]
async fn terminals_and_alerts_are_read_and_changed() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    world
        .beat(&agent, json!({ "status": "error", "error_code": 51 }))
        .send()
        .await
        .ok(200);
    world.tick().await;
    let client = administrator(&world).await;
    let found = client.terminals(&TerminalQuery::default()).await.unwrap();
    assert_eq!(found.data.len(), 1);
    let one = client.terminal(agent.id).await.unwrap();
    let rename = TerminalPatch {
        store_name: Patch::Set("Ginza".to_owned()),
        ..TerminalPatch::default()
    };
    let renamed = client.patch_terminal(agent.id, &one.etag, &rename).await.unwrap();
    assert_eq!(renamed.store_name.as_deref(), Some("Ginza"));
    refused(client.patch_terminal(agent.id, &one.etag, &rename).await, 412);
    let alerts = client.alerts(&AlertQuery::default()).await.unwrap();
    assert_eq!(alerts.data.len(), 1);
    assert_eq!(client.alert(alerts.data[0].id).await.unwrap(), alerts.data[0]);
    assert_eq!(client.summary().await.unwrap().terminals.error, 1);
    refused(client.alert(987).await, 404);
}

#[tokio::test]
async fn reports_come_as_figures_and_as_tables() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    world.beat(&agent, json!({})).send().await.ok(200);
    let client = administrator(&world).await;
    let week = AvailabilityQuery {
        customer_id: Some(customer),
        ..AvailabilityQuery::default()
    };
    assert_eq!(client.availability(&week).await.unwrap().data.len(), 7);
    let table = client.availability_csv(&week).await.unwrap();
    assert!(table.contains("2026-01-24,") && table.lines().count() > 7, "{table}");
    let own = TerminalAvailabilityQuery::default();
    let of_one = client.terminal_availability(agent.id, &own).await.unwrap();
    let table = client.terminal_availability_csv(agent.id, &own).await.unwrap();
    assert!(table.lines().count() > of_one.data.len(), "{table}");
    let summary = client.report_summary(&SummaryQuery::default()).await.unwrap();
    assert_eq!(summary.statistics.terminals.total, 1);
    assert!(
        client
            .report_summary_csv(&SummaryQuery::default())
            .await
            .unwrap()
            .contains("ABC")
    );
    let wrong = AvailabilityQuery {
        granularity: Some("century".to_owned()),
        ..AvailabilityQuery::default()
    };
    refused(client.availability(&wrong).await, 422);
}

#[tokio::test]
async fn rules_and_channels_are_made_changed_and_deleted() {
    let world = World::new().await;
    let client = administrator(&world).await;
    let rules = client.alert_rules(&PageQuery::default()).await.unwrap();
    let rule = client.alert_rule(rules.data[0].id).await.unwrap();
    let off = AlertRulePatch {
        is_enabled: Some(false),
        ..AlertRulePatch::default()
    };
    let patched = client.patch_alert_rule(rule.value.id, &rule.etag, &off).await.unwrap();
    assert!(!patched.is_enabled);
    refused(client.patch_alert_rule(rule.value.id, &rule.etag, &off).await, 412);

    let wish = NotificationChannelCreate {
        name: "hook".to_owned(),
        is_enabled: None,
        mail: None,
        web_hook: Some(WebHookWish {
            url: "https://example.com/hook".to_owned(),
            secret: Some("a secret of sixteen characters".to_owned()),
        }),
        slack: None,
        sns: None,
        routing: Routing::default(),
        language: None,
    };
    let made = client.create_notification_channel(&wish).await.unwrap();
    refused(client.create_notification_channel(&wish).await, 409);
    let listed = client.notification_channels(&PageQuery::default()).await.unwrap();
    assert_eq!(listed.data.len(), 1);
    let read = client.notification_channel(made.id).await.unwrap();
    assert_eq!(client.test_notification_channel(made.id).await.unwrap().error, None);
    assert_eq!(world.sent().len(), 1);
    let rename = NotificationChannelPatch {
        name: Some("other hook".to_owned()),
        ..NotificationChannelPatch::default()
    };
    let patched = client.patch_notification_channel(made.id, &read.etag, &rename).await;
    assert_eq!(patched.unwrap().name, "other hook");
    refused(client.delete_notification_channel(made.id, &read.etag).await, 412);
    let read = client.notification_channel(made.id).await.unwrap();
    client.delete_notification_channel(made.id, &read.etag).await.unwrap();
    refused(client.notification_channel(made.id).await, 404);
}
