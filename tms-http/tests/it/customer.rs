//! Customers: made, read, changed, deleted.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_customer_lives_and_ends() {
    let world = World::new().await;
    let body = json!({ "company_name": " ABC Store Inc. ", "contract_type": "premium", "contract_start_date": "2026-01-01", "max_terminals": 5 });
    let made = world.post("/customers", &body).by("operator").send().await;
    assert_eq!(made.header("etag"), "\"r1\"");
    let path = made.location();
    let made = made.ok(201);
    assert_eq!(path, format!("/customers/{}", made["id"]));
    assert_eq!(
        (&made["company_name"], &made["is_active"]),
        (&json!("ABC Store Inc."), &json!(true))
    );
    world.advance(60);
    let change = json!({ "max_terminals": null, "notes": "call first", "contract_end_date": "2027-01-01" });
    let changed = world
        .patch(&path, &change)
        .by("operator")
        .if_match("\"r1\"")
        .send()
        .await;
    assert_eq!(changed.header("etag"), "\"r2\"");
    let changed = changed.ok(200);
    assert_eq!(changed["max_terminals"], json!(null), "null clears");
    assert_eq!(changed["contract_type"], "premium", "absent keeps");
    assert_eq!(changed["updated_at"], "2026-01-24T10:01:00Z");
    let read = world.get(&path).by("viewer").send().await;
    assert_eq!(read.header("etag"), "\"r2\"");
    assert_eq!(read.ok(200), changed);
    world
        .call("DELETE", &path)
        .by("operator")
        .if_match("\"r2\"")
        .send()
        .await
        .ok(204);
    world.get(&path).by("viewer").send().await.problem(404, "RES_001");
}

#[tokio::test]
async fn a_change_needs_the_present_revision() {
    let world = World::new().await;
    let path = format!("/customers/{}", world.customer("ABC").await);
    let change = json!({ "notes": "x" });
    world
        .patch(&path, &change)
        .by("operator")
        .send()
        .await
        .problem(428, "PRE_002");
    for stale in ["\"r0\"", "\"r2\"", "W/\"r1\"", "rubbish"] {
        world
            .patch(&path, &change)
            .by("operator")
            .if_match(stale)
            .send()
            .await
            .problem(412, "PRE_001");
        world
            .call("DELETE", &path)
            .by("operator")
            .if_match(stale)
            .send()
            .await
            .problem(412, "PRE_001");
    }
    world
        .call("DELETE", &path)
        .by("operator")
        .send()
        .await
        .problem(428, "PRE_002");
    world
        .patch(&path, &change)
        .by("operator")
        .if_match("*")
        .send()
        .await
        .ok(200);
}

#[tokio::test]
async fn names_are_unique_and_fields_are_checked() {
    let world = World::new().await;
    let path = format!("/customers/{}", world.customer("ABC").await);
    world
        .post("/customers", &json!({ "company_name": "ABC" }))
        .by("operator")
        .send()
        .await
        .problem(409, "VAL_002");
    let wrong = json!({ "company_name": "", "contact_email": "nobody", "contract_type": "gold" });
    world
        .post("/customers", &wrong)
        .by("operator")
        .send()
        .await
        .wrong_fields(&["company_name", "contact_email", "contract_type"]);
    let wrong =
        json!({ "company_name": "x", "contract_start_date": "2026-13-01", "contract_end_date": "+12026-01-01" });
    let answer = world.post("/customers", &wrong).by("operator").send().await;
    answer.wrong_fields(&["contract_end_date", "contract_start_date"]);
    let unknown = json!({ "company_name": "x", "colour": "red" });
    world
        .post("/customers", &unknown)
        .by("operator")
        .send()
        .await
        .wrong_fields(&["colour"]);
    let null = json!({ "company_name": null });
    world
        .patch(&path, &null)
        .by("operator")
        .if_match("*")
        .send()
        .await
        .wrong_fields(&["company_name"]);
    let negative = json!({ "company_name": "x", "max_terminals": -1 });
    world
        .post("/customers", &negative)
        .by("operator")
        .send()
        .await
        .wrong_fields(&["max_terminals"]);
}

#[tokio::test]
async fn one_with_terminals_stays() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    world.agent(customer, "TC-200-001").await;
    let path = format!("/customers/{customer}");
    let deleted = world.call("DELETE", &path).by("operator").if_match("*").send().await;
    deleted.problem(409, "VAL_002");
}
