//! Maintenance: planned, in force, ended.

use serde_json::json;
use tms_core::{
    maintenance::NewMaintenance,
    testkit::{build, given},
};

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

/// A person's own terminal is turned at once, however many others wait for the reconciler, which turns them all.
#[tokio::test]
async fn others_that_wait_do_not_come_first() {
    let world = World::new().await;
    let stores = world.store.stores();
    let theirs = given::customer(&stores, "theirs").await;
    let now = world.tms.now();
    let fleet = given::fleet(&stores, theirs.id, 600).await;
    for terminal in &fleet {
        let plan = NewMaintenance {
            terminal: *terminal,
            from: now,
            until: None,
            reason: "stocktaking".to_owned(),
        };
        let planned = stores.maintenance.insert(&plan, "somebody", now, build::act());
        planned.await.unwrap();
    }
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let body = json!({ "terminal_id": agent.id, "until": "2026-01-24T12:00:00Z", "reason": "cable" });
    let made = world.post("/maintenance", &body).by("support").send().await;
    assert_eq!(world.terminal(agent.id).await["status"], "maintenance");
    let first = fleet[0].get();
    assert_eq!(
        world.terminal(first).await["status"],
        "offline",
        "not this person's to turn"
    );
    world
        .call("DELETE", &made.location())
        .by("support")
        .send()
        .await
        .ok(204);
    assert_eq!(world.terminal(agent.id).await["status"], "offline");
    world.tick().await;
    for terminal in [fleet[0], fleet[599]] {
        assert_eq!(world.terminal(terminal.get()).await["status"], "maintenance");
    }
}
