//! Starts, kills and asks servers.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::Value;

/// The password of the administrator in every test.
pub const PASSWORD: &str = "a test that says so";

/// What a server is started with.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// Names and texts of the environment.
    pub environment: Vec<(String, String)>,
    /// What `tms migrate` gets besides.
    migration: Vec<(String, String)>,
    /// The file that gets what a server writes to standard output.
    logs: Option<PathBuf>,
    /// The file that gets what a server writes to standard error.
    errors: Option<PathBuf>,
    /// What `tms serve` is told besides.
    flags: Vec<String>,
}

impl Setting {
    /// Uses the embedded store in `folder`.
    pub fn sqlite(folder: &Path) -> Self {
        Self::default()
            .with("TMS_STORE", "sqlite")
            .with("TMS_DATA_DIR", folder.to_str().unwrap())
    }

    /// Uses a new database of the durable cluster; `None` when there is no such cluster.
    pub fn postgres(name: &str) -> Option<Self> {
        let url = cluster()?;
        let (server, _) = url.rsplit_once('/').unwrap();
        let name = format!("e2e_{name}_{}", std::process::id());
        psql(&url, &format!("DROP DATABASE IF EXISTS {name}"));
        psql(&url, &format!("CREATE DATABASE {name}"));
        Some(Self::of_database(&format!("{server}/{name}")))
    }

    /// Uses this database.
    pub fn of_database(url: &str) -> Self {
        Self::default()
            .with("DATABASE_URL", url)
            .with("SECRET_KEY", &"k".repeat(40))
    }

    /// Writes what a server logs to this file.
    #[must_use]
    pub fn logging_to(mut self, file: &Path) -> Self {
        self.logs = Some(file.to_path_buf());
        self
    }

    /// Writes what a server says on standard error to this file.
    #[must_use]
    pub fn complaining_to(mut self, file: &Path) -> Self {
        self.errors = Some(file.to_path_buf());
        self
    }

    /// Starts servers with these flags too.
    #[must_use]
    pub fn told(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|&flag| flag.to_owned()));
        self
    }

    fn logs(&self) -> Stdio {
        self.logs
            .as_deref()
            .map_or_else(Stdio::inherit, |file| append(file).into())
    }

    /// Adds to the environment.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Returns what stands in the environment.
    pub fn value(&self, key: &str) -> String {
        let found = self.environment.iter().find(|(known, _)| known == key);
        found.unwrap().1.clone()
    }

    /// Lets the owner of the database migrate, and grant `role` what a server needs.
    #[must_use]
    pub fn migrated_by(mut self, owner_url: &str, role: &str) -> Self {
        for (key, value) in [("DATABASE_URL", owner_url), ("TMS_DB_APP_ROLE", role)] {
            self.migration.push((key.to_owned(), value.to_owned()));
        }
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tms"));
        let kept = std::env::vars_os().filter(|(key, _)| key == "PATH" || key == "HOME" || key == "LLVM_PROFILE_FILE");
        command.env_clear().envs(kept).env("RUST_LOG", "warn");
        command.envs(self.environment.iter().cloned());
        command
    }

    /// Runs a command to its end, with this standard input.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that ends early leaves nobody to read it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs a command that must succeed and returns the JSON that it prints.
    pub fn json(&self, arguments: &[&str], input: &str) -> Value {
        let output = self.run(arguments, input);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Migrates, and makes the administrator `root`.
    pub fn prepare(&self) {
        let mut migration = self.clone();
        migration.environment.extend(self.migration.iter().cloned());
        migration.json(&["migrate", "--json"], "");
        let create = [
            "user",
            "create",
            "--username",
            "root",
            "--role",
            "admin",
            "--password-stdin",
            "--json",
        ];
        self.json(&create, PASSWORD);
    }

    /// Starts a server on a free port and waits until it is ready.
    pub async fn start(&self) -> Server {
        let server = Server::spawn(self, "127.0.0.1:0");
        server.until_ready().await;
        server
    }

    /// Starts a server that may never be ready.
    pub fn start_unready(&self) -> Server {
        Server::spawn(self, "127.0.0.1:0")
    }

    /// Starts a server on this address again and waits until it is ready.
    pub async fn start_on(&self, address: &str) -> Server {
        let server = Server::spawn(self, address);
        server.until_ready().await;
        server
    }
}

/// The durable cluster.
#[expect(clippy::disallowed_methods, reason = "a test reads where its cluster is")]
pub fn cluster() -> Option<String> {
    let url = std::env::var("TMS_TEST_POSTGRES_REAL_URL").ok();
    assert!(
        url.is_some() || std::env::var("TMS_REQUIRE_POSTGRES").is_err(),
        "TMS_REQUIRE_POSTGRES is set, but TMS_TEST_POSTGRES_REAL_URL is not"
    );
    if url.is_none() {
        eprintln!("skipped: TMS_TEST_POSTGRES_REAL_URL is not set");
    }
    url
}

/// Runs one statement.
pub fn psql(url: &str, statement: &str) -> String {
    let output = Command::new("psql")
        .args(["-X", "-q", "-t", "-A", "-c", statement, url])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{statement}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn append(file: &Path) -> std::fs::File {
    std::fs::File::options().create(true).append(true).open(file).unwrap()
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Reads what it says on standard error.
    reader: Option<JoinHandle<()>>,
    /// Where it listens, such as `127.0.0.1:40001`.
    pub address: String,
}

impl Server {
    fn spawn(setting: &Setting, listen: &str) -> Self {
        let began = Instant::now();
        loop {
            let mut child = setting
                .command()
                .args(["serve", "--listen", listen])
                .args(&setting.flags)
                .env("TMS_DRAIN_S", "0")
                .stderr(Stdio::piped())
                .stdout(setting.logs())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
            let mut said = Vec::new();
            let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
                let address = line.strip_prefix("tms listens on http://").map(str::to_owned);
                said.push(line);
                address
            });
            let mut errors = setting.errors.as_deref().map(append);
            let earlier = said.clone();
            // Whoever writes to a closed pipe would be ended by it.
            let reader = std::thread::spawn(move || {
                let later = lines.map_while(Result::ok).inspect(|line| eprintln!("tms: {line}"));
                for line in earlier.into_iter().chain(later) {
                    if let Some(file) = &mut errors {
                        writeln!(file, "{line}").unwrap();
                    }
                }
            });
            if let Some(address) = address {
                let reader = Some(reader);
                return Self { child, reader, address };
            }
            let _ = child.wait();
            // The port of a server that was killed may be held for a moment.
            assert!(
                began.elapsed() < Duration::from_secs(10),
                "the server did not start: {said:?}"
            );
        }
    }

    /// Returns the address as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the server is ready.
    pub async fn until_ready(&self) {
        let http = reqwest::Client::new();
        let ready = format!("{}/health/ready", self.url());
        until(Duration::from_secs(20), "the server is ready", async || {
            http.get(&ready)
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// Returns how much memory the server holds.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Kills the server as a power cut would.
    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.address.clone()
    }

    /// Tells the server to stop and returns whether it said that all is well.
    pub fn terminate(mut self) -> bool {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let is_well = self.child.wait().unwrap().success();
        // What it said last is read to its end.
        self.reader.take().unwrap().join().unwrap();
        is_well
    }

    /// Signs in as `root`.
    pub async fn sign_in(&self) -> Operator {
        let http = reqwest::Client::new();
        let body = serde_json::json!({ "username": "root", "password": PASSWORD });
        let answer = http
            .post(format!("{}/api/v1/auth/login", self.url()))
            .json(&body)
            .send()
            .await
            .unwrap();
        let answer: Value = answer.json().await.unwrap();
        let token = answer["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned();
        Operator {
            http,
            base: format!("{}/api/v1", self.url()),
            token,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A signed-in person, or an agent with its token.
#[derive(Debug, Clone)]
pub struct Operator {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Operator {
    /// Returns whoever holds `token` at `server`.
    pub fn holding(server: &Server, token: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            base: format!("{}/api/v1", server.url()),
            token: token.to_owned(),
        }
    }

    /// Begins a request of theirs.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        request.bearer_auth(&self.token)
    }

    /// Returns the token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Gets a document.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.send(reqwest::Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Returns the status of an answer.
    pub async fn status(&self, path: &str) -> u16 {
        self.send(reqwest::Method::GET, path, None).await.0
    }

    /// Sends a document and returns status and answer.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(reqwest::Method::POST, path, Some(body)).await
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }
}

/// Waits until `holds` does; the only waiting in these tests is for something to come true.
pub async fn until(at_most: Duration, what: &str, holds: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < at_most, "waited {at_most:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Enrols a terminal and returns its token.
pub async fn enrol(setting: &Setting, server: &Server, serial: &str) -> String {
    let code = [
        "enrollment-code",
        "create",
        "--customer",
        "ABC Store",
        "--create-customer",
        "--json",
    ];
    let code = setting.json(&code, "");
    let body = serde_json::json!({ "serial_number": serial, "enrollment_code": code["code"], "model": "TC-200" });
    let (status, answer) = Operator::holding(server, "").post("/agent/register", &body).await;
    assert_eq!(status, 201, "{answer}");
    answer["agent_token"].as_str().unwrap().to_owned()
}

/// Sends a heartbeat and returns the status.
pub async fn beat(agent: &Operator, serial: &str, seq: i64) -> u16 {
    let body = serde_json::json!({
        "serial_number": serial, "timestamp": now(), "status": "online", "boot_id": "one", "seq": seq,
        "device": { "state": "ok", "error_code": 0 },
    });
    agent.post("/agent/heartbeat", &body).await.0
}

/// Returns the present time as the wire spells it.
pub fn now() -> String {
    use tms_core::time::{Clock, SystemClock};
    SystemClock.now().to_string()
}
