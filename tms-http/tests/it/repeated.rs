//! Requests that are made again with the same key, for every route that makes something (DECISIONS 8).

use futures::future::join_all;
use serde_json::{Value, json};

use crate::world::World;

/// What is shown once and is null to who asks again.
fn without_secrets(mut answer: Value) -> Value {
    for pointer in [
        "/token",
        "/address",
        "/password_link/token",
        "/password_link/address",
        "/code",
    ] {
        if let Some(secret) = answer.pointer_mut(pointer) {
            *secret = Value::Null;
        }
    }
    answer
}

async fn count(world: &World, list: &str) -> Value {
    world.get(list).by("admin").send().await.ok(200)["meta"]["total"].clone()
}

#[tokio::test]
async fn twenty_at_once_have_one_effect_and_one_answer() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let terminal = world.agent(customer, "TC-200-001").await.id;
    for (n, (path, body)) in [
        ("/customers", json!({ "company_name": "XYZ" })),
        (
            "/terminals",
            json!({ "serial_number": "TC-9", "model": "TC-200", "customer_id": customer }),
        ),
        ("/maintenance", json!({ "terminal_id": terminal, "reason": "cable" })),
        ("/users", json!({ "username": "new-san", "role": "viewer" })),
        ("/auth/tokens", json!({ "name": "script", "scopes": ["terminal.read"] })),
        ("/enrollment-codes", json!({ "customer_id": customer })),
        (
            "/notification-channels",
            json!({ "name": "x", "slack": { "url": "https://hooks.example.com/x" } }),
        ),
        (
            "/alert-rules",
            json!({ "alert_type": "high_cpu", "customer_id": customer, "is_enabled": true, "severity": "LOW",
                "threshold": { "value": 80, "duration_s": 60, "clear_value": 70 } }),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("key-{n}");
        let call = |body: &Value| world.post(path, body).by("admin").header("idempotency-key", &key);
        let before = count(&world, path).await.as_u64().unwrap();
        let answers = join_all((0..20).map(|_| call(&body).send())).await;
        let made = answers[0].location();
        for answer in &answers {
            assert_eq!(
                without_secrets(answer.ok(201)),
                without_secrets(answers[0].ok(201)),
                "{path}"
            );
            assert_eq!(answer.location(), made, "{path}");
        }
        let has_secret = |answer: &Value| *answer != without_secrets(answer.clone());
        let shown = answers.iter().filter(|answer| has_secret(&answer.ok(201))).count();
        assert!(shown <= 1, "{path} shows a secret once, not {shown} times");
        assert_eq!(count(&world, path).await, before + 1, "{path}");
        let mut other = body.clone();
        other["nonsense"] = json!(1);
        call(&other).send().await.problem(422, "VAL_001");
    }
}

#[tokio::test]
async fn a_link_is_made_once_and_shown_once() {
    let world = World::new().await;
    let user = world.post("/users", &json!({ "username": "new-san", "role": "viewer" }));
    let path = user.by("admin").send().await.location();
    let before = world.store.audit_entries().len();
    let call = || {
        let call = world.call("POST", &format!("{path}/password-reset")).by("admin");
        call.header("idempotency-key", "k").send()
    };
    let answers = join_all((0..20).map(|_| call())).await;
    let shown = answers.iter().filter(|answer| answer.ok(201)["token"].is_string());
    assert_eq!(shown.count(), 1);
    for answer in &answers {
        assert_eq!(answer.ok(201)["expires_at"], answers[0].ok(201)["expires_at"]);
    }
    assert_eq!(world.store.audit_entries().len(), before + 1);
}

#[tokio::test]
async fn a_bulk_act_that_is_repeated_answers_as_before() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let beat = async |status: &str| {
        let beat = world.beat(&agent, json!({ "status": status }));
        beat.send().await.ok(200);
        world.tick().await;
    };
    beat("error").await;
    let body = json!({ "action": "acknowledge", "filter": { "customer_id": customer } });
    let call = || {
        let call = world.post("/alerts/bulk", &body).by("support");
        call.header("idempotency-key", "k").send()
    };
    for answer in join_all((0..20).map(|_| call())).await {
        assert_eq!(
            (&answer.ok(200)["matched"], &answer.ok(200)["changed"]),
            (&json!(1), &json!(1))
        );
    }
    // Another alert that came since is not acknowledged by a request that was answered.
    beat("online").await;
    beat("error").await;
    assert_eq!(call().await.ok(200)["changed"], 1);
    let alerts = world.get("/alerts?is_resolved=false").by("viewer").send().await.ok(200);
    assert_eq!(alerts["data"][0]["is_acknowledged"], false);
}
