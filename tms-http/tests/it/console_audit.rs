//! The page of the audit trail: what happened, in words, and whether all of it is as it was written.

use serde_json::json;

use crate::{browser::Browser, world::World};

#[tokio::test]
async fn what_happened_is_told_in_words_with_before_and_after() {
    let world = World::new().await;
    let customer = world.customer("<u>ABC</u>").await;
    let path = format!("/customers/{customer}");
    let change = json!({ "company_name": "XYZ", "notes": "<script>" });
    world
        .patch(&path, &change)
        .by("operator")
        .if_match("*")
        .send()
        .await
        .ok(200);
    world.tick().await;
    let browser = Browser::of(&world, "operator").await;
    let answer = browser.get("/audit").await;
    let page = answer.page(200);
    for part in [
        "Changed a customer",
        "<del>&#60;u&#62;ABC&#60;/u&#62;</del>",
        "<ins>XYZ</ins>",
        "<ins>&#60;script&#62;</ins>",
        "operator-san",
        "In the chain",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(
        !page.contains("id=\"verify\"") && !page.contains("id=\"export\""),
        "an operator reads only"
    );
    for part in [
        "<span class=\"what\" title=\"company_name\">Company name</span>",
        "<option value=\"customer.update\">Changed a customer</option>",
        "<option value=\"second_factor\">",
        "<option value=\"agent_token\">",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let chosen = browser.get("/audit?action=customer.update").await;
    let option = "<option value=\"customer.update\" selected>Changed a customer</option>";
    assert!(chosen.page(200).contains(option), "{}", chosen.text);
    let unknown = browser.get("/audit?action=customer.paint").await;
    let option = "<option value=\"customer.paint\" selected>customer.paint</option>";
    assert!(unknown.page(200).contains(option), "{}", unknown.text);
    for (query, shown) in [
        (format!("target_type=customer&target_id={customer}"), true),
        ("actor=operator-san&action=customer.update".to_owned(), true),
        ("actor=nobody".to_owned(), false),
        ("to_date=2026-01-23".to_owned(), false),
    ] {
        let answer = browser.get(&format!("/audit?{query}")).await;
        assert_eq!(answer.page(200).contains("<ins>XYZ</ins>"), shown, "{query}");
    }
    for wrong in ["target_id=-1", "from_date=noon", "page=0", "x=1"] {
        browser.get(&format!("/audit?{wrong}")).await.page(422);
    }
    let mut japanese = Browser::of(&world, "operator").await;
    japanese.headers.retain(|(name, _)| *name != "accept-language");
    japanese.headers.push(("accept-language", "ja"));
    assert!(japanese.get("/audit").await.page(200).contains("顧客を変更"));
}

#[tokio::test]
async fn an_administrator_verifies_the_trail_and_takes_it_away() {
    let world = World::new().await;
    world.customer("ABC").await;
    world.tick().await;
    let browser = Browser::of(&world, "admin").await;
    let answer = browser.get("/audit").await;
    let page = answer.page(200);
    assert!(
        page.contains("id=\"verify\"") && page.contains("/audit/export.jsonl"),
        "{page}"
    );
    let answer = browser.get("/audit/verify").await;
    assert!(
        answer.page(200).contains("The audit trail is as it was written."),
        "{}",
        answer.text
    );
    let other = "0".repeat(64);
    let cut = browser.get(&format!("/audit/verify?expect_head={other}")).await;
    assert!(
        cut.page(200).contains("The expected head is not in the chain"),
        "{}",
        cut.text
    );
    browser.get("/audit/verify?expect_head=x").await.page(422);
    let export = browser.get("/audit/export.jsonl?action=customer.create").await;
    assert_eq!(export.status, 200);
    assert!(
        export.text.contains("customer.create") && !export.text.contains("user.create"),
        "{}",
        export.text
    );
}
