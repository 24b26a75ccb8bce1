//! Agents: enrolment, heartbeat, logs, rotation.

use serde_json::json;

use crate::world::{World, register_body};

#[tokio::test]
async fn the_address_of_a_network_card_is_spelled_one_way() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let register = async |serial: &str, address: &str| {
        let code = world.code(customer, json!({})).await;
        let mut body = register_body(serial, &code);
        body["mac_address"] = json!(address);
        world.post("/agent/register", &body).send().await
    };
    for (n, (said, kept)) in [
        ("00-1A-2B-3C-4D-5E", json!("00:1a:2b:3c:4d:5e")),
        ("00:00:00:00:00:00:00:E0", json!("00:00:00:00:00:00:00:e0")),
        ("", json!(null)),
    ]
    .into_iter()
    .enumerate()
    {
        let made = register(&format!("TC-{n:03}"), said).await.ok(201);
        let terminal = world.terminal(made["terminal_id"].as_i64().unwrap()).await;
        assert_eq!(terminal["mac_address"], kept);
    }
    for wrong in ["zz-top", "00:11:22:33:44", "00:11:22:33:44:55\u{0}", "0011223344556"] {
        register("TC-009", wrong).await.wrong_fields(&["mac_address"]);
    }
}

#[tokio::test]
async fn a_code_becomes_a_token_once() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let code = world.code(customer, json!({})).await;
    let answer = world
        .post("/agent/register", &register_body("tc-200-001", &code))
        .send()
        .await;
    let body = answer.ok(201);
    assert_eq!(
        answer.header("location"),
        format!("/api/v1/terminals/{}", body["terminal_id"])
    );
    assert_eq!(body["heartbeat_interval"], 300);
    assert_eq!(body["server_time"], "2026-01-24T10:00:00Z");
    assert_eq!(
        body["config"],
        json!({ "version": 1, "log_level": "INFO", "auto_update": true })
    );
    assert!(body["agent_token"].as_str().unwrap().starts_with("tms_ag_"));
    let again = world
        .post("/agent/register", &register_body("TC-200-002", &code))
        .send()
        .await;
    let wrong = world
        .post("/agent/register", &register_body("TC-200-002", "AAAA-AAAA-AAAA-AAAA"))
        .send()
        .await;
    let malformed = world
        .post("/agent/register", &register_body("TC-200-002", "x"))
        .send()
        .await;
    let expected = again.problem(401, "AUTH_001")["details"].clone();
    for other in [wrong, malformed] {
        assert_eq!(
            other.problem(401, "AUTH_001")["details"],
            expected,
            "wrong and used codes look alike"
        );
    }
}

#[tokio::test]
async fn a_known_serial_keeps_its_identity() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let first = world.agent(customer, "TC-200-001").await;
    let code = world.code(customer, json!({})).await;
    let second = world
        .post("/agent/register", &register_body("TC-200-001", &code))
        .send()
        .await;
    second.problem(409, "VAL_002");
    world.beat(&first, json!({})).send().await.ok(200);
    let bound = world.code(customer, json!({ "serial_number": "TC-200-001" })).await;
    let replaced = world
        .post("/agent/register", &register_body("TC-200-001", &bound))
        .send()
        .await
        .ok(201);
    assert_eq!(replaced["terminal_id"], first.id);
    // Revocations reach every node within a second.
    world.tick().await;
    world.beat(&first, json!({})).send().await.problem(401, "AUTH_002");
}

#[tokio::test]
async fn wrong_fields_of_a_registration_are_all_named() {
    let world = World::new().await;
    let body = json!({ "serial_number": "A B", "enrollment_code": "x", "model": "", "ip_address": "1.2.3", "hostname": "a\u{7}b" });
    let answer = world.post("/agent/register", &body).send().await;
    answer.wrong_fields(&["hostname", "ip_address", "model", "serial_number"]);
    world
        .post("/agent/register", &json!({ "model": "x" }))
        .send()
        .await
        .wrong_fields(&["serial_number"]);
}

#[tokio::test]
async fn a_heartbeat_is_stored_and_answered() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let body = json!({
        "boot_id": "f3", "seq": 812, "device": { "state": "ok", "error_code": 0 },
        "metrics": { "cpu_usage": 45, "memory_usage": 60, "disk_usage": 30, "temperature": 35 },
        "firmware_version": "2.0.1", "agent_version": "1.0.1", "ip_address": "192.168.1.101", "uptime_seconds": 86400,
        "last_transaction": "2026-01-24T09:58:00Z", "transaction_count": 150, "config_version": 7,
    });
    let answer = world
        .beat(&agent, body)
        .header("x-terminal-serial", "tc-200-001")
        .send()
        .await;
    let told = answer.ok(200);
    assert_eq!(told["status"], "acknowledged");
    assert_eq!(told["server_time"], "2026-01-24T10:00:00Z");
    assert!((270..=300).contains(&told["next_heartbeat"].as_i64().unwrap()));
    assert_eq!(told["commands"], json!([]));
    assert_eq!(answer.header("x-request-id").len(), 32);
    let terminal = world.terminal(agent.id).await;
    assert_eq!(terminal["status"], "online");
    assert_eq!(terminal["seq"], 812);
    assert_eq!(terminal["firmware_version"], "2.0.1");
    assert_eq!(terminal["metrics"]["cpu_usage"], 45);
    let rows = world
        .get(&format!("/terminals/{}/metrics", agent.id))
        .by("viewer")
        .send()
        .await
        .ok(200);
    assert_eq!(rows["data"][0]["seq"], 812);
    assert_eq!(rows["data"][0]["transaction_count"], 150);
}

#[tokio::test]
async fn status_stands_for_the_reader_when_the_device_is_absent() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let agent = world.agent(customer, "TC-200-001").await;
    for (body, device, status) in [
        (json!({ "status": "online" }), "ok", "online"),
        (json!({ "status": "error" }), "error", "error"),
        (json!({ "status": "offline" }), "absent", "error"),
        (
            json!({ "status": "error", "device": { "state": "ok" } }),
            "ok",
            "online",
        ),
        (
            json!({ "status": "online", "device": { "state": "error", "error_code": 17 } }),
            "error",
            "error",
        ),
    ] {
        world.beat(&agent, body.clone()).send().await.ok(200);
        let terminal = world.terminal(agent.id).await;
        assert_eq!(
            (&terminal["status_reason"]["device"], &terminal["status"]),
            (&json!(device), &json!(status)),
            "{body}"
        );
    }
    assert_eq!(world.terminal(agent.id).await["status_reason"]["error_code"], 17);
}

#[tokio::test]
async fn an_older_heartbeat_is_acknowledged_and_changes_nothing() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let beat = |boot: &str, seq: i64, status: &str| {
        world.beat(&agent, json!({ "boot_id": boot, "seq": seq, "status": status }))
    };
    beat("a", 5, "online").send().await.ok(200);
    beat("a", 4, "error").send().await.ok(200);
    beat("a", 5, "error").send().await.ok(200);
    assert_eq!(world.terminal(agent.id).await["status"], "online");
    beat("b", 0, "error").send().await.ok(200);
    beat("a", 99, "online").send().await.ok(200);
    assert_eq!(
        world.terminal(agent.id).await["status"],
        "error",
        "an old boot never changes state"
    );
}

#[tokio::test]
async fn logs_count_once_and_are_all_or_nothing() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let line = |id: &str| json!({ "event_id": id, "timestamp": "2026-01-24T09:59:00Z", "level": "INFO", "type": "agent", "message": "started\nwell", "details": { "n": 1 } });
    let send = |lines: serde_json::Value| {
        world
            .post("/agent/logs", &json!({ "serial_number": "TC-200-001", "logs": lines }))
            .token(&agent.token)
    };
    assert_eq!(
        send(json!([line("e1"), line("e2")])).send().await.ok(200),
        json!({ "status": "received", "count": 2 })
    );
    send(json!([line("e2"), line("e3")])).send().await.ok(200);
    let mut bad = line("e4");
    bad["level"] = json!("LOUD");
    send(json!([line("e5"), bad]))
        .send()
        .await
        .wrong_fields(&["logs[1].level"]);
    send(json!([])).send().await.wrong_fields(&["logs"]);
    send(json!([line("x"), ["e", "t", "INFO", "k", "m"]]))
        .send()
        .await
        .problem(422, "VAL_001");
    let listed = world
        .get(&format!("/terminals/{}/logs?level=INFO", agent.id))
        .by("viewer")
        .send()
        .await
        .ok(200);
    let mut ids: Vec<&str> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["event_id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["e1", "e2", "e3"]);
    assert_eq!(listed["data"][0]["message"], "started\nwell");
}

#[tokio::test]
async fn a_rotated_token_works_ten_more_minutes() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let mut agent = world.agent(customer, "TC-200-001").await;
    let old = agent.clone();
    let rotated = world
        .call("POST", "/agent/token/rotate")
        .token(&agent.token)
        .send()
        .await
        .ok(200);
    agent.token = rotated["agent_token"].as_str().unwrap().to_owned();
    assert_eq!(rotated["previous_valid_until"], "2026-01-24T10:10:00Z");
    world.beat(&old, json!({})).send().await.ok(200);
    world.beat(&agent, json!({})).send().await.ok(200);
    world
        .call("POST", "/agent/token/rotate")
        .token(&old.token)
        .send()
        .await
        .problem(401, "AUTH_002");
    world.advance(601);
    world.tick().await;
    world.beat(&old, json!({})).send().await.problem(401, "AUTH_002");
    world.beat(&agent, json!({})).send().await.ok(200);
}

#[tokio::test]
async fn a_retired_terminal_is_sent_away() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let path = format!("/terminals/{}", agent.id);
    world
        .call("DELETE", &path)
        .by("operator")
        .if_match("*")
        .send()
        .await
        .ok(204);
    world.tick().await;
    world.beat(&agent, json!({})).send().await.problem(401, "AUTH_002");
}

#[tokio::test]
async fn a_store_that_is_away_answers_503_and_comes_back() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let agent = world.agent(customer, "TC-200-001").await;
    world.beat(&agent, json!({})).send().await.ok(200);
    world.store.set_unavailable(true);
    world.beat(&agent, json!({})).send().await.problem(503, "SYS_002");
    world
        .get("/terminals")
        .by("viewer")
        .send()
        .await
        .problem(503, "SYS_002");
    world.store.set_unavailable(false);
    world.beat(&agent, json!({})).send().await.ok(200);
}
