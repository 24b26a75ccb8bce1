//! kill -9 of server and database under load: nothing acknowledged is lost, nothing is doubled.
//!
//! The load of the simulator notes every acknowledgement and sends what was not acknowledged again, with the same
//! counter. Afterwards it reads the server's state back. `scripts/drill` does the same for longer.

use std::{process::Command, sync::Arc, time::Duration};

use tms_sim::{
    Access, Secret,
    load::{self, LoadSettings, gauges::Gauges},
    verify,
};

use crate::server::{PASSWORD, Server, Setting, cluster, psql, until};

/// A durable cluster of its own, which may be killed; stopped when dropped.
struct OwnCluster {
    folder: String,
    /// The database as its owner, who migrates.
    owner_url: String,
    /// The database as the application role, which serves.
    url: String,
}

impl OwnCluster {
    fn start() -> Self {
        let output = script(&["start", "real"]);
        let value = |key: &str| {
            let line = output.lines().find_map(|line| line.strip_prefix(&format!("{key}=")));
            line.unwrap_or_else(|| panic!("{output}")).to_owned()
        };
        Self {
            folder: value("TMS_PG_DIR"),
            owner_url: value("TMS_PG_OWNER_URL"),
            url: value("TMS_PG_URL"),
        }
    }

    /// Uses the two roles of a production set-up.
    fn setting(&self) -> Setting {
        Setting::of_database(&self.url).migrated_by(&self.owner_url, "tms_app")
    }
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        script(&["stop", &self.folder]);
    }
}

fn script(arguments: &[&str]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres");
    let output = Command::new(script).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn access() -> Access {
    Access::Operator {
        username: "root".to_owned(),
        password: Secret::new(PASSWORD),
    }
}

/// Runs a load while `hurt` kills things `rounds` times, then compares.
async fn drill(setting: Setting, rounds: u32, hurt: impl AsyncFn(Server) -> Server) {
    let setting = setting.with("TMS_RATE_LIMITS", "off");
    setting.prepare();
    let mut server = setting.start().await;
    let mut wish = LoadSettings::new(&server.url());
    wish.terminals = 40;
    wish.connections = 8;
    wish.warm_up = Duration::ZERO;
    wish.duration = Duration::from_secs(3_600);
    wish.log_share = 0.2;
    wish.timeout = Duration::from_secs(3);
    wish.through_restarts = true;
    wish.access = Some(access());
    let gauges = Arc::new(Gauges::default());
    let load = tokio::spawn({
        let gauges = Arc::clone(&gauges);
        async move { load::run(&wish, gauges).await }
    });
    for _ in 0..rounds {
        let before = gauges.acknowledged.get();
        until(Duration::from_secs(20), "work is acknowledged", async || {
            gauges.acknowledged.get() > before + 500
        })
        .await;
        server = hurt(server).await;
    }
    let before = gauges.acknowledged.get();
    until(Duration::from_secs(20), "work goes on", async || {
        gauges.acknowledged.get() > before + 500
    })
    .await;
    gauges.stop();
    let outcome = load.await.unwrap().unwrap();
    assert!(outcome.report.counts.failed() > 0, "the kills were noticed by nobody");
    let found = verify::run(&server.url(), &access(), outcome.ledger, Arc::default())
        .await
        .unwrap();
    assert!(found.is_clean(), "{found}");
    assert!(found.terminals == 40, "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(folder.path());
    drill(setting.clone(), 3, async |server| {
        let address = server.kill();
        setting.clone().with("TMS_RATE_LIMITS", "off").start_on(&address).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_and_a_killed_database_lose_nothing() {
    if cluster().is_none() {
        return;
    }
    let own = OwnCluster::start();
    let setting = own.setting();
    let round = std::cell::Cell::new(0);
    drill(setting.clone(), 4, async |server| {
        round.set(round.get() + 1);
        if round.get() % 2 == 0 {
            let address = server.kill();
            return setting.clone().with("TMS_RATE_LIMITS", "off").start_on(&address).await;
        }
        script(&["kill", &own.folder]);
        script(&["restart", &own.folder]);
        server
    })
    .await;
    // The server did all of that without the right to change what was audited.
    let change = Command::new("psql")
        .args(["-X", "-q", "-c", "UPDATE audit_entry SET actor = 'nobody'", &own.url])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&change.stderr).into_owned();
    assert!(said.contains("permission denied"), "{said}");
    assert_ne!(psql(&own.url, "SELECT count(*) FROM audit_entry"), "0");
}

/// `tms check` names the way out when the owner has migrated and granted nothing.
#[test]
fn a_role_without_rights_is_told_how_to_get_them() {
    if cluster().is_none() {
        return;
    }
    let own = OwnCluster::start();
    let setting = own.setting();
    Setting::of_database(&own.owner_url).json(&["migrate", "--json"], "");
    let check = || String::from_utf8(setting.run(&["check"], "").stdout).unwrap();
    let without = check();
    assert!(without.contains("TMS_DB_APP_ROLE"), "{without}");
    setting.prepare();
    let with = check();
    assert!(!with.contains("FAULT  database"), "{with}");
    assert!(setting.run(&["check"], "").status.success(), "{with}");
}

/// DESIGN section 8: 503 with `Retry-After` within 2 s while the database is away, 2xx within 5 s of its return.
#[tokio::test]
async fn a_database_that_is_away_is_503_and_its_return_needs_no_restart() {
    use crate::server::{Operator, beat, enrol};
    if cluster().is_none() {
        return;
    }
    let own = OwnCluster::start();
    let setting = own.setting();
    setting.prepare();
    let server = setting.start().await;
    let token = enrol(&setting, &server, "TC-200-001").await;
    let agent = Operator::holding(&server, &token);
    assert_eq!(beat(&agent, "TC-200-001", 1).await, 200);
    script(&["kill", &own.folder]);
    let began = std::time::Instant::now();
    let http = reqwest::Client::new();
    let summary = format!("{}/api/v1/terminals", server.url());
    let login = http
        .post(format!("{}/api/v1/auth/login", server.url()))
        .json(&serde_json::json!({ "username": "root", "password": PASSWORD }))
        .send()
        .await
        .unwrap();
    assert_eq!(login.status(), 503);
    assert!(login.headers().contains_key("retry-after"));
    assert_eq!(beat(&agent, "TC-200-001", 2).await, 503);
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "two answers of at most 2 s each took {:?}",
        began.elapsed()
    );
    assert_ne!(
        http.get(&summary)
            .bearer_auth("tms_at_x")
            .send()
            .await
            .unwrap()
            .status(),
        500
    );
    script(&["restart", &own.folder]);
    until(Duration::from_secs(5), "heartbeats are stored again", async || {
        beat(&agent, "TC-200-001", 3).await == 200
    })
    .await;
}
