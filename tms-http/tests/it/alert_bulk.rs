//! Many alerts answered at once.

use serde_json::{Value, json};

use crate::world::World;

/// A world with an open alert of each of `count` readers.
async fn troubled(count: usize) -> World {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    for n in 0..count {
        let agent = world.agent(customer, &format!("TC-{n:03}")).await;
        world
            .beat(&agent, json!({ "device": { "state": "absent" } }))
            .send()
            .await
            .ok(200);
    }
    world.tick().await;
    world
}

async fn ids(world: &World) -> Vec<i64> {
    let list = world
        .get("/alerts?per_page=100&order=asc")
        .by("viewer")
        .send()
        .await
        .ok(200);
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| alert["id"].as_i64().unwrap())
        .collect()
}

async fn states(world: &World) -> Vec<Value> {
    let list = world
        .get("/alerts?per_page=100&order=asc")
        .by("viewer")
        .send()
        .await
        .ok(200);
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| alert["state"].clone())
        .collect()
}

#[tokio::test]
async fn chosen_alerts_are_answered_with_one_entry() {
    let world = troubled(4).await;
    let ids = ids(&world).await;
    let chosen = json!({ "alert_ids": [ids[0], ids[2], 999_999], "action": "acknowledge" });
    let before = world.store.audit_entries().len();
    let mut trial = chosen.clone();
    trial["dry_run"] = json!(true);
    let expected = json!({ "dry_run": true, "matched": 2, "changed": 2, "not_found": [999_999] });
    assert_eq!(
        world.post("/alerts/bulk", &trial).by("support").send().await.ok(200),
        expected
    );
    assert_eq!(world.store.audit_entries().len(), before, "a trial changes nothing");
    assert_eq!(states(&world).await, ["open", "open", "open", "open"]);

    let done = world.post("/alerts/bulk", &chosen).by("support").send().await.ok(200);
    assert_eq!((&done["changed"], &done["dry_run"]), (&json!(2), &json!(false)));
    assert_eq!(states(&world).await, ["acknowledged", "open", "acknowledged", "open"]);
    let entries = world.store.audit_entries().split_off(before);
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (entries[0].action.as_str(), entries[0].target_id),
        ("alert.bulk_acknowledge", None)
    );
    assert_eq!(entries[0].changes["count"], 2);
    assert_eq!(entries[0].changes["selection"]["ids"], json!([ids[0], ids[2], 999_999]));

    let again = world.post("/alerts/bulk", &chosen).by("support").send().await.ok(200);
    assert_eq!((&again["matched"], &again["changed"]), (&json!(2), &json!(0)));
    let alert = world
        .get(&format!("/alerts/{}", ids[2]))
        .by("viewer")
        .send()
        .await
        .ok(200);
    assert_eq!(alert["acknowledged_by"], "support-san");
}

#[tokio::test]
async fn a_filter_chooses_among_the_unresolved() {
    let world = troubled(3).await;
    let first = ids(&world).await[0];
    let terminal = world.get(&format!("/alerts/{first}")).by("viewer").send().await.ok(200)["terminal"]["id"].clone();
    let call = |filter: Value| {
        let body = json!({ "filter": filter, "action": "resolve", "resolution_notes": "power cut" });
        world.post("/alerts/bulk", &body).by("support").send()
    };
    assert_eq!(call(json!({ "severity": "LOW" })).await.ok(200)["matched"], 0);
    assert_eq!(call(json!({ "to_date": "2026-01-23" })).await.ok(200)["matched"], 0);
    assert_eq!(call(json!({ "terminal_id": terminal })).await.ok(200)["changed"], 1);
    let rest = call(json!({ "alert_type": "reader_absent", "severity": "HIGH", "from_date": "2026-01-24" }))
        .await
        .ok(200);
    assert_eq!((&rest["matched"], &rest["changed"]), (&json!(2), &json!(2)));
    assert_eq!(states(&world).await, ["resolved", "resolved", "resolved"]);
    let read = world.get(&format!("/alerts/{first}")).by("viewer").send().await.ok(200);
    assert_eq!(
        (&read["resolution"], &read["resolution_notes"]),
        (&json!("operator"), &json!("power cut"))
    );
}

#[tokio::test]
async fn wrong_wishes_are_named() {
    let world = troubled(1).await;
    for (body, fields) in [
        (json!({ "action": "acknowledge" }), &["alert_ids"][..]),
        (
            json!({ "action": "acknowledge", "alert_ids": [1], "filter": {} }),
            &["alert_ids"],
        ),
        (json!({ "action": "acknowledge", "alert_ids": [] }), &["alert_ids"]),
        (
            json!({ "action": "forget", "alert_ids": [0] }),
            &["action", "alert_ids"],
        ),
        (
            json!({ "action": "acknowledge", "filter": {}, "resolution_notes": "x" }),
            &["resolution_notes"],
        ),
        (
            json!({ "action": "resolve", "filter": { "severity": "bad", "alert_type": "x", "from_date": "x", "to_date": "x", "customer_id": 0 } }),
            &[
                "filter.alert_type",
                "filter.customer_id",
                "filter.from_date",
                "filter.severity",
                "filter.to_date",
            ],
        ),
    ] {
        world
            .post("/alerts/bulk", &body)
            .by("support")
            .send()
            .await
            .wrong_fields(fields);
    }
}
