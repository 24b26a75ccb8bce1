//! The pages of customers.

use serde_json::json;

use crate::{browser::Browser, world::World};

#[tokio::test]
async fn a_customer_is_added_found_changed_and_deleted() {
    let world = World::new().await;
    let browser = Browser::of(&world, "operator").await;
    let wrong = [
        ("company_name", ""),
        ("contract_type", "standard"),
        ("contact_email", "nowhere"),
        ("max_terminals", "many"),
    ];
    let answer = browser.post("/customers/new", &wrong).await;
    assert!(
        answer.page(422).contains("id=\"max_terminals-error\""),
        "{}",
        answer.text
    );
    let fields = [
        ("company_name", "<b>ABC</b>"),
        ("contract_type", "premium"),
        ("contract_end_date", "2027-03-31"),
        ("is_active", "on"),
        ("max_terminals", "5"),
        ("notes", "two\nlines"),
    ];
    let path = browser.post("/customers/new", &fields).await.leads_to().to_owned();
    let answer = browser.get(&path).await;
    let page = answer.page(200);
    assert!(
        page.contains("&#60;b&#62;ABC&#60;/b&#62; was added.") && page.contains("two\nlines"),
        "{page}"
    );
    let list = browser.get("/customers?search=abc&is_active=true").await;
    assert!(
        list.page(200).contains("&#60;b&#62;ABC") && list.text.contains("2027-03-31"),
        "{}",
        list.text
    );
    assert!(
        browser
            .get("/customers?is_active=false")
            .await
            .page(200)
            .contains("No customer matches.")
    );
    let revision = page
        .split_once("name=\"revision\" value=\"")
        .unwrap()
        .1
        .split_once('"')
        .unwrap()
        .0;
    let change = [
        ("revision", revision),
        ("company_name", "ABC"),
        ("contract_type", "basic"),
    ];
    assert_eq!(browser.post(&path, &change).await.leads_to(), path);
    let late = browser.post(&path, &change).await;
    assert!(
        late.page(412).contains("Somebody else has changed this meanwhile"),
        "{}",
        late.text
    );
    let stored = world.get(&path).by("viewer").send().await.ok(200);
    assert_eq!((&stored["is_active"], &stored["notes"]), (&json!(false), &json!(null)));
    let revision = late
        .text
        .split_once("name=\"revision\" value=\"")
        .unwrap()
        .1
        .split_once('"')
        .unwrap()
        .0;
    let gone = browser.post(&format!("{path}/delete"), &[("revision", revision)]).await;
    assert_eq!(gone.leads_to(), "/customers");
    browser.get(&path).await.page(404);
}

#[tokio::test]
async fn a_customer_with_terminals_stays_and_a_viewer_only_reads() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    world.agent(customer, "TC-200-001").await;
    let path = format!("/customers/{customer}");
    let browser = Browser::of(&world, "operator").await;
    let answer = browser.get(&path).await;
    let revision = answer
        .page(200)
        .split_once("name=\"revision\" value=\"")
        .unwrap()
        .1
        .split_once('"')
        .unwrap()
        .0;
    let kept = browser.post(&format!("{path}/delete"), &[("revision", revision)]).await;
    assert_eq!(kept.leads_to(), path);
    assert!(browser.get(&path).await.page(200).contains("ABC still has terminals"));
    let viewer = Browser::of(&world, "viewer").await;
    let answer = viewer.get(&path).await;
    assert!(answer.page(200).contains("<fieldset class=\"part\" disabled>") && !answer.text.contains("id=\"save\""));
}
