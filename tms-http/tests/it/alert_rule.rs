//! The rules of alerts: a view of the settings that the reconciler honours.

use serde_json::{Value, json};

use crate::world::World;

fn threshold(value: i64, clear_value: i64) -> Value {
    json!({ "value": value, "duration_s": 0, "clear_value": clear_value })
}

async fn open_alerts(world: &World) -> Vec<(Value, Value)> {
    let list = world.get("/alerts?is_resolved=false").by("viewer").send().await.ok(200);
    let rows = list["data"].as_array().unwrap().iter();
    rows.map(|alert| (alert["alert_type"].clone(), alert["severity"].clone()))
        .collect()
}

#[tokio::test]
async fn rules_and_settings_are_one_truth() {
    let world = World::new().await;
    let list = world
        .get("/alert-rules?per_page=100")
        .by("operator")
        .send()
        .await
        .ok(200);
    assert_eq!(list["meta"]["total"], 8);
    assert_eq!(
        list["data"][3],
        json!({ "id": 4, "alert_type": "high_cpu", "customer_id": null, "is_enabled": true, "severity": "MEDIUM",
            "threshold": { "value": 90, "duration_s": 600, "clear_value": 80 } })
    );
    let put = |tag: &str| {
        let body = json!({ "is_enabled": true, "severity": "HIGH", "threshold": threshold(70, 60) });
        world
            .call("PUT", "/alert-rules/4")
            .json(&body)
            .by("admin")
            .if_match(tag)
    };
    let read = world.get("/alert-rules/4").by("operator").send().await;
    let tag = read.header("etag").to_owned();
    let saved = put(&tag).send().await;
    assert_ne!(saved.header("etag"), tag);
    assert_eq!(saved.ok(200)["severity"], "HIGH");
    put(&tag).send().await.problem(412, "PRE_001");
    let settings = world.get("/settings").by("operator").send().await;
    let mut document = settings.json();
    let of_cpu = document["rules"]
        .as_array()
        .unwrap()
        .iter()
        .position(|rule| rule["cause"] == "high_cpu")
        .unwrap();
    assert_eq!(document["rules"][of_cpu]["threshold"], threshold(70, 60));
    document["rules"][of_cpu]["severity"] = json!("LOW");
    let tag = settings.header("etag").to_owned();
    let put = world
        .call("PUT", "/settings")
        .json(&document)
        .by("admin")
        .if_match(&tag);
    put.send().await.ok(200);
    let read = world.get("/alert-rules/4").by("operator").send().await.ok(200);
    assert_eq!(read["severity"], "LOW");
    let patch = world
        .patch("/alert-rules/4", &json!({ "is_enabled": false }))
        .by("admin");
    let answer = patch.if_match("*").send().await.ok(200);
    assert_eq!(
        (&answer["is_enabled"], &answer["threshold"]),
        (&json!(false), &threshold(70, 60))
    );
    let entries = world.store.audit_entries();
    let newest = entries.last().unwrap();
    assert_eq!(
        (newest.action.as_str(), newest.target_id),
        ("alert_rule.update", Some(4))
    );
    assert_eq!(
        newest.changes,
        json!({ "is_enabled": { "before": true, "after": false } })
    );
}

#[tokio::test]
async fn the_reconciler_honours_rules_at_once() {
    let world = World::new().await;
    let (one, two) = (world.customer("ABC").await, world.customer("XYZ").await);
    for (n, customer) in [(1, one), (2, two)] {
        let agent = world.agent(customer, &format!("TC-200-00{n}")).await;
        world.beat(&agent, json!({ "status": "error" })).send().await.ok(200);
    }
    world.tick().await;
    let raised = (json!("device_error"), json!("HIGH"));
    assert_eq!(open_alerts(&world).await, [raised.clone(), raised.clone()]);
    let own = json!({ "alert_type": "device_error", "customer_id": one, "is_enabled": false, "severity": "LOW" });
    let made = world.post("/alert-rules", &own).by("admin").send().await;
    let path = made.location();
    assert_eq!(made.ok(201)["id"], one * 100 + 2);
    world.tick().await;
    assert_eq!(
        open_alerts(&world).await,
        std::slice::from_ref(&raised),
        "no heartbeat is needed"
    );
    let on = world
        .patch(&path, &json!({ "is_enabled": true }))
        .by("admin")
        .if_match("*");
    on.send().await.ok(200);
    world.tick().await;
    assert_eq!(
        open_alerts(&world).await,
        [(json!("device_error"), json!("LOW")), raised.clone()]
    );
    world
        .call("DELETE", &path)
        .by("admin")
        .if_match("*")
        .send()
        .await
        .ok(204);
    world.get(&path).by("operator").send().await.problem(404, "RES_001");
    world.tick().await;
    assert_eq!(open_alerts(&world).await.len(), 2);
}

#[tokio::test]
async fn thresholds_of_a_customer_are_their_own() {
    let world = World::new().await;
    let (one, two) = (world.customer("ABC").await, world.customer("XYZ").await);
    let agents = [
        world.agent(one, "TC-200-001").await,
        world.agent(two, "TC-200-002").await,
    ];
    let own =
        json!({ "alert_type": "high_cpu", "customer_id": one, "severity": "CRITICAL", "threshold": threshold(50, 40) });
    world.post("/alert-rules", &own).by("admin").send().await.ok(201);
    let beat = async |cpu: i64| {
        world.advance(60);
        for agent in &agents {
            let metrics = json!({ "metrics": { "cpu_usage": cpu } });
            world.beat(agent, metrics).send().await.ok(200);
        }
        world.tick().await;
        open_alerts(&world).await
    };
    let raised = [(json!("high_cpu"), json!("CRITICAL"))];
    assert_eq!(
        beat(60).await,
        raised,
        "the other customer's terminal is under the general rule"
    );
    assert_eq!(beat(45).await, raised, "above the clear value");
    assert_eq!(beat(40).await, []);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let post = |body: Value| world.post("/alert-rules", &body).by("admin").send();
    let rule = |alert_type: &str, threshold: Value| json!({ "alert_type": alert_type, "customer_id": customer, "severity": "LOW", "threshold": threshold });
    for (body, fields) in [
        (rule("high_cpu", Value::Null), &["threshold"][..]),
        (rule("high_cpu", threshold(80, 90)), &["threshold"]),
        (rule("high_cpu", threshold(-1, -2)), &["threshold"]),
        (rule("offline", threshold(80, 70)), &["threshold"]),
        (rule("security", Value::Null), &["alert_type"]),
        (
            json!({ "alert_type": "x", "customer_id": 0, "severity": "x" }),
            &["alert_type", "customer_id", "severity"],
        ),
        (
            json!({ "alert_type": "offline", "customer_id": 999_999, "severity": "LOW" }),
            &["customer_id"],
        ),
    ] {
        post(body).await.wrong_fields(fields);
    }
    post(rule("high_cpu", threshold(80, 70))).await.ok(201);
    post(rule("high_cpu", threshold(80, 70))).await.problem(409, "VAL_002");
    post(json!({ "alert_type": "offline", "severity": "LOW" }))
        .await
        .problem(409, "VAL_002");
    let change = |method: &str, path: &str, body: Value| world.call(method, path).json(&body).by("admin");
    change("PATCH", "/alert-rules/4", json!({}))
        .send()
        .await
        .problem(428, "PRE_002");
    let patched = change("PATCH", "/alert-rules/4", json!({ "threshold": threshold(1, 2) })).if_match("*");
    patched.send().await.wrong_fields(&["threshold"]);
    let patched = change("PATCH", "/alert-rules/4", json!({ "severity": "HUGE" })).if_match("*");
    patched.send().await.wrong_fields(&["severity"]);
    let cleared = change("PATCH", "/alert-rules/4", json!({ "threshold": null })).if_match("*");
    cleared.send().await.wrong_fields(&["threshold"]);
    for path in ["/alert-rules/999", "/alert-rules/0", "/alert-rules/x"] {
        world.get(path).by("operator").send().await.problem(404, "RES_001");
        change("PATCH", path, json!({ "is_enabled": true }))
            .if_match("*")
            .send()
            .await
            .problem(404, "RES_001");
    }
    let delete = world.call("DELETE", "/alert-rules/1").by("admin").if_match("*");
    delete.send().await.problem(409, "VAL_002");
    let settings = world.get("/alert-rules").by("viewer").send().await;
    settings.problem(403, "AUTH_003");
}
