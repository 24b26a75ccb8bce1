//! Maintenance: planned, in force, ended.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_maintenance_acts_at_once_and_ends() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let body = json!({ "terminal_id": agent.id, "until": "2026-01-24T12:00:00Z", "reason": "cable" });
    let made = world.post("/maintenance", &body).by("support").send().await;
    let path = made.location();
    let tag = made.header("etag").to_owned();
    let made = made.ok(201);
    assert_eq!(world.get(&path).by("viewer").send().await.header("etag"), tag);
    assert_eq!(
        (&made["from"], &made["created_by"]),
        (&json!("2026-01-24T10:00:00Z"), &json!("support-san"))
    );
    let terminal = world.terminal(agent.id).await;
    assert_eq!(
        (&terminal["status"], &terminal["settings"]["maintenance_mode"]),
        (&json!("maintenance"), &json!(true))
    );
    let listed = world
        .get(&format!("/maintenance?terminal_id={}", agent.id))
        .by("viewer")
        .send()
        .await
        .ok(200);
    assert_eq!(listed["data"], json!([made]));
    world.advance(60);
    world.call("DELETE", &path).by("support").send().await.ok(204);
    assert_eq!(world.terminal(agent.id).await["status"], "offline");
    let ended = world.get(&path).by("viewer").send().await;
    assert!(!tag.is_empty() && ended.header("etag") != tag, "it is another now");
    let ended = ended.ok(200);
    assert_eq!(ended["until"], "2026-01-24T10:01:00Z");
    let changes = world
        .get(&format!("/terminals/{}/status-changes", agent.id))
        .by("viewer")
        .send()
        .await
        .ok(200);
    assert_eq!(changes["data"][0]["status"], "maintenance");
    assert_eq!(changes["data"][0]["next_status"], "offline");
}

#[tokio::test]
async fn wrong_plans_are_refused() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let plan = |body: serde_json::Value| world.post("/maintenance", &body).by("support");
    plan(json!({ "terminal_id": 999, "reason": "x" }))
        .send()
        .await
        .wrong_fields(&["terminal_id"]);
    plan(json!({ "terminal_id": 999, "reason": "", "until": "2026-01-24T09:00:00Z" }))
        .send()
        .await
        .wrong_fields(&["reason", "terminal_id", "until"]);
    plan(json!({ "terminal_id": agent.id, "reason": "" }))
        .send()
        .await
        .wrong_fields(&["reason"]);
    let past = json!({ "terminal_id": agent.id, "reason": "x", "until": "2026-01-24T09:00:00Z" });
    plan(past).send().await.wrong_fields(&["until"]);
    plan(json!({ "terminal_id": agent.id, "reason": "x", "from": "soon" }))
        .send()
        .await
        .wrong_fields(&["from"]);
    world
        .get("/maintenance/999")
        .by("viewer")
        .send()
        .await
        .problem(404, "RES_001");
    world
        .call("DELETE", "/maintenance/999")
        .by("support")
        .send()
        .await
        .problem(404, "RES_001");
}
