//! A fleet against a small server: it enrols, obeys, comes back, and stops when it is told to.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::Instant};

use super::{FleetReport, FleetSettings, Troubles, run};
use crate::access::{Access, Secret};

/// What the server was told.
#[derive(Default)]
struct Fake {
    customers: Mutex<Vec<String>>,
    codes: Mutex<Vec<Value>>,
    registered: Mutex<Vec<Value>>,
    beats: Mutex<HashMap<String, Vec<(Value, Instant)>>>,
    log_lines: AtomicU64,
    /// The first so many heartbeats are asked to come later.
    overloaded: AtomicU64,
    /// The first so many enrolments are asked to come later.
    limited: AtomicU64,
    /// Terminals with these serial numbers are known already, and need a code of their own.
    known: Mutex<Vec<String>>,
    /// Terminals with these serial numbers are no longer wanted.
    retired: Mutex<Vec<String>>,
}

type Shared = State<Arc<Fake>>;

fn take(n: &AtomicU64) -> bool {
    n.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
        .is_ok()
}

async fn login() -> Json<Value> {
    Json(
        json!({"access_token": "a", "refresh_token": "r", "token_type": "Bearer", "expires_in": 900,
        "user": {"id": 1, "username": "u", "full_name": "U", "role": "admin", "email": null}}),
    )
}

fn customer(id: usize, name: &str) -> Value {
    json!({"id": id, "company_name": name, "contract_type": "basic", "is_active": true, "created_at": "t",
        "updated_at": "t"})
}

async fn make_customer(State(fake): Shared, Json(body): Json<Value>) -> Response {
    let name = body["company_name"].as_str().unwrap().to_owned();
    let mut customers = fake.customers.lock().unwrap();
    if customers.contains(&name) {
        return StatusCode::CONFLICT.into_response();
    }
    customers.push(name);
    Json(customer(customers.len(), customers.last().unwrap())).into_response()
}

async fn list_customers(State(fake): Shared) -> Json<Value> {
    let customers = fake.customers.lock().unwrap();
    let rows: Vec<_> = customers
        .iter()
        .enumerate()
        .map(|(n, name)| customer(n + 1, name))
        .collect();
    Json(json!({"data": rows, "meta": {"per_page": 100}, "links": {}}))
}

async fn make_code(State(fake): Shared, Json(mut body): Json<Value>) -> Json<Value> {
    let mut codes = fake.codes.lock().unwrap();
    let whole = json!({"id": codes.len(), "code": format!("CODE-{}", codes.len()), "used": 0, "expires_at": "t",
        "is_revoked": false, "created_by": "u", "created_at": "t"});
    for (key, value) in whole.as_object().unwrap() {
        body[key] = value.clone();
    }
    if body["uses"].is_null() {
        body["uses"] = json!(1);
    }
    codes.push(body.clone());
    Json(body)
}

async fn register(State(fake): Shared, Json(body): Json<Value>) -> Response {
    if take(&fake.limited) {
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")]).into_response();
    }
    let serial = body["serial_number"].as_str().unwrap().to_owned();
    {
        let codes = fake.codes.lock().unwrap();
        let code = codes
            .iter()
            .find(|code| code["code"] == body["enrollment_code"])
            .unwrap();
        let is_own = code["serial_number"] == serial.as_str();
        if fake.known.lock().unwrap().contains(&serial) && !is_own {
            return StatusCode::CONFLICT.into_response();
        }
    }
    let mut registered = fake.registered.lock().unwrap();
    registered.push(body);
    let answer = json!({"terminal_id": registered.len(), "agent_token": format!("tms_ag_{serial}"),
        "heartbeat_interval": 1, "server_time": "t", "config": {"version": 1, "log_level": "INFO", "auto_update": true}});
    (StatusCode::CREATED, Json(answer)).into_response()
}

async fn heartbeat(State(fake): Shared, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let serial = body["serial_number"].as_str().unwrap().to_owned();
    assert_eq!(headers["authorization"], format!("Bearer tms_ag_{serial}"));
    if fake.retired.lock().unwrap().contains(&serial) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if take(&fake.overloaded) {
        return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]).into_response();
    }
    let mut beats = fake.beats.lock().unwrap();
    beats.entry(serial).or_default().push((body, Instant::now()));
    Json(
        json!({"status": "acknowledged", "server_time": "t", "next_heartbeat": 3, "config_version": 1, "commands": []}),
    )
    .into_response()
}

async fn logs(State(fake): Shared, Json(body): Json<Value>) -> Json<Value> {
    let count = u64::try_from(body["logs"].as_array().unwrap().len()).unwrap();
    fake.log_lines.fetch_add(count, Ordering::Relaxed);
    Json(json!({"status": "received", "count": count}))
}

async fn serve(fake: Arc<Fake>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let api = Router::new()
        .route("/auth/login", post(login))
        .route("/customers", post(make_customer).get(list_customers))
        .route("/enrollment-codes", post(make_code))
        .route("/agent/register", post(register))
        .route("/agent/heartbeat", post(heartbeat))
        .route("/agent/logs", post(logs))
        .with_state(fake);
    let app = Router::new().nest("/api/v1", api);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = hyper_util::service::TowerToHyperService::new(app.clone());
            let io = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
        }
    });
    address
}

fn settings(address: &str, terminals: usize) -> FleetSettings {
    let access = Access::Operator {
        username: "u".to_owned(),
        password: Secret::new("p"),
    };
    FleetSettings {
        // The server asks for three seconds; the test does not wait so long.
        interval_scale: 0.1,
        troubles: Troubles::none(),
        ..FleetSettings::new(address, terminals, access)
    }
}

async fn live(settings: FleetSettings, millis: u64) -> FleetReport {
    run(settings, tokio::time::sleep(Duration::from_millis(millis)))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_fleet_enrols_by_shop_and_reports_as_asked() {
    let fake = Arc::<Fake>::default();
    fake.limited.store(3, Ordering::Relaxed);
    let address = serve(fake.clone()).await;
    let report = live(settings(&address, 12), 2_000).await;
    assert_eq!((report.enrolled, report.troubles, report.dismissed), (12, 0, 0));
    assert_eq!(report.log_lines, fake.log_lines.load(Ordering::Relaxed));
    assert!(report.log_lines >= 12, "each agent logs its start");

    let uses: u64 = fake
        .codes
        .lock()
        .unwrap()
        .iter()
        .map(|code| code["uses"].as_u64().unwrap())
        .sum();
    assert_eq!(uses, 12, "each shop has a code for its own terminals");
    let beats = fake.beats.lock().unwrap();
    assert_eq!(beats.len(), 12);
    for beats in beats.values() {
        assert!(beats.len() >= 2, "a terminal reports again");
        for (n, pair) in beats.windows(2).enumerate() {
            let ((a, at), (b, then)) = (&pair[0], &pair[1]);
            assert_eq!(
                (a["seq"].as_u64(), &a["boot_id"]),
                (Some(u64::try_from(n).unwrap()), &b["boot_id"])
            );
            assert!(*then - *at >= Duration::from_millis(290), "not sooner than asked");
        }
    }
}

#[tokio::test]
async fn an_overloaded_server_gets_the_same_report_again() {
    let fake = Arc::<Fake>::default();
    fake.overloaded.store(2, Ordering::Relaxed);
    let address = serve(fake.clone()).await;
    let report = live(settings(&address, 2), 2_500).await;
    assert_eq!(report.refused, 2);
    for beats in fake.beats.lock().unwrap().values() {
        assert_eq!(beats[0].0["seq"], 0, "the first report was not given up");
    }
}

#[tokio::test]
async fn a_terminal_known_from_before_gets_a_code_of_its_own_and_a_retired_one_stops() {
    let fake = Arc::<Fake>::default();
    fake.known.lock().unwrap().push("TC-200-00002".to_owned());
    fake.retired.lock().unwrap().push("TC-200-00003".to_owned());
    fake.customers.lock().unwrap().push("さくら珈琲株式会社".to_owned());
    let address = serve(fake.clone()).await;
    let report = live(settings(&address, 4), 1_000).await;
    assert_eq!((report.enrolled, report.dismissed), (4, 1));
    let codes = fake.codes.lock().unwrap();
    let own: Vec<_> = codes.iter().filter(|code| !code["serial_number"].is_null()).collect();
    assert_eq!(own.len(), 1);
    assert_eq!(
        (&own[0]["serial_number"], &own[0]["uses"]),
        (&json!("TC-200-00002"), &json!(1))
    );
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let scale = FleetSettings {
        interval_scale: 0.0,
        ..settings("http://127.0.0.1:1", 1)
    };
    assert!(run(scale, std::future::pending()).await.is_err());
    let codes = FleetSettings {
        access: Access::Codes(Vec::new()),
        ..settings("http://127.0.0.1:1", 1)
    };
    assert!(run(codes, std::future::pending()).await.is_err());
}
