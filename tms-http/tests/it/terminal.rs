//! Terminals: registered, listed, changed, retired.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_terminal_is_registered_changed_and_retired() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let body = json!({ "serial_number": "tc-200-001", "customer_id": customer, "model": "TC-200", "store_name": "Shinjuku", "installed_date": "2024-12-01" });
    let made = world.post("/terminals", &body).by("operator").send().await;
    assert_eq!(made.header("etag"), "\"r1\"");
    let path = made.location();
    let made = made.ok(201);
    assert_eq!(
        (&made["serial_number"], &made["lifecycle"], &made["status"]),
        (&json!("TC-200-001"), &json!("registered"), &json!("offline"))
    );
    assert_eq!(made["settings"]["heartbeat_interval"], 300);
    let change =
        json!({ "store_name": null, "store_code": "007", "heartbeat_interval": 60, "warranty_end_date": "2026-12-01" });
    let changed = world
        .patch(&path, &change)
        .by("operator")
        .if_match("\"r1\"")
        .send()
        .await;
    assert_eq!(changed.header("etag"), "\"r2\"");
    let changed = changed.ok(200);
    assert_eq!(
        (&changed["store_name"], &changed["store_code"]),
        (&json!(null), &json!("007"))
    );
    assert_eq!(
        (&changed["installed_date"], &changed["warranty_end_date"]),
        (&json!("2024-12-01"), &json!("2026-12-01"))
    );
    world
        .call("DELETE", &path)
        .by("operator")
        .if_match("\"r2\"")
        .send()
        .await
        .ok(204);
    assert_eq!(
        world.terminal(made["id"].as_i64().unwrap()).await["lifecycle"],
        "retired"
    );
    assert_eq!(
        world.get("/terminals").by("viewer").send().await.ok(200)["meta"]["total"],
        0
    );
    let late = world.patch(&path, &change).by("operator").if_match("*").send().await;
    late.problem(409, "VAL_002");
    world
        .call("DELETE", &path)
        .by("operator")
        .if_match("*")
        .send()
        .await
        .problem(409, "VAL_002");
}

#[tokio::test]
async fn wrong_fields_and_taken_serials_are_refused() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let body = |serial: &str| json!({ "serial_number": serial, "customer_id": customer, "model": "TC-200" });
    world
        .post("/terminals", &body("TC-200-001"))
        .by("operator")
        .send()
        .await
        .ok(201);
    world
        .post("/terminals", &body("TC-200-001"))
        .by("operator")
        .send()
        .await
        .problem(409, "VAL_002");
    world
        .post("/terminals", &body("A B"))
        .by("operator")
        .send()
        .await
        .wrong_fields(&["serial_number"]);
    let mut foreign = body("TC-200-002");
    foreign["customer_id"] = json!(99);
    world
        .post("/terminals", &foreign)
        .by("operator")
        .send()
        .await
        .wrong_fields(&["customer_id"]);
    let path = format!("/terminals/{}", world.first("/terminals").await);
    let change = |body: serde_json::Value| world.patch(&path, &body).by("operator").if_match("*");
    change(json!({ "heartbeat_interval": 0, "model": "" }))
        .send()
        .await
        .wrong_fields(&["heartbeat_interval", "model"]);
    change(json!({ "status": "online" }))
        .send()
        .await
        .wrong_fields(&["status"]);
    change(json!({ "store_name": "a\u{0}b" }))
        .send()
        .await
        .wrong_fields(&["store_name"]);
    change(json!({ "store_name": "a\u{1}b" }))
        .send()
        .await
        .wrong_fields(&["store_name"]);
    change(json!({ "customer_id": 99 }))
        .send()
        .await
        .wrong_fields(&["customer_id"]);
    world
        .patch(&path, &json!({}))
        .by("operator")
        .send()
        .await
        .problem(428, "PRE_002");
    world
        .patch(&path, &json!({}))
        .by("operator")
        .if_match("\"r9\"")
        .send()
        .await
        .problem(412, "PRE_001");
    for path in [
        "/terminals/999",
        "/terminals/0",
        "/terminals/x",
        "/terminals/01",
        "/terminals/99999999999999999999",
    ] {
        world.get(path).by("viewer").send().await.problem(404, "RES_001");
        world
            .patch(path, &json!({}))
            .by("operator")
            .if_match("*")
            .send()
            .await
            .problem(404, "RES_001");
        world
            .call("DELETE", path)
            .by("operator")
            .if_match("*")
            .send()
            .await
            .problem(404, "RES_001");
    }
    for path in [
        "/terminals/999/metrics",
        "/terminals/999/logs",
        "/terminals/999/status-changes",
    ] {
        world.get(path).by("viewer").send().await.problem(404, "RES_001");
    }
}

#[tokio::test]
async fn an_enrolled_terminal_keeps_its_serial_number() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let rename = |path: &str, serial: &str| {
        let body = json!({ "serial_number": serial, "store_code": "007" });
        world.patch(path, &body).by("operator").if_match("*").send()
    };
    let body = json!({ "serial_number": "TC-1", "customer_id": customer, "model": "TC-200" });
    let made = world.post("/terminals", &body).by("operator").send().await;
    let renamed = rename(&made.location(), "TC-1A").await.ok(200);
    assert_eq!(renamed["serial_number"], "TC-1A", "nobody has a token for it yet");
    let agent = world.agent(customer, "TC-200-001").await;
    let path = format!("/terminals/{}", agent.id);
    let refused = rename(&path, "TC-200-002").await.problem(409, "VAL_002");
    assert_eq!(refused["details"], "an enrolled terminal keeps its serial number");
    assert_eq!(world.terminal(agent.id).await["store_code"], "001");
    let same = rename(&path, "tc-200-001").await.ok(200);
    assert_eq!(same["store_code"], "007", "the same number is no change of it");
    world.beat(&agent, json!({})).send().await.ok(200);
}

#[tokio::test]
async fn a_retired_terminal_is_found_and_is_not_there() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let gone = world.agent(customer, "TC-200-001").await;
    let stays = world.agent(customer, "TC-200-002").await;
    let body = json!({ "serial_number": "TC-3", "customer_id": customer, "model": "TC-200" });
    world.post("/terminals", &body).by("operator").send().await.ok(201);
    for agent in [&gone, &stays] {
        world.beat(agent, json!({})).send().await.ok(200);
    }
    let path = format!("/terminals/{}", gone.id);
    assert_eq!(world.terminal(gone.id).await["status"], "online");
    let retire = world.call("DELETE", &path).by("operator").if_match("*");
    retire.send().await.ok(204);
    for (query, serials) in [
        ("", &["TC-200-002", "TC-3"][..]),
        ("lifecycle=retired", &["TC-200-001"]),
        ("lifecycle=active", &["TC-200-002"]),
        ("lifecycle=registered", &["TC-3"]),
        ("lifecycle=retired&status=offline", &["TC-200-001"]),
        ("lifecycle=retired&status=online", &[]),
        ("lifecycle=retired&search=200-00&sort=last_heartbeat", &["TC-200-001"]),
    ] {
        let list = world
            .get(&format!("/terminals?{query}"))
            .by("viewer")
            .send()
            .await
            .ok(200);
        let rows = list["data"].as_array().unwrap().iter();
        let found: Vec<_> = rows
            .map(|row| row["serial_number"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(found, *serials, "{query}");
        assert_eq!(list["meta"]["total"], serials.len(), "{query}");
        if !query.contains("last_heartbeat") {
            let export = format!("/terminals/export.csv?{query}");
            let table = world.get(&export).by("viewer").send().await;
            assert_eq!(table.text.lines().count(), 1 + serials.len(), "{query}: {}", table.text);
        }
    }
    let shown = world.terminal(gone.id).await;
    let reason = &shown["status_reason"];
    assert_eq!((&shown["status"], &reason["link"]), (&json!("offline"), &json!("lost")));
    assert_eq!(
        (&reason["device"], &reason["next_deadline"]),
        (&json!("unknown"), &json!(null))
    );
    let wrong = world.get("/terminals?lifecycle=dead").by("viewer").send().await;
    wrong.wrong_fields(&["lifecycle"]);
}

#[tokio::test]
async fn a_full_customer_takes_no_more_terminals() {
    let world = World::new().await;
    let body = json!({ "company_name": "ABC", "max_terminals": 1 });
    let made = world.post("/customers", &body).by("operator").send().await.ok(201);
    let (full, other) = (made["id"].as_i64().unwrap(), world.customer("XYZ").await);
    let add = |serial: &str, customer: i64| {
        let body = json!({ "serial_number": serial, "customer_id": customer, "model": "TC-200" });
        world.post("/terminals", &body).by("operator")
    };
    add("TC-1", full).send().await.ok(201);
    let refused = add("TC-2", full).send().await.problem(409, "VAL_002");
    assert_eq!(refused["details"], "the customer has reached its number of terminals");
    let path = add("TC-3", other).send().await.location();
    let moved = world.patch(&path, &json!({ "customer_id": full })).by("operator");
    moved.if_match("*").send().await.problem(409, "VAL_002");
    let list = format!("serial_number,customer_id,model\nTC-4,{full},TC-200\n");
    for query in ["", "?dry_run=true"] {
        let path = format!("/terminals/import{query}");
        let call = world
            .call("POST", &path)
            .by("operator")
            .header("content-type", "text/csv");
        let refused = call.untyped(list.clone()).send().await.problem(409, "VAL_002");
        assert_eq!(refused["details"], "the customer has reached its number of terminals");
    }
    let total = world.get("/terminals").by("viewer").send().await.ok(200)["meta"]["total"].clone();
    assert_eq!(total, 2);
    let body = json!({ "serial_number": "TC-5", "customer_id": other, "model": "TC-200",
        "installed_date": "2026-02-01", "warranty_end_date": "2026-01-31" });
    let wrong = world.post("/terminals", &body).by("operator").send().await;
    wrong.wrong_fields(&["warranty_end_date"]);
}

#[tokio::test]
async fn measurements_have_a_span_and_a_resolution() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let agent = world.agent(customer, "TC-200-001").await;
    for _ in 0..3 {
        world.beat(&agent, json!({})).send().await.ok(200);
        world.advance(200);
    }
    let count = |query: &'static str| {
        world
            .get(&format!("/terminals/{}/metrics?{query}", agent.id))
            .by("viewer")
    };
    assert_eq!(
        count("resolution=raw").send().await.ok(200)["data"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(
        count("from=2026-01-24T10:03:20Z").send().await.ok(200)["data"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        count("to=2026-01-24T10:03:20Z").send().await.ok(200)["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    count("resolution=minute").send().await.wrong_fields(&["resolution"]);
    count("from=x&to=y").send().await.wrong_fields(&["from", "to"]);
    count("from=2026-01-25&to=2026-01-24")
        .send()
        .await
        .wrong_fields(&["to"]);
    // A date is a day of the zone of reports, which is nine hours ahead.
    for (query, rows) in [
        ("from=2026-01-24&to=2026-01-24", 3),
        ("from=2026-01-25", 0),
        ("to=2026-01-23", 0),
    ] {
        let list = count(query).send().await.ok(200);
        assert_eq!(list["data"].as_array().unwrap().len(), rows, "{query}");
    }
}

#[tokio::test]
async fn a_heartbeat_never_undoes_a_change() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let path = format!("/terminals/{}", agent.id);
    world
        .patch(&path, &json!({ "heartbeat_interval": 60 }))
        .by("operator")
        .if_match("*")
        .send()
        .await
        .ok(200);
    let told = world.beat(&agent, json!({})).send().await.ok(200);
    assert!(told["next_heartbeat"].as_i64().unwrap() <= 60);
    let read = world.get(&path).by("viewer").send().await;
    assert_eq!(read.header("etag"), "\"r2\"", "a heartbeat makes no new revision");
    assert_eq!(read.ok(200)["settings"]["heartbeat_interval"], 60);
}
