//! The JSON of the contract as it leaves the server.

use serde_json::json;

use crate::world::World;

async fn shown() -> World {
    let world = World::new().await;
    let body = json!({
        "company_name": "ABC Store Inc.", "company_name_kana": "エービーシー", "contact_person": "Yamada",
        "contact_email": "yamada@example.com", "contact_phone": "03-0000-0000", "postal_code": "160-0022",
        "address": "Shinjuku 1-1-1", "contract_type": "premium", "contract_start_date": "2024-12-01",
        "contract_end_date": "2027-11-30", "max_terminals": 10, "notes": "call first",
    });
    let made = world.post("/customers", &body).by("operator").send().await.ok(201);
    let customer = made["id"].as_i64().unwrap();
    let agent = world.agent(customer, "TC-200-001").await;
    let change = json!({ "installation_address": "Shinjuku 2-2-2", "installed_date": "2024-12-01", "warranty_end_date": "2026-12-01" });
    world
        .patch(&format!("/terminals/{}", agent.id), &change)
        .by("operator")
        .if_match("*")
        .send()
        .await
        .ok(200);
    world.advance(30);
    let beat = json!({
        "boot_id": "f3", "seq": 812, "device": { "state": "error", "error_code": 17 },
        "metrics": { "cpu_usage": 45, "memory_usage": 60, "disk_usage": 30, "temperature": 35 },
    });
    world.beat(&agent, beat).send().await.ok(200);
    world.tick().await;
    world
}

#[tokio::test]
async fn resources_look_like_the_contract() {
    let world = shown().await;
    for (name, path) in [
        ("terminal", "/terminals"),
        ("alert", "/alerts"),
        ("customer", "/customers"),
        ("summary", "/summary"),
    ] {
        let path = match path {
            "/summary" => path.to_owned(),
            list => format!("{list}/{}", world.first(list).await),
        };
        let body = world.get(&path).by("viewer").send().await.ok(200);
        insta::assert_json_snapshot!(name, body, { ".id" => "[id]", ".customer.id" => "[id]", ".terminal.id" => "[id]" });
    }
}

#[tokio::test]
async fn the_error_body_looks_like_the_contract() {
    let world = World::new().await;
    let wrong = json!({ "serial_number": "?", "customer_id": 0, "model": "x" });
    let answer = world
        .post("/terminals", &wrong)
        .by("operator")
        .header("x-request-id", "b1946ac9")
        .send()
        .await;
    answer.wrong_fields(&["customer_id", "serial_number"]);
    insta::assert_json_snapshot!("error", answer.json());
}
