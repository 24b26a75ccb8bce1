//! The pages of enrolment codes.

use serde_json::json;

use crate::{
    browser::{Browser, between},
    world::{World, register_body},
};

const HOSTILE: &str = "<script>alert(1)</script>\"'&<img src=x>";

#[tokio::test]
async fn a_code_is_made_shown_once_used_and_withdrawn() {
    let world = World::new().await;
    world.customer(HOSTILE).await;
    let browser = Browser::of(&world, "operator").await;
    assert!(browser.get("/enrollment-codes").await.page(200).contains("No codes."));
    browser.get("/enrollment-codes/new?customer=ABC").await.page(200);
    let fields = [
        ("customer", HOSTILE),
        ("store_name", "<b>Shop"),
        ("uses", "2"),
        ("ttl_hours", "48"),
    ];
    let made = browser.post("/enrollment-codes/new", &fields).await;
    let page = made.page(201);
    let code = between(page, "id=\"code\">", "<").to_owned();
    assert!(!page.contains("<script>alert") && !page.contains("<b>Shop"), "{page}");
    let enrolled = world
        .post("/agent/register", &register_body("TC-200-001", &code))
        .send()
        .await;
    enrolled.ok(201);
    let answer = browser.get("/enrollment-codes").await;
    let page = answer.page(200);
    for part in [
        "1 of 2",
        "2026-01-26 19:00:00",
        "Usable",
        "operator-san",
        "&#60;b&#62;Shop",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains(&code) && !page.contains("<script>alert"), "{page}");
    let id = between(page, "id=\"withdraw-", "\"");
    let revoke = format!("/enrollment-codes/{id}/revoke");
    let support = Browser::of(&world, "support").await;
    assert!(
        !support
            .get("/enrollment-codes")
            .await
            .page(200)
            .contains("id=\"withdraw-")
    );
    support.post(&revoke, &[]).await.page(403);
    assert_eq!(browser.post(&revoke, &[]).await.leads_to(), "/enrollment-codes");
    let page = browser.get("/enrollment-codes").await;
    assert!(
        page.page(200).contains("Withdrawn") && !page.text.contains("id=\"withdraw-"),
        "{}",
        page.text
    );
    world
        .post("/agent/register", &register_body("TC-200-002", &code))
        .send()
        .await
        .problem(401, "AUTH_001");
    browser.post("/enrollment-codes/999999/revoke", &[]).await.page(404);
}

#[tokio::test]
async fn a_code_that_makes_no_sense_is_refused_where_it_stands() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let browser = Browser::of(&world, "operator").await;
    let wrong = [
        ("customer", "Nobody"),
        ("serial_number", "no serial!"),
        ("uses", "0"),
        ("ttl_hours", "99999"),
        ("store_name", "Kept"),
    ];
    let answer = browser.post("/enrollment-codes/new", &wrong).await;
    let page = answer.page(422);
    for part in [
        "customer-error",
        "serial_number-error",
        "uses-error",
        "ttl_hours-error",
        "value=\"Kept\"",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let long = "x".repeat(300);
    let fields = [
        ("customer", "ABC"),
        ("uses", "1"),
        ("ttl_hours", "24"),
        ("store_name", &long),
    ];
    let answer = browser.post("/enrollment-codes/new", &fields).await;
    assert!(answer.page(422).contains("id=\"store_name-error\""), "{}", answer.text);
    for n in 0..3 {
        world.code(customer, json!({ "store_name": format!("Shop {n}") })).await;
    }
    let answer = browser.get("/enrollment-codes?customer=ABC&per_page=2").await;
    assert!(answer.page(200).contains("id=\"page-next\""), "{}", answer.text);
    let answer = browser.get("/enrollment-codes?customer=Nobody").await;
    assert!(
        answer.page(200).contains("id=\"customer-error\"") && !answer.text.contains("Shop 1"),
        "{}",
        answer.text
    );
    world.advance(25 * 3_600);
    let browser = Browser::of(&world, "operator").await;
    assert!(browser.get("/enrollment-codes").await.page(200).contains("Expired"));
}
