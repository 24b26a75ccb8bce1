//! Canaries: a server that logs everything it can sees secrets, tokens, card numbers and bodies, and writes none of them.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    events::Socket,
    server::{Operator, PASSWORD, Server, Setting, enrol, now, until},
};

const SERIAL: &str = "TC-200-001";
const CARD: &str = "4929130012345671";
const METRICS: &str = "canary-token-of-the-metrics-page";
const KEY: &str = "canary-of-the-secret-key-which-is-long-enough";

/// What must never be written.
#[derive(Debug, Default)]
struct Canaries(Vec<(String, String)>);

impl Canaries {
    fn add(&mut self, what: &str, text: &str) -> String {
        assert!(text.len() > 8, "{what} is too short to be looked for: {text:?}");
        self.0.push((what.to_owned(), text.to_owned()));
        text.to_owned()
    }

    fn add_of(&mut self, what: &str, answer: &Value, pointer: &str) -> String {
        let text = answer.pointer(pointer).and_then(Value::as_str);
        let text = text.unwrap_or_else(|| panic!("{what}: {pointer} is not in {answer}"));
        self.add(what, text)
    }

    /// Returns the text of a file, in which no canary is.
    #[track_caller]
    fn absent_from(&self, file: &Path) -> String {
        let text = std::fs::read_to_string(file).unwrap();
        self.are_absent(&file.display().to_string(), &text);
        text
    }

    #[track_caller]
    fn are_absent(&self, place: &str, text: &str) {
        for (what, canary) in &self.0 {
            if let Some(line) = text.lines().find(|line| line.contains(canary.as_str())) {
                panic!("{place} has {what}: {line}");
            }
        }
    }
}

/// What people say who read standard output, and programs that read standard error.
struct Ears {
    setting: Setting,
    stdout: PathBuf,
    stderr: PathBuf,
    errors: PathBuf,
}

impl Ears {
    fn of(folder: &Path) -> Self {
        let (stdout, stderr, logs) = (
            folder.join("stdout.log"),
            folder.join("stderr.log"),
            folder.join("logs"),
        );
        let setting = Setting::sqlite(&folder.join("data"))
            .with("RUST_LOG", "trace")
            .with("SECRET_KEY", KEY)
            .with("TMS_METRICS_TOKEN", METRICS)
            .with("TMS_LOG_DIR", logs.to_str().unwrap())
            .logging_to(&stdout)
            .complaining_to(&stderr);
        Self {
            setting,
            stdout,
            stderr,
            errors: logs.join("tms-error.log"),
        }
    }
}

/// Lets everything that is secret be used, on a server that logs all it can; returns what it wrote to standard output and
/// to standard error, in which no canary is.
async fn overheard(ears: Ears) -> (String, String) {
    let setting = ears.setting;
    let mut canaries = Canaries::default();
    for (what, text) in [
        ("the key", KEY),
        ("the metrics token", METRICS),
        ("the password", PASSWORD),
        ("a card", CARD),
    ] {
        canaries.add(what, text);
    }
    setting.prepare();
    let server = setting.start().await;
    let root = people(&server, &mut canaries).await;
    agents(&setting, &server, &root, &mut canaries).await;
    strangers(&server, &root, &mut canaries).await;
    commands(&setting, &canaries);
    assert!(server.terminate());
    canaries.absent_from(&ears.errors);
    (canaries.absent_from(&ears.stdout), canaries.absent_from(&ears.stderr))
}

/// What must be in a log in which so much was looked for.
#[track_caller]
fn is_a_log(text: &str) {
    let lines = text.lines().count();
    assert!(lines > 20, "{lines} lines only");
    for said in [
        "tms_http::edge",
        "/auth/login",
        "/agent/register",
        "told to stop",
        "stopped",
    ] {
        assert!(text.contains(said), "the log has no {said}");
    }
}

#[tokio::test]
async fn no_secret_no_card_number_and_no_body_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let (stdout, stderr) = overheard(Ears::of(folder.path())).await;
    is_a_log(&stdout);
    assert!(stderr.contains("tms listens on"), "{stderr}");
}

#[tokio::test]
async fn no_secret_no_card_number_and_no_body_is_logged_as_json_on_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut ears = Ears::of(folder.path());
    ears.setting = ears.setting.with("TMS_LOG_FORMAT", "json").told(&["--json"]);
    let (stdout, stderr) = overheard(ears).await;
    is_a_log(&stderr);
    let documents = stderr
        .lines()
        .filter(|line| serde_json::from_str::<Value>(line).is_ok());
    assert!(documents.count() > 20, "{stderr}");
    assert_eq!(stdout, "", "it is kept for a document");
}

/// Runs commands that know secrets, rightly and wrongly, for people and for programs.
fn commands(setting: &Setting, canaries: &Canaries) {
    let create = [
        "user",
        "create",
        "--username",
        "third",
        "--role",
        "viewer",
        "--password-stdin",
    ];
    let wrong_key = setting.clone().with("SECRET_KEY", "canary").with("DATABASE_URL", KEY);
    for (setting, arguments) in [
        (setting, &["check", "--deploy"][..]),
        (setting, &create),
        (setting, &["serve", "--listen", "127.0.0.1:0"]),
        (setting, &["audit", "verify"]),
        (&wrong_key.with("TMS_STORE", "postgres"), &["check"]),
    ] {
        for arguments in [arguments.to_vec(), [arguments, &["--json"]].concat()] {
            let output = setting.run(&arguments, PASSWORD);
            for said in [&output.stdout, &output.stderr] {
                canaries.are_absent(&format!("{arguments:?}"), &String::from_utf8_lossy(said));
            }
        }
    }
}

/// Signs in rightly and wrongly, and lets each secret of a person be made and used.
async fn people(server: &Server, canaries: &mut Canaries) -> Operator {
    let anybody = Operator::holding(server, "");
    let wrong = canaries.add("a wrong password", "canary: a wrong password");
    let mistaken = canaries.add("a password typed as a name", "canary-typed-as-a-name");
    for (username, password) in [("root", wrong.as_str()), (mistaken.as_str(), PASSWORD)] {
        let body = json!({ "username": username, "password": password });
        assert_eq!(anybody.post("/auth/login", &body).await.0, 401);
    }
    let body = json!({ "username": "root", "password": PASSWORD });
    let (_, pair) = anybody.post("/auth/login", &body).await;
    canaries.add_of("an access token", &pair, "/access_token");
    let refresh = canaries.add_of("a refresh token", &pair, "/refresh_token");
    let (_, pair) = anybody
        .post("/auth/refresh", &json!({ "refresh_token": refresh }))
        .await;
    let root = Operator::holding(server, &canaries.add_of("an access token", &pair, "/access_token"));
    canaries.add_of("a refresh token", &pair, "/refresh_token");
    let (status, made) = root
        .post("/users", &json!({ "username": "second", "role": "admin" }))
        .await;
    assert_eq!(status, 201, "{made}");
    let link = canaries.add_of("a password link", &made, "/password_link/token");
    let chosen = canaries.add("a new password", "canary: a newly chosen one");
    let body = json!({ "token": link, "new_password": chosen });
    assert_eq!(anybody.post("/auth/password/reset", &body).await.0, 204);
    let (status, made) = root
        .post(
            "/auth/tokens",
            &json!({ "name": "script", "scopes": ["terminal.read"] }),
        )
        .await;
    assert_eq!(status, 201, "{made}");
    let token = canaries.add_of("an API token", &made, "/token");
    Operator::holding(server, &token).get("/terminals").await;
    let (status, seed) = root.post("/auth/mfa/setup", &json!({})).await;
    assert_eq!(status, 200, "{seed}");
    canaries.add_of("a seed", &seed, "/secret");
    let secret = canaries.add("the secret of a channel", "canary-of-a-web-hook");
    let hook = json!({ "url": "https://hook.invalid/canary-in-a-path", "secret": secret });
    canaries.add("an address of a web hook", "canary-in-a-path");
    let (status, made) = root
        .post("/notification-channels", &json!({ "name": "hook", "web_hook": hook }))
        .await;
    assert_eq!(status, 201, "{made}");
    let test = format!("/notification-channels/{}/test", made["id"]);
    assert_eq!(root.post(&test, &json!({})).await.0, 200);
    let mut socket = Socket::open(server, &root).await;
    socket.say(&json!({ "type": "subscribe", "channels": [CARD] })).await;
    root
}

/// Enrols, reports, rotates; with card numbers where people put them by mistake.
async fn agents(setting: &Setting, server: &Server, root: &Operator, canaries: &mut Canaries) {
    let token = canaries.add("an agent token", &enrol(setting, server, SERIAL).await);
    let agent = Operator::holding(server, &token);
    let beat = json!({
        "serial_number": SERIAL, "timestamp": now(), "status": "online", "firmware_version": "1.0.0",
        "pan": CARD, "track": canaries.add("an unknown field", "canary-of-track-data"),
    });
    assert_eq!(agent.post("/agent/heartbeat", &beat).await.0, 200);
    let logs = json!({ "serial_number": SERIAL, "logs": [{
        "event_id": "5f0c54f6-4f5e-4a3c-9d5c-000000000001", "timestamp": now(), "level": "ERROR", "type": "card",
        "message": format!("declined {CARD} {}", canaries.add("a log of an agent", "canary-in-a-message")),
        "details": { "pan": CARD },
    }] });
    let (status, answer) = agent.post("/agent/logs", &logs).await;
    assert_eq!(status, 200, "{answer}");
    let code = canaries.add("a wrong code", "CANA-RYQ7-WXYZ-2345");
    let body = json!({ "serial_number": "TC-200-666", "enrollment_code": code, "model": "TC-200" });
    assert_eq!(agent.post("/agent/register", &body).await.0, 401);
    let (status, answer) = agent.post("/agent/token/rotate", &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    canaries.add_of("a rotated token", &answer, "/agent_token");
    let customers = root.get("/customers").await;
    let wish = json!({ "customer_id": customers["data"][0]["id"] });
    let (status, made) = root.post("/enrollment-codes", &wish).await;
    assert_eq!(status, 201, "{made}");
    canaries.add_of("an enrolment code", &made, "/code");
    until(Duration::from_secs(10), "the reader's log can be read", async || {
        let rows = root.get("/terminals/1/logs").await;
        rows["data"].as_array().is_some_and(|rows| !rows.is_empty())
    })
    .await;
}

/// Sends what nobody should.
async fn strangers(server: &Server, root: &Operator, canaries: &mut Canaries) {
    let stolen = canaries.add("a token that is none", "tms_at_canaryNobodyEverHadThisOne");
    assert_eq!(Operator::holding(server, &stolen).status("/terminals").await, 401);
    let query = canaries.add("a query", "canary-in-a-query");
    assert_eq!(root.status(&format!("/terminals?search={CARD}{query}")).await, 200);
    assert_eq!(root.status(&format!("/terminals/{CARD}{query}")).await, 404);
    let broken = canaries.add("a broken body", "canary-in-broken-json");
    let cookie = canaries.add("a cookie", "canary-in-a-cookie");
    let request = root
        .request(reqwest::Method::POST, "/auth/login")
        .header("Content-Type", "application/json");
    let request = request.header("Cookie", format!("__Host-tms_session={cookie}"));
    let answer = request
        .body(format!("{{\"username\": \"{broken}\", "))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    let metrics = reqwest::Client::new()
        .get(format!("{}/metrics", server.url()))
        .bearer_auth(METRICS);
    let text = metrics.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("tms_log_lines_dropped_total"), "{text}");
}

#[tokio::test]
async fn errors_are_kept_in_a_file_whatever_is_logged() {
    let Some(setting) = Setting::postgres("error_file") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (file, logged) = (
        folder.path().join("logs/tms-error.log"),
        folder.path().join("stdout.log"),
    );
    let setting = setting
        .with("RUST_LOG", "off")
        .with("TMS_LOG_DIR", folder.path().join("logs").to_str().unwrap())
        .logging_to(&logged);
    // The schema is missing, which is an error.
    let server = setting.start_unready();
    until(Duration::from_secs(10), "the error is in the file", async || {
        std::fs::read_to_string(&file).is_ok_and(|text| text.contains("tms migrate"))
    })
    .await;
    let second = setting.run(&["serve", "--listen", "127.0.0.1:0"], "");
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another server writes its errors there"));
    assert!(server.terminate());
    assert_eq!(std::fs::read_to_string(&logged).unwrap(), "", "nothing was asked for");
}
