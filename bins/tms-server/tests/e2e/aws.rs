//! The server on AWS: backups and static files in S3, secrets, topics, metrics and logs - and heartbeats that need none of it.

mod backup;
mod stand_in;
mod statics;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Operator, Server, Setting, beat, enrol, until};
use stand_in::{Gate, StandIn, on_aws};

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Makes a setting on the embedded store with this stand-in.
fn setting(folder: &std::path::Path, stand_in: &StandIn) -> Setting {
    on_aws(Setting::sqlite(&folder.join("data")), stand_in, &stand_in.url)
}

#[tokio::test]
async fn values_come_from_secrets_manager() {
    let Some(stand_in) = StandIn::find("eu-west-3") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let canary = "a key that nobody may ever see in a log";
    let name = StandIn::unique("tms/keys");
    stand_in
        .keep_secret(
            &name,
            &json!({ "secret_key": canary, "token": "t0ken-of-metrics" }).to_string(),
        )
        .await;
    let setting = setting(folder.path(), &stand_in)
        .with("SECRET_KEY_SECRET", &format!("{name}#secret_key"))
        .with("TMS_METRICS_TOKEN_SECRET", &format!("{name}#token"));
    setting.prepare();
    assert!(
        !folder.path().join("data/secret.key").exists(),
        "the key came from elsewhere"
    );
    let server = setting.start().await;
    let metrics = || reqwest::Client::new().get(format!("{}/metrics", server.url()));
    assert!(!metrics().send().await.unwrap().status().is_success());
    assert!(
        metrics()
            .bearer_auth("t0ken-of-metrics")
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );

    let wrong = setting
        .with("TMS_METRICS_TOKEN_SECRET", &format!("{name}#none"))
        .with("DB_PASSWORD_SECRET", &StandIn::unique("none"))
        .with("TMS_DRAIN_S", "soon");
    let output = wrong.run(&["check"], "");
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    for part in [
        "TMS_METRICS_TOKEN_SECRET",
        "no field none",
        "DB_PASSWORD_SECRET",
        "ResourceNotFound",
        "TMS_DRAIN_S",
    ] {
        assert!(said.contains(part), "{part}: all faults are told at once: {said}");
    }
    assert!(!said.contains(canary));
}

#[tokio::test]
async fn a_topic_is_told() {
    let Some(stand_in) = StandIn::find("eu-central-1") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let setting = setting(folder.path(), &stand_in);
    setting.prepare();
    let server = setting.start().await;
    let root = server.sign_in().await;
    let topic = stand_in.topic().await;
    let (status, made) = root
        .post(
            "/notification-channels",
            &json!({ "name": "topic", "sns": { "topic_arn": topic } }),
        )
        .await;
    assert_eq!(status, 201, "{made}");
    let test = format!("/notification-channels/{}/test", made["id"]);
    assert_eq!(
        root.post(&test, &Value::Null).await.1,
        json!({ "status": "sent", "error": null })
    );
    let other = json!({ "name": "none", "sns": { "topic_arn": format!("{topic}-not") } });
    let other = root.post("/notification-channels", &other).await.1;
    let failed = root
        .post(&format!("/notification-channels/{}/test", other["id"]), &Value::Null)
        .await
        .1;
    assert_eq!(failed["status"], "failed");
    assert!(failed["error"].as_str().unwrap().contains("NotFound"), "{failed}");
}

/// Sends heartbeats one after the other, and returns how long they took.
async fn beats(agent: &Operator, seqs: std::ops::Range<i64>) -> Duration {
    let begun = Instant::now();
    for seq in seqs {
        assert_eq!(beat(agent, "TC-200-001", seq).await, 200);
    }
    begun.elapsed()
}

#[tokio::test]
async fn heartbeats_go_on_without_aws_and_metrics_catch_up() {
    const ROUND: i64 = 400;
    let Some(stand_in) = StandIn::find("us-west-2") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::before(&stand_in.url).await;
    let group = StandIn::unique("tms-application");
    let stored = async || stand_in.metric_samples("IngestLatency").await;
    let earlier = stored().await;
    let setting = on_aws(Setting::sqlite(&folder.path().join("data")), &stand_in, &gate.url())
        .with("TMS_CLOUDWATCH_METRICS", "on")
        .with("TMS_CLOUDWATCH_EVERY_S", "1")
        .with("TMS_CLOUDWATCH_LOGS", &group)
        .with("TMS_NODE", "node-1")
        .with("TMS_RATE_LIMITS", "off");
    setting.prepare();
    let server: Server = setting.start().await;
    let agent = Operator::holding(&server, &enrol(&setting, &server, "TC-200-001").await);
    let before = beats(&agent, 0..ROUND).await;
    let rounds = async || stand_in.metric("HeartbeatRate", None).await.1;
    until(Duration::from_secs(20), "metrics arrive", async || rounds().await > 0.0).await;
    until(Duration::from_secs(20), "the fleet is counted", async || {
        stand_in.metric("ActiveTerminals", None).await.0 >= 1.0
            && stand_in.metric("OpenAlerts", Some(("Severity", "HIGH"))).await.1 > 0.0
    })
    .await;

    gate.shut().await;
    let last = rounds().await;
    let mut without = beats(&agent, ROUND..2 * ROUND).await;
    // Long enough for several rounds that can't be sent.
    let away = Instant::now();
    let mut seq = 2 * ROUND;
    while away.elapsed() < Duration::from_secs(5) {
        without = without.min(beats(&agent, seq..seq + ROUND).await);
        seq += ROUND;
    }
    assert!(
        without < 2 * before + Duration::from_millis(300),
        "{without:?} without AWS, {before:?} with it"
    );

    gate.open().await;
    until(Duration::from_secs(60), "metrics catch up", async || {
        rounds().await >= last + 5.0
    })
    .await;
    until(Duration::from_secs(60), "each heartbeat was counted", async || {
        stored().await == earlier + seq.unsigned_abs()
    })
    .await;
    // The log tells what it could not send at the time.
    for line in ["TMS_RATE_LIMITS=off", "metrics wait for CloudWatch"] {
        until(Duration::from_secs(60), line, async || {
            stand_in.has_logged(&group, line).await
        })
        .await;
    }
    assert!(server.terminate());
}
