//! The pages of reports.

use serde_json::json;

use crate::{
    browser::{Browser, between},
    world::World,
};

const HOSTILE: &str = "<script>alert(1)</script>\"'&<img src=x>";

/// Two customers; the terminal of the first is in error for the first half of the time. No round of the background work comes
/// after the begin: it would take the time between for an outage of ours.
async fn world() -> World {
    let world = World::new().await;
    let (one, two) = (world.customer("ABC").await, world.customer(HOSTILE).await);
    let (good, bad) = (
        world.agent(two, "TC-200-001").await,
        world.agent(one, "TC-200-002").await,
    );
    world.beat(&good, json!({})).send().await.ok(200);
    let absent = json!({ "device": { "state": "absent" } });
    world.beat(&bad, absent).send().await.ok(200);
    world.tick().await;
    world.advance(290);
    world.beat(&good, json!({})).send().await.ok(200);
    world.beat(&bad, json!({})).send().await.ok(200);
    world.advance(290);
    world
}

#[tokio::test]
async fn availability_is_shown_with_its_numbers_and_taken_away() {
    let world = world().await;
    let browser = Browser::of(&world, "viewer").await;
    let answer = browser.get("/reports").await;
    let page = answer.page(200);
    for part in [
        "id=\"whole\">75.00 %",
        "<span class=\"value\">75.00</span>",
        "<span class=\"label\">01-24</span>",
        "Days are those of Asia/Tokyo.",
        "href=\"/reports/availability.csv\"",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let query = "customer=ABC&granularity=hour&from_date=2026-01-24&to_date=2026-01-24";
    let answer = browser.get(&format!("/reports?{query}")).await;
    let page = answer.page(200);
    assert!(
        page.contains("id=\"whole\">50.00 %") && page.contains("2026-01-24 19:00+09:00"),
        "{page}"
    );
    let export = page
        .split("id=\"export\" href=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .replace("&#38;", "&");
    let table = browser.get(&export).await;
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    assert!(
        table.text.lines().count() > 10 && table.text.contains("50"),
        "{}",
        table.text
    );
    let answer = browser.get("/reports?from_date=2026-01-20&granularity=hour").await;
    let page = answer.page(200);
    assert!(
        page.contains("<svg class=\"chart\"") && !page.contains("bars-row"),
        "many are columns: {page}"
    );
    browser.post("/preferences", &[("language", "ja")]).await.leads_to();
    assert!(browser.get("/reports").await.page(200).contains("稼働率"));
}

#[tokio::test]
async fn a_time_that_makes_no_sense_is_refused_where_it_stands() {
    let world = world().await;
    let browser = Browser::of(&world, "viewer").await;
    for (query, field) in [
        ("from_date=yesterday", "from_date"),
        ("from_date=2026-01-24&to_date=2026-01-20", "to_date"),
        ("from_date=2020-01-24&to_date=2026-01-20", "from_date"),
        (
            "from_date=2025-01-24&to_date=2026-01-20&granularity=hour",
            "granularity",
        ),
        ("granularity=second", "granularity"),
        ("customer=%3Cscript%3Ealert(1)", "customer"),
    ] {
        let answer = browser.get(&format!("/reports?{query}")).await;
        let page = answer.page(422);
        assert!(page.contains(&format!("id=\"{field}-error\"")), "{field} in {page}");
        assert!(
            !page.contains("<script>alert") && !page.contains("id=\"export\""),
            "{page}"
        );
    }
    browser.get("/reports?x=1").await.page(422);
    browser.get("/reports/summary?period=never").await.page(422);
}

#[tokio::test]
async fn what_went_wrong_is_summed_up() {
    let world = world().await;
    let browser = Browser::of(&world, "viewer").await;
    let answer = browser.get("/reports/summary?period=7d").await;
    let page = answer.page(200);
    for part in [
        "Card reader is not attached",
        "75.00 %",
        "alert_type=reader_absent&#38;from_date=2026-01-18&#38;to_date=2026-01-24\"",
        "&#60;script&#62;",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("<script>alert"), "{page}");
    let answer = browser.get("/reports/summary?customer=ABC&period=today").await;
    let page = answer.page(200);
    let rows = between(page, "id=\"customers\"", "</table>");
    assert!(
        page.contains("50.00 %") && rows.contains("ABC") && !rows.contains("script"),
        "{page}"
    );
    let table = browser.get("/reports/summary.csv?period=today").await;
    assert!(
        table.status == 200 && table.text.contains("reader_absent"),
        "{}",
        table.text
    );
    assert!(
        browser
            .get("/reports/summary?customer=Nobody")
            .await
            .page(422)
            .contains("id=\"customer-error\"")
    );
}

#[tokio::test]
async fn who_is_bound_to_a_customer_gets_that_ones_reports() {
    let world = world().await;
    let customer = world.first("/customers?search=ABC").await;
    let person = json!({ "username": "bound-san", "role": "viewer", "customer_id": customer });
    let made = world.post("/users", &person).by("admin").send().await.ok(201);
    let token = made["password_link"]["token"].as_str().unwrap();
    let browser = Browser::new(&world);
    let password = "another horse battery";
    let fields = [("token", token), ("new_password", password), ("repeated", password)];
    browser.post("/password-reset", &fields).await.leads_to();
    browser.sign_in("bound-san", password).await.leads_to();
    assert!(browser.get("/reports").await.page(200).contains("id=\"whole\">50.00 %"));
    let dashboard = browser.get("/dashboard").await;
    assert!(!dashboard.page(200).contains("&#60;script&#62;"), "{}", dashboard.text);
}
