//! No entry, no change: where the trail can't be added to, every route that changes something answers 503 and changes
//! nothing. The server signs in as a role that owns nothing.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tms_core::{
    NodeSettings, Tms,
    key::SecretKeys,
    operator::{password::PasswordCost, totp::Seed, users::UserRequest},
    permission::Role,
    secret::Secret,
};
use tms_http::HttpSettings;
use tms_notify::{Outbound, OutboundSettings, Reach};
use tms_storage::postgres::{self, PgSettings, PgStore};

use crate::server::{PASSWORD, cluster, psql};

const ROLE: &str = "tms_app";
/// What machines do every minute leaves no entry (DECISIONS 3), nor does what proves who somebody is; and without a
/// second factor none is taken away.
const NOT_AUDITED: [&str; 7] = [
    "/agent/heartbeat",
    "/agent/logs",
    "/auth/refresh",
    "/auth/confirm",
    "/auth/mfa/setup",
    "/auth/mfa/disable",
    "/users/{id}/mfa",
];

/// What a request brings.
#[derive(Debug)]
enum Sent {
    Nothing,
    Json(Value),
    Csv(String),
}

impl From<Value> for Sent {
    fn from(body: Value) -> Self {
        Self::Json(body)
    }
}

/// A server in this process over a database of its own, and one of each thing.
struct World {
    url: String,
    tms: Tms,
    base: String,
    http: reqwest::Client,
    token: String,
    agent: String,
    code: String,
    /// A good link with which a password can be set.
    link: String,
    /// Of a second factor that is not confirmed.
    seed: Seed,
    customer: i64,
    terminal: i64,
    /// A rule that a customer has for itself.
    rule: i64,
}

impl World {
    async fn new() -> Option<Self> {
        let url = cluster()?;
        let name = format!("e2e_audit_{}", std::process::id());
        psql(&url, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        psql(&url, &format!("CREATE DATABASE {name}"));
        let (server, _) = url.rsplit_once('/').unwrap();
        let owner = format!("{server}/{name}");
        let (_, host) = owner.rsplit_once('@').unwrap();
        let mut settings = PgSettings::new(&owner);
        settings.application_role = Some(ROLE.to_owned());
        postgres::migrate(&settings).await.unwrap();
        let store = PgStore::connect(&PgSettings::new(format!("postgres://{ROLE}@{host}"))).unwrap();
        Some(Self::over(store, owner).await)
    }

    async fn over(store: Arc<PgStore>, url: String) -> Self {
        let node = NodeSettings {
            password_cost: PasswordCost::FOR_TESTS,
            ..NodeSettings::default()
        };
        let _ = rustls_provider();
        let outbound = OutboundSettings {
            reach: Reach::Private,
            ..OutboundSettings::default()
        };
        let tms = Tms::builder(store.stores())
            .notifier(Arc::new(Outbound::new(outbound).unwrap()))
            .secret_keys(SecretKeys::new("a secret key for tests"))
            .node(node)
            .build();
        let request = UserRequest::with_password("root", Role::Admin, Secret::new(PASSWORD.to_owned()));
        tms.users().create(&tms.system_ctx(), request).await.unwrap();
        let mut http = HttpSettings::new("a secret key for tests");
        http.rate_limits = false;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/api/v1", listener.local_addr().unwrap());
        let router = tms_http::router(tms.clone(), http);
        tokio::spawn(tms_http::serve(
            listener,
            router,
            tms_http::ServeSettings::default(),
            std::future::pending(),
        ));
        let mut world = Self {
            url,
            tms,
            base,
            http: reqwest::Client::new(),
            token: String::new(),
            agent: String::new(),
            code: String::new(),
            link: String::new(),
            seed: Seed::from_bytes([0; 20]),
            customer: 0,
            terminal: 0,
            rule: 0,
        };
        world.furnish().await;
        world
    }

    /// Makes one of each thing that a route could change.
    async fn furnish(&mut self) {
        let login = json!({ "username": "root", "password": PASSWORD });
        let signed_in = self.made("/auth/login", &login).await;
        signed_in["access_token"].as_str().unwrap().clone_into(&mut self.token);
        let person = self
            .made("/users", &json!({ "username": "zoe", "role": "viewer" }))
            .await;
        let link = &person["password_link"]["token"];
        link.as_str().unwrap().clone_into(&mut self.link);
        let setup = self.made("/auth/mfa/setup", &json!({})).await;
        self.seed = seed_of(setup["secret"].as_str().unwrap());
        // One that can be deleted, and stands first in the list.
        self.made("/customers", &json!({ "company_name": "A" })).await;
        self.made("/auth/tokens", &json!({ "name": "x", "scopes": ["terminal.read"] }))
            .await;
        let customer = self.made("/customers", &json!({ "company_name": "ABC" })).await;
        self.customer = customer["id"].as_i64().unwrap();
        let ask = json!({ "customer_id": self.customer });
        let code = self.made("/enrollment-codes", &ask).await["code"].clone();
        let agent = self
            .made("/agent/register", &register("TC-200-001", code.as_str().unwrap()))
            .await;
        agent["agent_token"].as_str().unwrap().clone_into(&mut self.agent);
        self.terminal = agent["terminal_id"].as_i64().unwrap();
        let code = self.made("/enrollment-codes", &ask).await["code"].clone();
        code.as_str().unwrap().clone_into(&mut self.code);
        let rule = json!({ "alert_type": "offline", "customer_id": self.customer, "severity": "LOW" });
        self.rule = self.made("/alert-rules", &rule).await["id"].as_i64().unwrap();
        self.made("/notification-channels", &channel("x")).await;
        let plan = json!({ "terminal_id": self.terminal, "reason": "cable" });
        let far = json!({ "from": "2999-01-01T00:00:00Z" });
        let mut plan = plan;
        plan.as_object_mut().unwrap().extend(far.as_object().unwrap().clone());
        self.made("/maintenance", &plan).await;
        // An alert to answer; a heartbeat would need the background work, which would write by itself.
        psql(
            &self.url,
            "UPDATE terminal_presence SET raised = 1, is_lost = true, first_seen = now(), last_seen = now(), \
             deadline = now(), version = version + 1",
        );
        self.tms.tick().await.unwrap();
    }

    async fn made(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.send("POST", path, &body.clone().into()).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    async fn send(&self, method: &str, path: &str, body: &Sent) -> (u16, Value) {
        let token = if path.starts_with("/agent/token") {
            &self.agent
        } else {
            &self.token
        };
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .header("if-match", "*");
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        request = match body {
            Sent::Nothing => request,
            Sent::Json(body) => request.json(body),
            Sent::Csv(table) => request.header("content-type", "text/csv").body(table.clone()),
        };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    /// Sums up every row of every table but that of the guesses: they count, whatever becomes of the request.
    fn state(&self) -> String {
        let list = "SELECT string_agg(format('SELECT %L || md5(coalesce(string_agg(t::text, '','' ORDER BY t::text), \
                    '''')) FROM %I t', relname, relname), ' UNION ALL ' ORDER BY relname) FROM pg_class \
                    WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace \
                    AND relname <> 'operator_guess'";
        let sums = psql(&self.url, list);
        assert!(sums.contains("audit_entry"), "{sums}");
        psql(&self.url, &sums)
    }

    /// Puts the id of a thing that is there into a path.
    async fn named(&self, path: &str) -> String {
        let Some((list, rest)) = path.split_once("/{id}") else {
            return path.to_owned();
        };
        if list == "/alert-rules" {
            // A general rule can't be deleted.
            return format!("{list}/{}{rest}", self.rule);
        }
        // Not the last administrator.
        let sorted = if list == "/users" { "/users?order=desc" } else { list };
        let (_, page) = self.send("GET", sorted, &Sent::Nothing).await;
        let id = page["data"][0]["id"].as_i64().unwrap_or(1);
        format!("{list}/{id}{rest}")
    }

    /// Returns what the route would succeed with.
    fn body(&self, method: &str, path: &str) -> Sent {
        let (customer, terminal) = (self.customer, self.terminal);
        let body = match (method, path) {
            ("DELETE", _) | ("POST", "/users/{id}/password-reset" | "/notification-channels/{id}/test") => {
                return Sent::Nothing;
            }
            ("POST", "/terminals/import") => {
                return Sent::Csv(format!(
                    "serial_number,customer_id,model\nTC-200-010,{customer},TC-200\n"
                ));
            }
            ("POST", "/agent/register") => register("TC-200-009", &self.code),
            ("POST", "/auth/login") => json!({ "username": "root", "password": PASSWORD }),
            ("POST", "/auth/password") => {
                json!({ "current_password": PASSWORD, "new_password": "another horse battery" })
            }
            ("POST", "/auth/password/reset") => {
                json!({ "token": self.link, "new_password": "another horse battery" })
            }
            ("POST", "/auth/mfa/confirm") => json!({ "mfa_code": self.seed.code_at(self.tms.now()) }),
            ("POST", "/auth/tokens") => json!({ "name": "y", "scopes": ["terminal.read"] }),
            ("POST", "/users") => json!({ "username": "new-san", "role": "viewer" }),
            ("PATCH", "/users/{id}") => json!({ "full_name": "x" }),
            ("POST", "/customers") => json!({ "company_name": "New" }),
            ("POST", "/terminals") => {
                json!({ "serial_number": "TC-200-009", "customer_id": customer, "model": "TC-200" })
            }
            ("POST", "/enrollment-codes") => json!({ "customer_id": customer }),
            ("POST", "/maintenance") => json!({ "terminal_id": terminal, "reason": "cable" }),
            ("POST", "/notification-channels") => channel("y"),
            ("POST", "/alert-rules") => {
                json!({ "alert_type": "device_error", "customer_id": customer, "severity": "LOW" })
            }
            ("PUT", "/alert-rules/{id}") => json!({ "is_enabled": false, "severity": "HIGH" }),
            ("PATCH", "/alert-rules/{id}" | "/notification-channels/{id}") => json!({ "is_enabled": false }),
            ("PATCH", "/customers/{id}") => json!({ "notes": "x" }),
            ("PATCH", "/terminals/{id}") => json!({ "store_code": "x" }),
            ("PATCH", "/alerts/{id}") => json!({ "is_acknowledged": true }),
            ("POST", "/alerts/bulk") => json!({ "filter": {}, "action": "resolve" }),
            ("PUT", "/settings") => json!({ "presence": { "lost_grace_s": 61 } }),
            ("POST", "/auth/logout" | "/agent/token/rotate") => json!({}),
            _ => panic!("say with which body {method} {path} would succeed"),
        };
        body.into()
    }
}

/// Chooses the provider of TLS, once a process.
fn rustls_provider() -> Result<(), Arc<tokio_rustls::rustls::crypto::CryptoProvider>> {
    tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default()
}

/// A channel to where nobody listens: what is sent there fails at once, which is noted.
fn channel(name: &str) -> Value {
    let hook = json!({ "url": "http://127.0.0.1:1/", "secret": "0123456789abcdef0123456789abcdef" });
    json!({ "name": name, "web_hook": hook })
}

/// Reads the secret that a person would type into an app, which is base32.
fn seed_of(text: &str) -> Seed {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for letter in text.bytes() {
        let value = alphabet.iter().position(|known| *known == letter).unwrap();
        bits = (bits << 5 | u32::try_from(value).unwrap()) & 0xffff;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
        }
    }
    Seed::from_bytes(bytes.try_into().unwrap())
}

fn register(serial: &str, code: &str) -> Value {
    json!({ "serial_number": serial, "enrollment_code": code, "model": "TC-200" })
}

#[tokio::test]
async fn without_an_entry_nothing_is_changed() {
    let Some(world) = World::new().await else { return };
    psql(&world.url, &format!("REVOKE INSERT ON audit_entry FROM {ROLE}"));
    let before = world.state();
    let mut walked = 0;
    for route in tms_http::routes(&world.tms) {
        if route.method == "GET" || NOT_AUDITED.contains(&route.path) {
            continue;
        }
        let path = world.named(route.path).await;
        let (status, answer) = world
            .send(route.method, &path, &world.body(route.method, route.path))
            .await;
        let who = format!("{} {path}: {status} {answer}", route.method);
        assert_eq!((status, &answer["error"]["code"]), (503, &json!("SYS_002")), "{who}");
        walked += 1;
        assert_eq!(world.state(), before, "{who}");
    }
    assert!(walked >= 36, "{walked} routes were walked");
    psql(&world.url, &format!("GRANT INSERT ON audit_entry TO {ROLE}"));
    world.made("/customers", &json!({ "company_name": "New" })).await;
    assert_ne!(world.state(), before);
    let seen = world.tms.audit().verify(&world.tms.system_ctx(), None).await.unwrap();
    assert!(seen.is_intact(), "{seen:?}");
}
