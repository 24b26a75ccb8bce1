//! Enrolment codes: made, shown once, listed, withdrawn.

use serde_json::json;

use crate::world::{PASSWORD, World, register_body};

#[tokio::test]
async fn a_code_is_shown_once() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let body = json!({ "customer_id": customer, "store_name": "Shinjuku", "uses": 3, "ttl_hours": 48 });
    let made = world.post("/enrollment-codes", &body).by("operator").send().await;
    let path = made.location();
    let tag = made.header("etag").to_owned();
    let made = made.ok(201);
    assert_eq!(made["code"].as_str().unwrap().len(), 19);
    assert_eq!(
        (&made["uses"], &made["used"], &made["expires_at"]),
        (&json!(3), &json!(0), &json!("2026-01-26T10:00:00Z"))
    );
    let read = world.get(&path).by("support").send().await;
    assert!(!tag.is_empty() && read.header("etag") == tag, "{tag}");
    let read = read.ok(200);
    assert_eq!(read.get("code"), None);
    assert_eq!(read["created_by"], "operator-san");
    let listed = world.get("/enrollment-codes").by("support").send().await.ok(200);
    assert_eq!(listed["data"], json!([read]));
}

#[tokio::test]
async fn codes_are_listed_by_customer() {
    let world = World::new().await;
    let (a, b) = (world.customer("A").await, world.customer("B").await);
    for customer in [a, b, a] {
        world.code(customer, json!({})).await;
    }
    let list = async |query: &str| {
        let path = format!("/enrollment-codes?{query}");
        world.get(&path).by("support").send().await
    };
    for (query, count) in [
        (format!("customer_id={a}"), 2),
        (format!("customer_id={b}"), 1),
        ("customer_id=999".to_owned(), 0),
        (String::new(), 3),
    ] {
        let page = list(&query).await.ok(200);
        assert_eq!(page["data"].as_array().unwrap().len(), count, "{query}");
        assert_eq!(page["meta"]["total"], count, "{query}");
    }
    let first = list(&format!("customer_id={a}&per_page=1")).await.ok(200);
    let cursor = first["meta"]["next_cursor"].as_str().unwrap();
    let next = list(&format!("customer_id={a}&per_page=1&cursor={cursor}"))
        .await
        .ok(200);
    assert_eq!(next["data"][0]["customer_id"], a);
    list(&format!("customer_id={b}&per_page=1&cursor={cursor}"))
        .await
        .wrong_fields(&["cursor"]);
    list("customer_id=x").await.wrong_fields(&["customer_id"]);
}

#[tokio::test]
async fn a_withdrawn_code_opens_nothing() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let code = world.code(customer, json!({})).await;
    let path = format!("/enrollment-codes/{}", world.first("/enrollment-codes").await);
    let tag = world.get(&path).by("admin").send().await.header("etag").to_owned();
    world.call("DELETE", &path).by("operator").send().await.ok(204);
    assert_ne!(world.get(&path).by("admin").send().await.header("etag"), tag);
    world
        .post("/agent/register", &register_body("TC-200-001", &code))
        .send()
        .await
        .problem(401, "AUTH_001");
    assert_eq!(world.get(&path).by("admin").send().await.ok(200)["is_revoked"], true);
    world
        .call("DELETE", "/enrollment-codes/999")
        .by("operator")
        .send()
        .await
        .problem(404, "RES_001");
    world
        .get("/enrollment-codes/999")
        .by("operator")
        .send()
        .await
        .problem(404, "RES_001");
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    for (body, fields) in [
        (json!({ "customer_id": 99 }), &["customer_id"][..]),
        (json!({ "customer_id": 0 }), &["customer_id"]),
        (json!({ "customer_id": customer, "uses": 0 }), &["uses"]),
        (
            json!({ "customer_id": customer, "ttl_hours": 1, "expires_at": "2026-02-01T00:00:00Z" }),
            &["ttl_hours"],
        ),
        (
            json!({ "customer_id": customer, "ttl_hours": 100_000 }),
            &["expires_at"],
        ),
        (
            json!({ "customer_id": customer, "expires_at": "2020-01-01T00:00:00Z" }),
            &["expires_at"],
        ),
        (
            json!({ "customer_id": customer, "serial_number": "A" }),
            &["serial_number"],
        ),
        (json!({}), &["customer_id"]),
    ] {
        world
            .post("/enrollment-codes", &body)
            .by("operator")
            .send()
            .await
            .wrong_fields(fields);
    }
}

#[tokio::test]
async fn a_repeated_request_has_one_effect_and_one_answer() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let body = json!({ "customer_id": customer, "store_name": "新宿", "ttl_hours": 48 });
    let call = || {
        let call = world.post("/enrollment-codes", &body).by("operator");
        call.header("idempotency-key", "k-1")
    };
    let answers = futures::future::join_all((0..20).map(|_| call().send())).await;
    let (mut shown, mut first) = (0, json!(null));
    for answer in &answers {
        let mut made = answer.ok(201);
        let is_replay = answer.header("idempotency-replayed") == "true";
        assert_eq!(made["code"].is_null(), is_replay, "{made}");
        shown += u32::from(!is_replay);
        assert!(
            made.as_object_mut().unwrap().remove("code").is_some(),
            "null, not absent"
        );
        made["location"] = json!(answer.location());
        assert!(first.is_null() || first == made);
        first = made;
    }
    assert_eq!(shown, 1);
    let listed = world.get("/enrollment-codes").by("operator").send().await.ok(200);
    assert_eq!(listed["meta"]["total"], 1);
    // What happened to the code since, and that it may be too late to make it, changes no remembered answer.
    let path = first["location"].as_str().unwrap();
    world.call("DELETE", path).by("operator").send().await.ok(204);
    world.advance(23 * 3_600);
    let again = async || {
        // A session does not live as long as a key.
        let login = json!({ "username": "operator-san", "password": PASSWORD });
        let token = world.post("/auth/login", &login).send().await.ok(200)["access_token"].clone();
        let call = world.post("/enrollment-codes", &body).token(token.as_str().unwrap());
        call.header("idempotency-key", "k-1").send().await
    };
    let late = again().await;
    assert_eq!(
        (late.location().as_str(), &late.ok(201)["is_revoked"]),
        (path, &json!(false))
    );
    world.advance(3_601);
    assert_ne!(again().await.location(), path, "a day later the key is free");
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_caller() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let send = |role: &'static str, key: &'static str, uses: u32| {
        let body = json!({ "customer_id": customer, "uses": uses });
        let call = world.post("/enrollment-codes", &body).by(role);
        call.header("idempotency-key", key).send()
    };
    send("operator", "k", 1).await.ok(201);
    send("operator", "k", 2).await.wrong_fields(&["Idempotency-Key"]);
    assert!(send("admin", "k", 2).await.ok(201)["code"].is_string());
    for key in ["", "a b", "é"] {
        send("operator", key, 1).await.wrong_fields(&["Idempotency-Key"]);
    }
    send("viewer", "k", 1).await.problem(403, "AUTH_003");
    // A request that was refused does not use its key up.
    send("operator", "k-2", 0).await.wrong_fields(&["uses"]);
    send("operator", "k-2", 1).await.ok(201);
}
