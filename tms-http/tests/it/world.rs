//! A whole installation in memory: stores, clock, background work, a person of each role, and the router.

use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
};
use futures::poll;
use http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tms_core::{
    NodeSettings, Tms,
    key::SecretKeys,
    notification::Letter,
    operator::{password::PasswordCost, sign_in::SignInRequest, users::UserRequest},
    permission::Role,
    secret::Secret,
    testkit::{ManualClock, MemoryStore, SeededRandom},
    time::Timestamp,
};
use tms_http::HttpSettings;
use tower::ServiceExt;

use crate::outbound::Recorder;

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const NOW: &str = "2026-01-24T10:00:00Z";

pub(crate) struct World {
    pub(crate) tms: Tms,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) router: Router,
    tokens: BTreeMap<&'static str, String>,
    outbound: Arc<Recorder>,
    _standstill: Standstill,
}

/// Keeps tokio's clock where it is: no time-out strikes and no loop of the background work begins another round, however
/// slow the machine. The clock of the domain is [`ManualClock`], the rounds are those of [`World::tick`].
pub(crate) struct Standstill {
    _end: mpsc::Sender<()>,
}

impl Standstill {
    pub(crate) fn begin() -> Self {
        let (real, seen) = (std::time::Instant::now(), tokio::time::Instant::now());
        while real.elapsed() < Duration::from_millis(1) {
            std::hint::spin_loop();
        }
        // Another world of the same test may have stopped it already, and twice is a panic.
        if seen.elapsed() > Duration::ZERO {
            tokio::time::pause();
        }
        // A stopped clock jumps to the next timer when every task waits, unless something blocks.
        let (end, ended) = mpsc::channel();
        tokio::task::spawn_blocking(move || ended.recv().is_err());
        Self { _end: end }
    }
}

/// An enrolled agent.
#[derive(Debug, Clone)]
pub(crate) struct Agent {
    pub(crate) id: i64,
    pub(crate) serial: String,
    pub(crate) token: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {:?}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Returns where the thing is that was made, below the API.
    #[track_caller]
    pub(crate) fn location(&self) -> String {
        self.header("location")
            .strip_prefix("/api/v1")
            .expect("a location")
            .to_owned()
    }

    /// Expects success with this status and returns the body.
    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// Expects the error body of the contract with this status and code, and returns it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        let error = self.json()["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert_eq!(error["request_id"], self.header("x-request-id"), "{error}");
        assert!(error["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok());
        assert!(error["field_errors"].is_object());
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.headers.contains_key("retry-after"), status == 429 || status == 503);
        assert_eq!(self.headers.contains_key("www-authenticate"), status == 401);
        error
    }

    /// Expects 422 that names exactly these fields.
    #[track_caller]
    pub(crate) fn wrong_fields(&self, fields: &[&str]) {
        let error = self.problem(422, "VAL_001");
        let named: Vec<&str> = error["field_errors"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(named, fields, "{error}");
    }
}

/// A request in the making.
pub(crate) struct Call<'w> {
    world: &'w World,
    request: http::request::Builder,
    body: Body,
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Signs in as this role; `anonymous` stays outside.
    pub(crate) fn by(self, role: &str) -> Self {
        match self.world.tokens.get(role) {
            Some(token) => {
                let token = token.clone();
                self.token(&token)
            }
            None => self,
        }
    }

    pub(crate) fn if_match(self, tag: &str) -> Self {
        self.header("if-match", tag)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.raw(body.to_string())
    }

    pub(crate) fn raw(mut self, body: impl Into<Body>) -> Self {
        self.request = self.request.header(header::CONTENT_TYPE, "application/json");
        self.body = body.into();
        self
    }

    pub(crate) fn untyped(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let request = self.request.body(self.body).unwrap();
        let response = self.world.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 10_000_000).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }
}

impl World {
    /// Makes a world without limits per client.
    pub(crate) async fn new() -> Self {
        Self::with(|settings| settings.rate_limits = false).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut HttpSettings)) -> Self {
        let standstill = Standstill::begin();
        let store = MemoryStore::new();
        let clock = ManualClock::new(NOW.parse().unwrap());
        let node = NodeSettings {
            password_cost: PasswordCost::FOR_TESTS,
            cached_tokens: 1_000,
            public_url: Some("https://tms.example.com/".to_owned()),
            ..NodeSettings::default()
        };
        let outbound = Arc::new(Recorder::default());
        let tms = Tms::builder(store.stores())
            .clock(clock.clone())
            .random(Arc::new(SeededRandom::new(1)))
            .secret_keys(SecretKeys::new("a secret key for tests"))
            .notifier(outbound.clone())
            .node(node)
            .build();
        let work = tms.clone();
        let mut work = Box::pin(async move { work.run(std::future::pending()).await });
        // A task that was spawned begins some time later; until then heartbeats are refused.
        assert!(poll!(&mut work).is_pending());
        tokio::spawn(work);
        let mut settings = HttpSettings::new("a secret key for tests");
        change(&mut settings);
        let router = tms_http::router(tms.clone(), settings);
        let tokens = sign_in_everybody(&tms).await;
        Self {
            tms,
            store,
            clock,
            router,
            tokens,
            outbound,
            _standstill: standstill,
        }
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call<'_> {
        let path = if path.starts_with("/health") || path.starts_with("/metrics") || path.starts_with("http") {
            path.to_owned()
        } else {
            format!("/api/v1{path}")
        };
        Call {
            world: self,
            request: Request::builder()
                .method(Method::from_bytes(method.as_bytes()).unwrap())
                .uri(path),
            body: Body::empty(),
        }
    }

    /// Returns the access token of this role.
    pub(crate) fn token(&self, role: &str) -> &str {
        self.tokens.get(role).expect("a role")
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call("GET", path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call<'_> {
        self.call("POST", path).json(body)
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Call<'_> {
        self.call("PATCH", path).json(body)
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Does the work of the reconcilers once.
    pub(crate) async fn tick(&self) {
        self.tms.tick().await.unwrap();
    }

    /// Returns the notifications that were sent, with where they went.
    pub(crate) fn sent(&self) -> Vec<(String, Letter)> {
        self.outbound.sent()
    }

    /// Returns the ids of the notifications that were tried.
    pub(crate) fn tried(&self) -> Vec<String> {
        self.outbound.tried()
    }

    /// Lets every notification fail from now on, or none.
    pub(crate) fn fail_sending(&self, why: Option<&str>) {
        self.outbound.fail(why);
    }

    /// Returns the id of the first row of a list.
    pub(crate) async fn first(&self, path: &str) -> i64 {
        let list = self.get(path).by("admin").send().await.ok(200);
        list["data"][0]["id"].as_i64().expect("a first row")
    }

    pub(crate) async fn customer(&self, name: &str) -> i64 {
        let made = self
            .post("/customers", &json!({ "company_name": name }))
            .by("operator")
            .send()
            .await;
        made.ok(201)["id"].as_i64().unwrap()
    }

    pub(crate) async fn code(&self, customer: i64, more: Value) -> String {
        let mut body = json!({ "customer_id": customer });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = self.post("/enrollment-codes", &body).by("operator").send().await;
        made.ok(201)["code"].as_str().unwrap().to_owned()
    }

    /// Enrols an agent with a code of its own.
    pub(crate) async fn agent(&self, customer: i64, serial: &str) -> Agent {
        let code = self
            .code(customer, json!({ "store_name": "Shinjuku Store", "store_code": "001" }))
            .await;
        let answer = self
            .post("/agent/register", &register_body(serial, &code))
            .send()
            .await
            .ok(201);
        Agent {
            id: answer["terminal_id"].as_i64().unwrap(),
            serial: serial.to_owned(),
            token: answer["agent_token"].as_str().unwrap().to_owned(),
        }
    }

    pub(crate) fn beat(&self, agent: &Agent, more: Value) -> Call<'_> {
        let mut body =
            json!({ "serial_number": agent.serial, "timestamp": self.tms.now().to_string(), "status": "online" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post("/agent/heartbeat", &body).token(&agent.token)
    }

    pub(crate) async fn terminal(&self, id: i64) -> Value {
        self.get(&format!("/terminals/{id}")).by("viewer").send().await.ok(200)
    }
}

pub(crate) fn register_body(serial: &str, code: &str) -> Value {
    json!({
        "serial_number": serial, "enrollment_code": code, "model": "TC-200", "mac_address": "00:11:22:33:44:55",
        "agent_version": "1.0.0", "firmware_version": "2.0.0", "hostname": "POS-001", "ip_address": "192.168.1.100",
        "os_info": { "name": "Windows", "version": "10", "build": "19043" },
    })
}

async fn sign_in_everybody(tms: &Tms) -> BTreeMap<&'static str, String> {
    let mut tokens = BTreeMap::new();
    for role in Role::ALL {
        let name = format!("{role}-san");
        let mut request = UserRequest::with_password(&name, *role, Secret::new(PASSWORD.to_owned()));
        request.profile.full_name = format!("The {role}");
        request.profile.email = Some(format!("{role}@example.com"));
        tms.users().create(&tms.system_ctx(), request).await.unwrap();
        let request = SignInRequest::with_password(name, PASSWORD);
        let signed_in = tms.operators().sign_in(&tms.system_ctx(), request).await.unwrap();
        tokens.insert(role.as_str(), signed_in.access.expose().to_owned());
    }
    tokens
}
