//! Silence, recovery, and our own absence, with short intervals.

use std::time::Duration;

use serde_json::Value;

use crate::server::{Operator, Server, Setting, beat, cluster, enrol, psql, until};

const SERIAL: &str = "TC-200-001";

fn brisk(setting: Setting) -> Setting {
    setting
        .with("TMS_DEFAULT_INTERVAL_S", "1")
        .with("TMS_LOST_GRACE_S", "1")
}

async fn terminal(operator: &Operator) -> Value {
    operator.get("/terminals").await["data"][0].clone()
}

async fn alerts(operator: &Operator) -> Vec<Value> {
    operator.get("/alerts").await["data"].as_array().unwrap().clone()
}

async fn until_status(operator: &Operator, status: &str) {
    until(Duration::from_secs(20), status, async || {
        terminal(operator).await["status"] == status
    })
    .await;
}

async fn silence_and_recovery(setting: Setting) {
    let server = setting.start().await;
    let token = enrol(&setting, &server, SERIAL).await;
    let (agent, operator) = (Operator::holding(&server, &token), server.sign_in().await);
    assert_eq!(terminal(&operator).await["status"], "offline");
    assert_eq!(beat(&agent, SERIAL, 1).await, 200);
    assert_eq!(terminal(&operator).await["status"], "online");
    until_status(&operator, "offline").await;
    until(Duration::from_secs(2), "an alert", async || {
        alerts(&operator).await.len() == 1
    })
    .await;
    assert_eq!(beat(&agent, SERIAL, 2).await, 200);
    assert_eq!(terminal(&operator).await["status"], "online");
    until(Duration::from_secs(1), "the alert is resolved", async || {
        alerts(&operator).await[0]["is_resolved"] == true
    })
    .await;
    let alert = &alerts(&operator).await[0];
    assert_eq!(
        (&alert["alert_type"], &alert["resolution"]),
        (&"offline".into(), &"auto".into())
    );
    assert_eq!(alerts(&operator).await.len(), 1);
}

#[tokio::test]
async fn silence_and_recovery_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let setting = brisk(Setting::sqlite(folder.path()));
    setting.prepare();
    silence_and_recovery(setting).await;
}

#[tokio::test]
async fn silence_and_recovery_on_postgres() {
    let Some(setting) = Setting::postgres("silence") else {
        return;
    };
    let setting = brisk(setting);
    setting.prepare();
    silence_and_recovery(setting).await;
}

/// The server is away for longer than a gap that counts as an outage, and longer than any deadline.
#[tokio::test]
async fn our_own_absence_raises_no_alert() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(folder.path())
        .with("TMS_DEFAULT_INTERVAL_S", "4")
        .with("TMS_LOST_GRACE_S", "4");
    setting.prepare();
    let server: Server = setting.start().await;
    let token = enrol(&setting, &server, SERIAL).await;
    assert_eq!(beat(&Operator::holding(&server, &token), SERIAL, 1).await, 200);
    let address = server.kill();
    tokio::time::sleep(Duration::from_secs(17)).await;
    let server = setting.start_on(&address).await;
    let (agent, operator) = (Operator::holding(&server, &token), server.sign_in().await);
    // The deadline has moved by our absence: the terminal has a few seconds left, which many sweeps must respect.
    for _ in 0..8 {
        assert_eq!(terminal(&operator).await["status"], "online");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert!(alerts(&operator).await.is_empty());
    assert_eq!(beat(&agent, SERIAL, 2).await, 200);
    // Without us being away, the same silence is a loss.
    until_status(&operator, "offline").await;
}

/// A database that answers and takes nothing, as a standby or a full disk does, is not one to send people to.
#[tokio::test]
async fn a_node_that_cannot_write_is_not_ready() {
    let Some(setting) = Setting::postgres("read_only") else {
        return;
    };
    let (url, cluster) = (setting.value("DATABASE_URL"), cluster().unwrap());
    let (_, name) = url.rsplit_once('/').unwrap();
    setting.prepare();
    let server = setting.start().await;
    let ready = async || {
        let answer = reqwest::get(format!("{}/health/ready", server.url())).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for (mode, status) in [("on", 503), ("off", 200)] {
        psql(
            &cluster,
            &format!("ALTER DATABASE {name} SET default_transaction_read_only = {mode}"),
        );
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ";
        psql(&cluster, &format!("{others}'{name}'"));
        until(Duration::from_secs(20), mode, async || {
            let (seen, text) = ready().await;
            seen == status && text.contains("the store takes no changes") == (mode == "on")
        })
        .await;
    }
}
