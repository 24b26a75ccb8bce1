//! What strangers and broken agents send: each gets the error body with the right status, none gets a 5xx, and nothing
//! is half written.

use serde_json::{Value, json};

use crate::world::{Agent, World};

async fn world_with_agent() -> (World, Agent) {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let agent = world.agent(customer, "TC-200-001").await;
    (world, agent)
}

/// 400 or 422.
const EITHER: u16 = 0;

fn nested(depth: usize) -> String {
    format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))
}

fn beat(more: &str) -> String {
    format!(r#"{{"serial_number":"TC-200-001","timestamp":"2026-01-24T10:00:00Z","status":"online"{more}}}"#)
}

#[tokio::test]
async fn broken_bodies_are_refused_everywhere() {
    let (world, agent) = world_with_agent().await;
    let before = world.terminal(agent.id).await;
    let terminal = format!("/terminals/{}", agent.id);
    let routes = [
        ("POST", "/agent/heartbeat", true),
        ("POST", "/agent/logs", true),
        ("POST", "/customers", false),
        ("PATCH", terminal.as_str(), false),
    ];
    let bodies: Vec<(Vec<u8>, u16, &str)> = vec![
        (b"".to_vec(), 400, "VAL_003"),
        (b"{".to_vec(), 400, "VAL_003"),
        (b"nonsense".to_vec(), 400, "VAL_003"),
        (b"{\"a\":1} {}".to_vec(), 400, "VAL_003"),
        (b"{\"a\":\"\xff\"}".to_vec(), 400, "VAL_003"),
        (b"{\"a\":\"\0\"}".to_vec(), 400, "VAL_003"),
        (b"{\"a\":\"\\ud800\"}".to_vec(), EITHER, "VAL_003"),
        (b"{\"a\":1e999}".to_vec(), EITHER, "VAL_003"),
        (nested(33).into_bytes(), 400, "VAL_003"),
        (nested(10_000).into_bytes(), 400, "VAL_003"),
        ("[".repeat(60_000).into_bytes(), 422, "VAL_001"),
        (b"[]".to_vec(), 422, "VAL_001"),
        (b"null".to_vec(), 422, "VAL_001"),
        (b"7".to_vec(), 422, "VAL_001"),
        (b"\"text\"".to_vec(), 422, "VAL_001"),
        (b"{\"x\":{\"a\":1,\"a\":2}}".to_vec(), 422, "VAL_001"),
        (b"{\"x\":\"\\u0000\"}".to_vec(), 422, "VAL_001"),
    ];
    for (method, path, is_agents) in routes {
        let call = || {
            let call = world.call(method, path).if_match("*");
            if is_agents {
                call.token(&agent.token)
            } else {
                call.by("operator")
            }
        };
        for (body, status, code) in &bodies {
            let answer = call().raw(body.clone()).send().await;
            // What is skipped is not looked into.
            let is_either = *status == EITHER;
            if is_either && answer.status == 422 {
                answer.problem(422, "VAL_001");
            } else if is_either {
                answer.problem(400, "VAL_003");
            } else {
                answer.problem(*status, code);
            }
        }
        call()
            .untyped("{}")
            .header("content-type", "text/plain")
            .send()
            .await
            .problem(415, "VAL_004");
        call().untyped("{}").send().await.problem(415, "VAL_004");
        let huge = format!("{{\"x\":\"{}\"}}", "y".repeat(300_000));
        call().raw(huge.clone()).send().await.problem(413, "SIZE_001");
        call()
            .raw(huge)
            .header("content-length", "300008")
            .send()
            .await
            .problem(413, "SIZE_001");
    }
    assert_eq!(world.terminal(agent.id).await, before, "nothing is half written");
    assert_eq!(
        world.get("/customers").by("viewer").send().await.ok(200)["meta"]["total"],
        1
    );
}

#[tokio::test]
async fn wrongly_typed_heartbeats_name_the_field() {
    let (world, agent) = world_with_agent().await;
    for (more, field) in [
        (r#","seq":"1""#, "seq"),
        (r#","seq":1.5"#, "seq"),
        (r#","seq":-1"#, "seq"),
        (r#","seq":99999999999999999999"#, "seq"),
        (r#","boot_id":"a b""#, "boot_id"),
        (r#","metrics":{"cpu_usage":101}"#, "metrics.cpu_usage"),
        (r#","metrics":{"cpu_usage":"45"}"#, "metrics.cpu_usage"),
        (r#","metrics":{"temperature":1000}"#, "metrics.temperature"),
        (r#","metrics":[1,2,3,4]"#, "metrics"),
        (r#","metrics":"x""#, "metrics"),
        (r#","device":{"state":"on fire"}"#, "device.state"),
        (r#","device":{"error_code":1}"#, "device.state"),
        (
            r#","device":{"state":"error","error_code":99999999999}"#,
            "device.error_code",
        ),
        (r#","ip_address":"1.2.3.4.5""#, "ip_address"),
        (r#","firmware_version":"a\u0007b""#, "firmware_version"),
        (r#","firmware_version":"a\u0000b""#, "firmware_version"),
        (r#","agent_version":7"#, "agent_version"),
        (r#","uptime_seconds":-5"#, "uptime_seconds"),
        (r#","last_transaction":"noon""#, "last_transaction"),
        (r#","transaction_count":-5"#, "transaction_count"),
        (r#","config_version":-5"#, "config_version"),
        (r#","status":"error""#, "status"),
        (r#","future":{"deep":{"twice":1,"twice":2}}"#, "twice"),
    ] {
        let answer = world
            .call("POST", "/agent/heartbeat")
            .raw(beat(more))
            .token(&agent.token)
            .send()
            .await;
        answer.wrong_fields(&[field]);
    }
    for (body, fields) in [
        (json!({}), &["serial_number"][..]),
        (
            json!({ "serial_number": "TC-200-001", "timestamp": "now", "status": "fine" }),
            &["status", "timestamp"],
        ),
        (
            json!({ "serial_number": "!", "timestamp": "now", "status": "fine" }),
            &["serial_number"],
        ),
        (
            json!({ "serial_number": 7, "timestamp": "now", "status": "fine" }),
            &["serial_number"],
        ),
        (
            json!({ "serial_number": "TC-200-001", "timestamp": "1969-01-01T00:00:00Z", "status": "online" }),
            &["timestamp"],
        ),
    ] {
        world
            .post("/agent/heartbeat", &body)
            .token(&agent.token)
            .send()
            .await
            .wrong_fields(fields);
    }
    assert_eq!(world.terminal(agent.id).await["last_heartbeat"], Value::Null);
}

#[tokio::test]
async fn newer_agents_and_odd_clocks_are_lived_with() {
    let (world, agent) = world_with_agent().await;
    let send = |body: String| world.call("POST", "/agent/heartbeat").raw(body).token(&agent.token);
    send(beat(
        r#","battery":{"level":[1,2,{"x":null}]},"metrics":{"cpu_usage":1,"gpu_usage":2}"#,
    ))
    .send()
    .await
    .ok(200);
    for time in [
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "2016-01-24T19:00:00+09:00",
        "2126-01-24T10:00:00.123456789Z",
    ] {
        world.beat(&agent, json!({ "timestamp": time })).send().await.ok(200);
    }
    let row = &world
        .get(&format!("/terminals/{}/metrics", agent.id))
        .by("viewer")
        .send()
        .await
        .ok(200)["data"][0];
    assert_eq!(
        row["timestamp"], "2126-01-24T10:00:00.123456Z",
        "the agent's clock is data"
    );
    assert_eq!(row["received_at"], "2026-01-24T10:00:00Z", "the server's decides");
}

#[tokio::test]
async fn a_token_speaks_for_its_own_terminal_only() {
    let (world, agent) = world_with_agent().await;
    let other = world.agent(world.first("/customers").await, "TC-200-002").await;
    let forged = Agent {
        serial: other.serial.clone(),
        ..agent.clone()
    };
    let before = world.terminal(other.id).await;
    world.beat(&forged, json!({})).send().await.problem(403, "AUTH_003");
    world
        .beat(&agent, json!({}))
        .header("x-terminal-serial", "TC-200-002")
        .send()
        .await
        .problem(403, "AUTH_003");
    world
        .beat(&agent, json!({}))
        .header("x-terminal-serial", "TC-200-0010")
        .send()
        .await
        .problem(403, "AUTH_003");
    let logs = json!({ "serial_number": "TC-200-002", "logs": [] });
    world
        .post("/agent/logs", &logs)
        .token(&agent.token)
        .send()
        .await
        .problem(403, "AUTH_003");
    assert_eq!(world.terminal(other.id).await, before);
    assert_eq!(world.terminal(agent.id).await["last_heartbeat"], Value::Null);
}

#[tokio::test]
async fn foreign_and_malformed_tokens_are_refused() {
    let (world, agent) = world_with_agent().await;
    let mut flipped = agent.token.clone().into_bytes();
    let last = flipped.len() - 5;
    flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let long = "x".repeat(5_000);
    for token in [
        "",
        "x",
        "tms_ag_",
        flipped.as_str(),
        long.as_str(),
        "tms_at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        for path in ["/agent/heartbeat", "/agent/logs", "/agent/token/rotate"] {
            world
                .post(path, &json!({}))
                .token(token)
                .send()
                .await
                .problem(401, "AUTH_002");
        }
        world
            .get("/terminals")
            .token(token)
            .send()
            .await
            .problem(401, "AUTH_002");
    }
    for header in ["Basic dGVzdDp0ZXN0", "Bearer", agent.token.as_str(), "bearer"] {
        world
            .post("/agent/heartbeat", &json!({}))
            .header("authorization", header)
            .send()
            .await
            .problem(401, "AUTH_002");
    }
    world
        .get("/terminals")
        .token(&agent.token)
        .send()
        .await
        .problem(401, "AUTH_002");
    world
        .post("/agent/heartbeat", &json!({}))
        .by("admin")
        .send()
        .await
        .problem(401, "AUTH_002");
}

#[tokio::test]
async fn unknown_addresses_and_methods_have_the_error_body() {
    let (world, _) = world_with_agent().await;
    for path in [
        "/nothing",
        "/terminals/1/nothing",
        "/terminals/",
        "/agent",
        "http://x/nothing",
        "http://x/api",
        "http://x/api/v2/terminals",
        "/../../etc/passwd",
        "/%2e%2e",
    ] {
        world.get(path).by("admin").send().await.problem(404, "RES_001");
        world.get(path).send().await.problem(404, "RES_001");
    }
    for (method, path, allowed) in [
        ("DELETE", "/terminals", "GET,HEAD,POST"),
        ("PUT", "/terminals/1", "GET,HEAD,PATCH,DELETE"),
        ("GET", "/agent/heartbeat", "POST"),
        ("GET", "/agent/logs", "POST"),
        ("BREW", "/summary", "GET,HEAD"),
        ("POST", "/health/", "GET,HEAD"),
    ] {
        let answer = world.call(method, path).send().await;
        answer.problem(405, "RES_002");
        let mut shown: Vec<&str> = answer.header("allow").split(',').collect();
        let mut allowed: Vec<&str> = allowed.split(',').collect();
        shown.sort_unstable();
        allowed.sort_unstable();
        assert_eq!(shown, allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn a_request_id_is_echoed_if_it_is_sane() {
    let (world, agent) = world_with_agent().await;
    let given = world
        .beat(&agent, json!({}))
        .header("x-request-id", "abc-123")
        .send()
        .await;
    assert_eq!(given.header("x-request-id"), "abc-123");
    for insane in ["a b", "<script>", &"x".repeat(65), ""] {
        for answer in [
            world
                .beat(&agent, json!({}))
                .header("x-request-id", insane)
                .send()
                .await,
            world.get("/nothing").header("x-request-id", insane).send().await,
        ] {
            assert_eq!(answer.header("x-request-id").len(), 32, "{insane}");
        }
    }
    let answer = world.get("/summary").by("viewer").send().await;
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.header(name), value);
    }
}

#[tokio::test]
async fn everything_wrong_with_a_body_is_said_at_once() {
    let (world, _) = world_with_agent().await;
    for (path, body, fields) in [
        (
            "/customers",
            json!({ "company_name": "", "contract_type": "gold", "contact_email": "nope",
                "contract_start_date": "2026-13-01", "max_terminals": -1 }),
            &[
                "company_name",
                "contact_email",
                "contract_start_date",
                "contract_type",
                "max_terminals",
            ][..],
        ),
        (
            "/terminals",
            json!({ "serial_number": "?", "model": 7, "heartbeat_interval": 0, "installed_date": "soon", "x": 1 }),
            &[
                "customer_id",
                "heartbeat_interval",
                "installed_date",
                "model",
                "serial_number",
                "x",
            ],
        ),
        (
            "/enrollment-codes",
            json!({ "uses": "one", "serial_number": "?", "expires_at": "soon" }),
            &["customer_id", "expires_at", "serial_number", "uses"],
        ),
        (
            "/maintenance",
            json!({ "terminal_id": "x", "from": "soon", "until": 7 }),
            &["from", "reason", "terminal_id", "until"],
        ),
        (
            "/auth/tokens",
            json!({ "name": 7, "scopes": ["everything"], "expires_at": "soon" }),
            &["expires_at", "name", "scopes"],
        ),
        (
            "/alert-rules",
            json!({ "alert_type": "flood", "customer_id": 0, "is_enabled": "x", "severity": "HUGE" }),
            &["alert_type", "customer_id", "is_enabled", "severity"],
        ),
        (
            "/notification-channels",
            json!({ "name": 7, "is_enabled": "x", "slack": 7 }),
            &["is_enabled", "name", "slack"],
        ),
        (
            "/users",
            json!({ "username": 7, "role": "king", "email": [] }),
            &["email", "role", "username"],
        ),
        (
            "/users",
            json!({ "username": "x!", "role": "king" }),
            &["role", "username"],
        ),
        (
            "/maintenance",
            json!({ "terminal_id": "x", "reason": "", "until": "2020-01-01T00:00:00Z" }),
            &["reason", "terminal_id", "until"],
        ),
        (
            "/enrollment-codes",
            json!({ "customer_id": "x", "uses": 0, "store_code": "x".repeat(51) }),
            &["customer_id", "store_code", "uses"],
        ),
        (
            "/auth/tokens",
            json!({ "name": "", "scopes": "all", "expires_at": "2020-01-01T00:00:00Z" }),
            &["expires_at", "name", "scopes"],
        ),
        (
            "/alert-rules",
            json!({ "alert_type": "high_cpu", "customer_id": "x", "is_enabled": true, "severity": "LOW" }),
            &["customer_id", "threshold"],
        ),
        (
            "/notification-channels",
            json!({ "name": "", "is_enabled": "x", "web_hook": { "url": "nowhere" } }),
            &["is_enabled", "name", "web_hook.url"],
        ),
        (
            "/notification-channels",
            json!({ "name": 7, "language": "xx" }),
            &["kind", "language", "name"],
        ),
        (
            "/alerts/bulk",
            json!({ "action": "x", "filter": 7 }),
            &["action", "filter"],
        ),
    ] {
        world.post(path, &body).by("admin").send().await.wrong_fields(fields);
    }
    let customer = format!("/customers/{}", world.first("/customers").await);
    let patch = json!({ "company_name": 7, "max_terminals": "x", "contact_email": "nope", "colour": "red" });
    let answer = world.patch(&customer, &patch).by("operator").if_match("*").send().await;
    answer.wrong_fields(&["colour", "company_name", "contact_email", "max_terminals"]);
    let patch = json!({ "contract_start_date": "soon", "contact_email": "nope" });
    let answer = world.patch(&customer, &patch).by("operator").if_match("*").send().await;
    answer.wrong_fields(&["contact_email", "contract_start_date"]);
    let patch = json!({ "contract_start_date": 7, "contract_end_date": "2020-01-01" });
    let answer = world.patch(&customer, &patch).by("operator").if_match("*").send().await;
    answer.wrong_fields(&["contract_start_date"]);
    for (path, body, fields) in [
        (
            "/terminals",
            json!({ "model": 7, "heartbeat_interval": 0 }),
            &["heartbeat_interval", "model"][..],
        ),
        (
            "/users",
            json!({ "full_name": 7, "email": "nope", "role": "king" }),
            &["email", "full_name", "role"],
        ),
        (
            "/alert-rules",
            json!({ "is_enabled": 7, "severity": "HUGE" }),
            &["is_enabled", "severity"],
        ),
    ] {
        let one = format!("{path}/{}", world.first(path).await);
        let answer = world.patch(&one, &body).by("admin").if_match("*").send().await;
        answer.wrong_fields(fields);
    }
    let wish = json!({ "is_resolved": "yes", "resolution_notes": "x" });
    let answer = world.patch("/alerts/1", &wish).by("support").send().await;
    answer.wrong_fields(&["is_resolved"]);
}
