//! The audit trail: read, verified, taken away.

use serde_json::{Value, json};
use tms_core::{
    audit::store::AuditFilter,
    id::CustomerId,
    page::{Order, PageRequest},
    permission::Role,
    testkit::build,
};

use futures::StreamExt;
use tower::ServiceExt;

use crate::world::World;

/// A world in which an operator has made a customer and changed it.
async fn changed() -> (World, i64) {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    world
        .patch(&format!("/customers/{customer}"), &json!({ "notes": "call first" }))
        .by("operator")
        .if_match("*")
        .header("x-request-id", "r-17")
        .header("user-agent", "a browser")
        .send()
        .await
        .ok(200);
    (world, customer)
}

async fn list(world: &World, query: &str) -> Value {
    world.get(&format!("/audit{query}")).by("operator").send().await.ok(200)
}

#[tokio::test]
async fn an_entry_says_who_did_what_from_where() {
    let (world, customer) = changed().await;
    let listed = list(&world, "?action=customer.update").await;
    assert_eq!(listed["meta"]["total"], 1);
    let mut row = listed["data"][0].clone();
    assert!(row["id"].as_i64().is_some_and(|id| id > 0));
    row["id"] = Value::Null;
    let expected = json!({
        "id": null, "at": "2026-01-24T10:00:00Z", "actor": "operator-san", "role": "operator",
        "action": "customer.update", "target_type": "customer", "target_id": customer, "customer_id": customer,
        "changes": { "notes": { "after": "call first" } }, "ip_address": row["ip_address"], "user_agent": "a browser",
        "request_id": "r-17", "result": "done", "sealed": false,
    });
    assert_eq!(row, expected);
    world.tick().await;
    assert_eq!(list(&world, "?action=customer.update").await["data"][0]["sealed"], true);
}

#[tokio::test]
async fn filters_select_and_pages_go_on() {
    let (world, customer) = changed().await;
    let all = list(&world, "?per_page=100").await;
    let total = all["meta"]["total"].as_u64().unwrap();
    assert_eq!(all["data"][0]["action"], "customer.update", "the newest first");
    for (query, found) in [
        ("actor=operator-san&target_type=customer", 2),
        ("action=customer.create", 1),
        (&*format!("target_type=customer&target_id={customer}"), 2),
        ("target_type=user&action=user.create", 4),
        ("actor=nobody", 0),
        ("from_date=2026-01-24&to_date=2026-01-24", total),
        ("to_date=2026-01-23", 0),
        ("from_date=2026-01-24T10:00:01Z", 0),
        ("sort=at&order=asc", total),
    ] {
        assert_eq!(
            list(&world, &format!("?{query}")).await["meta"]["total"],
            found,
            "{query}"
        );
    }
    let (mut seen, mut next) = (Vec::new(), Some("/api/v1/audit?per_page=3".to_owned()));
    while let Some(link) = next {
        let path = link.strip_prefix("/api/v1").unwrap();
        let page = world.get(path).by("operator").send().await.ok(200);
        seen.extend(page["data"].as_array().unwrap().clone());
        next = page["links"]["next"].as_str().map(str::to_owned);
    }
    assert_eq!(json!(seen), all["data"]);
    for (query, field) in [
        ("target_id=x", "target_id"),
        ("from_date=x", "from_date"),
        ("sort=actor", "sort"),
        ("order=up", "order"),
        ("colour=red", "colour"),
    ] {
        let answer = world.get(&format!("/audit?{query}")).by("operator").send().await;
        answer.wrong_fields(&[field]);
    }
}

#[tokio::test]
async fn refused_attempts_are_written_once_and_then_counted() {
    let world = World::new().await;
    for _ in 0..20 {
        let made = world
            .post("/customers", &json!({ "company_name": "x" }))
            .by("viewer")
            .send()
            .await;
        made.problem(403, "AUTH_003");
    }
    world.tick().await;
    let wrong = json!({ "username": "admin-san", "password": "geheim geheim" });
    world.post("/auth/login", &wrong).send().await.problem(401, "AUTH_001");
    world.tick().await;
    world.advance(60);
    world.tick().await;
    let refused = world
        .get("/audit?order=asc&per_page=100")
        .by("operator")
        .send()
        .await
        .ok(200);
    let refused: Vec<_> = refused["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["result"] == "refused")
        .collect();
    let shown: Vec<_> = refused
        .iter()
        .map(|row| (row["actor"].as_str().unwrap(), row["action"].as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [
            ("viewer-san", "customer.write"),
            ("anonymous", "user.sign_in"),
            ("viewer-san", "access.refused")
        ]
    );
    assert_eq!(refused[0]["role"], "viewer");
    assert_eq!(
        refused[2]["changes"],
        json!({ "attempts": 19, "actions": { "customer.write": 19 } })
    );
    assert!(!json!(refused).to_string().contains("geheim"));
}

#[tokio::test]
async fn verification_says_what_it_saw() {
    let (world, _) = changed().await;
    let verify = |query: &'static str| world.get(&format!("/audit/verify{query}")).by("admin").send();
    let waiting = verify("").await.ok(200);
    assert_eq!((&waiting["ok"], &waiting["sealed"]), (&json!(true), &json!(0)));
    assert_eq!(waiting["oldest_unsealed"], "2026-01-24T10:00:00Z");
    world.tick().await;
    let seen = verify("").await.ok(200);
    assert_eq!(
        (&seen["ok"], &seen["unsealed"], &seen["finding"]),
        (&json!(true), &json!(0), &Value::Null)
    );
    assert_eq!(seen["head"]["place"], seen["sealed"]);
    let head = seen["head"]["hash"].as_str().unwrap();
    let path = format!("/audit/verify?expect_head={head}");
    assert_eq!(world.get(&path).by("admin").send().await.ok(200)["ok"], true);
    let other = format!("/audit/verify?expect_head={}", "0".repeat(64));
    let cut = world.get(&other).by("admin").send().await.ok(200);
    assert_eq!(
        (&cut["ok"], &cut["finding"]["kind"]),
        (&json!(false), &json!("end_cut"))
    );
    verify("?expect_head=abc").await.wrong_fields(&["expect_head"]);
    verify("?colour=red").await.wrong_fields(&["colour"]);
}

#[tokio::test]
async fn an_export_is_every_entry_and_the_head() {
    let (world, _) = changed().await;
    for n in 0..130 {
        world.customer(&format!("customer {n}")).await;
    }
    world.tick().await;
    let exported = world.get("/audit/export.jsonl").by("admin").send().await;
    assert_eq!(exported.header("content-type"), "application/jsonl");
    let lines: Vec<Value> = exported
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (end, rows) = lines.split_last().unwrap();
    let head = world.get("/audit/verify").by("admin").send().await.ok(200)["head"].clone();
    assert_eq!(end, &json!({ "head": head, "entries": rows.len() }));
    assert_eq!(json!(rows.len()), list(&world, "").await["meta"]["total"]);
    let ids: Vec<_> = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted(), "oldest first");
    let some = world
        .get("/audit/export.jsonl?action=customer.update")
        .by("admin")
        .send()
        .await;
    assert_eq!(some.text.lines().count(), 2);
    world
        .get("/audit/export.jsonl?page=1")
        .by("admin")
        .send()
        .await
        .wrong_fields(&["page"]);
}

#[tokio::test]
async fn who_is_bound_to_a_customer_sees_what_is_that_customers() {
    let (world, customer) = changed().await;
    let other = world.customer("DEF").await;
    world.agent(other, "TC-200-002").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let bound = build::person(Role::Admin, CustomerId::new(customer).ok(), world.tms.now());
    let filter = AuditFilter {
        customer: CustomerId::new(other).ok(),
        ..AuditFilter::default()
    };
    let page = world
        .tms
        .audit()
        .list(&bound, filter, Order::Ascending, &PageRequest::first(100))
        .await
        .unwrap();
    let actions: Vec<_> = page.items.iter().map(|row| &*row.record.action).collect();
    assert_eq!(
        actions,
        [
            "customer.create",
            "customer.update",
            "enrolment_code.create",
            "terminal.enrol"
        ]
    );
    assert!(page.items.iter().all(|row| row.record.customer_id == Some(customer)));
    assert_eq!(page.items[3].record.target_id, Some(agent.id));
    assert!(world.tms.audit().verify(&bound, None).await.is_err());
    assert!(world.tms.audit().head(&bound).await.is_err());
    assert!(world.tms.audit().export(&bound, AuditFilter::default()).is_err());
}

#[tokio::test]
async fn an_export_ends_with_the_sign_in_of_its_reader() {
    let (world, _) = changed().await;
    let request = http::Request::get("/api/v1/audit/export.jsonl");
    let request = request.header("authorization", format!("Bearer {}", world.token("admin")));
    let request = request.body(axum::body::Body::empty()).unwrap();
    let answer = world.router.clone().oneshot(request).await.unwrap();
    let mut body = answer.into_body().into_data_stream();
    assert!(body.next().await.unwrap().is_ok());
    let logout = world.post("/auth/logout", &json!({})).by("admin");
    logout.send().await.ok(204);
    assert!(body.next().await.unwrap().is_err(), "it has no end that looks whole");
}
