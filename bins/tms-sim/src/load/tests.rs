//! The load against a small server that keeps heartbeats in memory, answers like TMS, and fails when told to.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{LoadSettings, Outcome, gauges::Gauges, journal, run};
use crate::{
    access::{Access, Secret},
    error::SimError,
    verify,
};

/// What the server has, and how it fails.
#[derive(Default)]
struct Fake {
    beats: Mutex<HashMap<String, Vec<(String, i64)>>>,
    lines: Mutex<HashMap<String, Vec<String>>>,
    registered: AtomicU64,
    /// How often each code was used.
    uses: Mutex<HashMap<String, u64>>,
    requests: AtomicU64,
    /// Every so many heartbeats one is stored and answered 503.
    stores_and_refuses: AtomicU64,
    /// Every so many heartbeats one is acknowledged and forgotten.
    forgets: AtomicU64,
    /// Whether a heartbeat that is sent again is stored again.
    doubles: AtomicBool,
}

type Shared = State<Arc<Fake>>;

fn every(n: &AtomicU64, count: u64) -> bool {
    let n = n.load(Ordering::Relaxed);
    n > 0 && count.is_multiple_of(n)
}

async fn register(State(fake): Shared, Json(body): Json<Value>) -> Response {
    let code = body["enrollment_code"].as_str().unwrap().to_owned();
    *fake.uses.lock().unwrap().entry(code).or_default() += 1;
    let id = fake.registered.fetch_add(1, Ordering::Relaxed) + 1;
    let answer = json!({"terminal_id": id, "agent_token": format!("tms_ag_{id:06}"), "heartbeat_interval": 300,
        "server_time": "t", "config": {"version": 1, "log_level": "INFO", "auto_update": true}});
    (StatusCode::CREATED, Json(answer)).into_response()
}

fn terminal_of(headers: &HeaderMap) -> String {
    let token = headers["authorization"].to_str().unwrap();
    let number: u64 = token.strip_prefix("Bearer tms_ag_").unwrap().parse().unwrap();
    number.to_string()
}

async fn heartbeat(State(fake): Shared, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    assert_eq!(headers["x-terminal-serial"], body["serial_number"].as_str().unwrap());
    let count = fake.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let beat = (
        body["boot_id"].as_str().unwrap().to_owned(),
        body["seq"].as_i64().unwrap(),
    );
    if !every(&fake.forgets, count) {
        let mut beats = fake.beats.lock().unwrap();
        let known = beats.entry(terminal_of(&headers)).or_default();
        if fake.doubles.load(Ordering::Relaxed) || !known.contains(&beat) {
            known.push(beat);
        }
    }
    if every(&fake.stores_and_refuses, count) {
        return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]).into_response();
    }
    Json(
        json!({"status": "acknowledged", "server_time": "t", "next_heartbeat": 300, "config_version": 1,
        "commands": []}),
    )
    .into_response()
}

async fn logs(State(fake): Shared, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
    let mut lines = fake.lines.lock().unwrap();
    let known = lines.entry(terminal_of(&headers)).or_default();
    for line in body["logs"].as_array().unwrap() {
        known.push(line["event_id"].as_str().unwrap().to_owned());
    }
    Json(json!({"status": "received", "count": 2}))
}

/// Answers a page of twenty rows, newest first; the cursor is the number of rows before it.
fn page(rows: Vec<Value>, query: &HashMap<String, String>) -> Json<Value> {
    let from: usize = query.get("cursor").map_or(0, |cursor| cursor.parse().unwrap());
    let (count, rows) = (rows.len(), rows.into_iter().rev().skip(from).take(20));
    let next = (from + 20 < count).then(|| (from + 20).to_string());
    Json(json!({"data": rows.collect::<Vec<_>>(), "meta": {"per_page": 20, "next_cursor": next}, "links": {}}))
}

async fn metrics(
    State(fake): Shared,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Value> {
    assert_eq!(query["resolution"], "raw");
    let beats = fake.beats.lock().unwrap();
    let rows = beats.get(&id).into_iter().flatten().map(|(_, seq)| json!({"seq": seq}));
    page(rows.collect(), &query)
}

async fn list_logs(
    State(fake): Shared,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Value> {
    let lines = fake.lines.lock().unwrap();
    let rows = lines
        .get(&id)
        .into_iter()
        .flatten()
        .map(|event| json!({"event_id": event}));
    page(rows.collect(), &query)
}

async fn terminal(State(fake): Shared, Path(id): Path<String>) -> Json<Value> {
    let beats = fake.beats.lock().unwrap();
    let (boot, seq) = beats[&id].iter().max_by_key(|(_, seq)| *seq).cloned().unwrap();
    Json(
        json!({"id": id.parse::<i64>().unwrap(), "serial_number": "A-1", "model": "TC-200", "lifecycle": "active",
        "status": "online", "status_reason": {"link": "connected", "device": "ok", "since": null, "next_deadline": null},
        "customer": {"id": 1, "company_name": "c"}, "boot_id": boot, "seq": seq, "metrics": {},
        "settings": {"heartbeat_interval": 300, "auto_update_enabled": true, "maintenance_mode": false},
        "active_alerts": 0, "created_at": "t", "updated_at": "t"}),
    )
}

async fn login(Json(body): Json<Value>) -> Response {
    if body["password"] != "hunter2hunter2" {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(
        json!({"access_token": "a", "refresh_token": "r", "token_type": "Bearer", "expires_in": 900,
        "user": {"id": 1, "username": "u", "full_name": "U", "role": "admin", "email": null}}),
    )
    .into_response()
}

fn router(fake: Arc<Fake>) -> Router {
    let api = Router::new()
        .route("/agent/register", post(register))
        .route("/agent/heartbeat", post(heartbeat))
        .route("/agent/logs", post(logs))
        .route("/auth/login", post(login))
        .route("/terminals/{id}", get(terminal))
        .route("/terminals/{id}/metrics", get(metrics))
        .route("/terminals/{id}/logs", get(list_logs));
    Router::new()
        .nest("/api/v1", api)
        .route("/bare", post(|_: Json<Value>| async { "ok" }))
        .with_state(fake)
}

/// Serves until the handle is aborted, connections included.
async fn serve(fake: Arc<Fake>, address: &str) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut connections = tokio::task::JoinSet::new();
    let app = router(fake);
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let app = app.clone();
            connections.spawn(async move {
                let service = hyper_util::service::TowerToHyperService::new(app);
                let io = hyper_util::rt::TokioIo::new(stream);
                drop(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(io, service)
                        .await,
                );
            });
        }
    });
    (address, server)
}

fn settings(address: &str) -> LoadSettings {
    LoadSettings {
        connections: 4,
        terminals: 10,
        duration: Duration::from_millis(300),
        warm_up: Duration::from_millis(50),
        log_share: 0.1,
        access: Some(Access::Codes(vec![Secret::new("CODE")])),
        ..LoadSettings::new(&format!("http://{address}"))
    }
}

#[tokio::test]
async fn enrolment_takes_codes_in_turn() {
    let fake = Arc::<Fake>::default();
    let (address, server) = serve(fake.clone(), "127.0.0.1:0").await;
    let codes = ["A", "B", "C"].map(Secret::new).to_vec();
    let load = LoadSettings {
        terminals: 12,
        enrol_at_once: 5,
        access: Some(Access::Codes(codes)),
        ..settings(&address)
    };
    let outcome = run(&load, Arc::default()).await.unwrap();
    assert_eq!(outcome.report.enrolled, 12);
    for code in ["A", "B", "C"] {
        assert_eq!(fake.uses.lock().unwrap()[code], 4, "{code}");
    }
    let none = LoadSettings {
        enrol_at_once: 0,
        ..load
    };
    let error = run(&none, Arc::default()).await.unwrap_err();
    assert!(matches!(error, SimError::Settings(_)), "{error:?}");
    server.abort();
}

fn operator() -> Access {
    Access::Operator {
        username: "u".to_owned(),
        password: Secret::new("hunter2hunter2"),
    }
}

async fn verified(address: &str, outcome: Outcome) -> verify::Verification {
    let server = format!("http://{address}");
    verify::run(&server, &operator(), outcome.ledger, Arc::default())
        .await
        .unwrap()
}

fn stored(fake: &Fake) -> u64 {
    let beats = fake.beats.lock().unwrap();
    u64::try_from(beats.values().map(Vec::len).sum::<usize>()).unwrap()
}

#[tokio::test]
async fn what_a_server_acknowledged_is_found_there() {
    let fake = Arc::<Fake>::default();
    let (address, server) = serve(fake.clone(), "127.0.0.1:0").await;
    let outcome = run(&settings(&address), Arc::default()).await.unwrap();
    let report = &outcome.report;
    assert_eq!(report.counts.acknowledged, stored(&fake));
    assert_eq!((report.counts.failed(), report.enrolled), (0, 10));
    assert!(report.counts.acknowledged > 20 && report.throughput > 0.0 && report.counts.log_lines > 0);
    assert!(report.latency_ms.p50 > 0.0 && report.latency_ms.p50 <= report.latency_ms.max);
    let lines = report.counts.log_lines;
    let verification = verified(&address, outcome).await;
    assert!(verification.is_clean(), "{verification}");
    assert_eq!(
        (verification.heartbeats.found, verification.log_lines.found),
        (stored(&fake), lines)
    );
    server.abort();
}

#[tokio::test]
async fn loss_and_doubling_are_noticed() {
    let fake = Arc::<Fake>::default();
    fake.forgets.store(7, Ordering::Relaxed);
    let (address, server) = serve(fake.clone(), "127.0.0.1:0").await;
    let outcome = run(&settings(&address), Arc::default()).await.unwrap();
    let verification = verified(&address, outcome).await;
    assert!(verification.heartbeats.missing > 0 && !verification.is_clean());
    assert!(verification.to_string().contains("is lost"), "{verification}");

    fake.forgets.store(0, Ordering::Relaxed);
    fake.stores_and_refuses.store(5, Ordering::Relaxed);
    fake.doubles.store(true, Ordering::Relaxed);
    let again = LoadSettings {
        through_restarts: true,
        ..settings(&address)
    };
    let outcome = run(&again, Arc::default()).await.unwrap();
    assert!(outcome.report.counts.repeated > 0);
    let verification = verified(&address, outcome).await;
    assert!(verification.heartbeats.doubled > 0 && verification.heartbeats.missing == 0);
    server.abort();
}

#[tokio::test]
async fn refused_work_is_sent_again_with_the_same_counter() {
    let fake = Arc::<Fake>::default();
    fake.stores_and_refuses.store(5, Ordering::Relaxed);
    let (address, server) = serve(fake.clone(), "127.0.0.1:0").await;
    let patient = LoadSettings {
        through_restarts: true,
        ..settings(&address)
    };
    let outcome = run(&patient, Arc::default()).await.unwrap();
    assert!(outcome.report.counts.refused[&503] > 0 && outcome.report.counts.repeated > 0);
    let verification = verified(&address, outcome).await;
    assert!(verification.is_clean(), "{verification}");
    server.abort();
}

#[tokio::test]
async fn a_run_survives_a_server_that_is_killed_and_its_journal_proves_it() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Arc::<Fake>::default();
    let (address, server) = serve(fake.clone(), "127.0.0.1:0").await;
    let load = LoadSettings {
        duration: Duration::from_millis(1_500),
        through_restarts: true,
        tokens: Some(folder.path().join("tokens")),
        journal: Some(folder.path().join("journal")),
        ..settings(&address)
    };
    let gauges = Arc::<Gauges>::default();
    let running = tokio::spawn({
        let (load, gauges) = (load.clone(), gauges.clone());
        async move { run(&load, gauges).await }
    });
    while gauges.acknowledged.get() < 50 {
        tokio::task::yield_now().await;
    }
    server.abort();
    while gauges.connection_errors.get() < 4 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (_, server) = serve(fake.clone(), &address).await;
    let outcome = running.await.unwrap().unwrap();
    assert!(outcome.report.counts.connection_errors >= 4 && outcome.report.counts.repeated > 0);

    let ledger = journal::read(load.journal.as_deref().unwrap()).unwrap();
    assert_eq!(ledger, outcome.ledger);
    let verification = verified(&address, outcome).await;
    assert!(verification.is_clean(), "{verification}");

    // A second run takes up the same terminals and proves both runs by one journal.
    let enrolled = fake.registered.load(Ordering::Relaxed);
    let next = LoadSettings {
        duration: Duration::from_millis(100),
        access: None,
        ..load
    };
    run(&next, Arc::default()).await.unwrap();
    assert_eq!(fake.registered.load(Ordering::Relaxed), enrolled);
    let ledger = journal::read(next.journal.as_deref().unwrap()).unwrap();
    let found = verify::run(&next.url, &operator(), ledger, Arc::default())
        .await
        .unwrap();
    assert!(found.is_clean(), "{found}");
    assert_eq!(
        found.heartbeats.found + found.heartbeats.unacknowledged_found,
        stored(&fake)
    );
    server.abort();
}

#[tokio::test]
async fn a_fixed_rate_is_kept_and_what_a_stall_delays_is_late() {
    let fake = Arc::<Fake>::default();
    let (address, server) = serve(fake, "127.0.0.1:0").await;
    let fixed = LoadSettings {
        rate: Some(200.0),
        duration: Duration::from_millis(500),
        warm_up: Duration::ZERO,
        ..settings(&address)
    };
    let outcome = run(&fixed, Arc::default()).await.unwrap();
    let sent = outcome.report.counts.acknowledged + outcome.report.counts.unsent;
    assert!((99..=101).contains(&sent), "{sent} of 100");
    server.abort();
}

#[tokio::test]
async fn a_bare_handler_takes_the_same_body_without_enrolment() {
    let (address, server) = serve(Arc::default(), "127.0.0.1:0").await;
    let bare = LoadSettings {
        bare_path: Some("/bare".to_owned()),
        access: None,
        ..settings(&address)
    };
    let outcome = run(&bare, Arc::default()).await.unwrap();
    assert!(outcome.report.is_good() && outcome.report.counts.failed() == 0);
    server.abort();
}

#[tokio::test]
async fn a_load_says_what_it_lacks() {
    let lacking = LoadSettings {
        access: None,
        ..settings("127.0.0.1:1")
    };
    let error = run(&lacking, Arc::default()).await.unwrap_err();
    assert!(matches!(error, SimError::Settings(_)), "{error:?}");
    let (address, server) = serve(Arc::default(), "127.0.0.1:0").await;
    let wrong = Access::Operator {
        username: "u".to_owned(),
        password: Secret::new("wrong"),
    };
    let load = LoadSettings {
        access: Some(wrong),
        ..settings(&address)
    };
    let error = run(&load, Arc::default()).await.unwrap_err();
    assert!(matches!(error, SimError::Server { .. }), "{error:?}");
    server.abort();
}
