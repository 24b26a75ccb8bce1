//! The dashboard: the last days, and at whom something is wrong.

use serde_json::json;

use crate::{
    browser::{Browser, between},
    world::World,
};

#[tokio::test]
async fn the_dashboard_tells_of_the_last_days_and_of_customers_in_trouble() {
    let world = World::new().await;
    let (quiet, loud) = (world.customer("Quiet").await, world.customer("<b>Loud</b>").await);
    let (well, unplugged) = (
        world.agent(quiet, "TC-200-001").await,
        world.agent(loud, "TC-200-002").await,
    );
    let browser = Browser::of(&world, "viewer").await;
    let empty = browser.get("/dashboard").await;
    assert!(
        empty.page(200).contains("id=\"availability-whole\">–"),
        "nothing is known: {}",
        empty.text
    );
    world.beat(&well, json!({})).send().await.ok(200);
    world
        .beat(&unplugged, json!({ "device": { "state": "absent" } }))
        .send()
        .await
        .ok(200);
    world.tick().await;
    world.advance(61);
    let answer = browser.get("/dashboard").await;
    let page = answer.page(200);
    assert!(page.contains("id=\"availability-whole\">50.00 %"), "{page}");
    assert_eq!(page.matches("<span class=\"label\">01-").count(), 7, "a bar a day");
    let rows = between(page, "id=\"trouble-rows\"", "</table>");
    assert!(rows.contains("&#60;b&#62;Loud") && !rows.contains("Quiet"), "{rows}");
    for link in [
        format!("/terminals?customer_id={loud}\""),
        format!("/terminals?status=error&#38;customer_id={loud}\""),
        format!("/alerts?customer_id={loud}\""),
    ] {
        assert!(rows.contains(&link), "{link} in {rows}");
    }
    let alert = world.first("/alerts").await;
    assert!(page.contains(&format!("href=\"/alerts/{alert}\"")), "{page}");
    let page = browser.get(&format!("/terminals/{}", unplugged.id)).await;
    assert!(
        page.page(200).contains(&format!("href=\"/alerts/{alert}\"")),
        "{}",
        page.text
    );
    let list = browser.get(&format!("/alerts?customer_id={loud}")).await;
    assert!(list.page(200).contains("TC-200-002"), "{}", list.text);

    world.beat(&unplugged, json!({})).send().await.ok(200);
    world.tick().await;
    world.advance(4);
    let page = browser.get("/dashboard").await;
    assert!(page.page(200).contains("No customer is in trouble"), "{}", page.text);
    assert!(
        page.text.contains("id=\"availability-whole\">50.00 %"),
        "shared for a minute: {}",
        page.text
    );
}

#[tokio::test]
async fn nobody_is_told_that_all_is_well_while_a_reader_is_in_error() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    world.beat(&agent, json!({})).send().await.ok(200);
    world.tick().await;
    let browser = Browser::of(&world, "viewer").await;
    let well = "Everything that is heard works.";
    assert!(browser.get("/dashboard").await.page(200).contains(well));
    let absent = json!({ "device": { "state": "absent" } });
    world.beat(&agent, absent).send().await.ok(200);
    world.tick().await;
    let alert = format!("/alerts/{}", world.first("/alerts").await);
    let wish = json!({ "is_resolved": true });
    world.patch(&alert, &wish).by("support").send().await.ok(200);
    world.advance(10);
    let page = browser.get("/dashboard").await;
    assert!(page.page(200).contains("No open alert"), "{}", page.text);
    assert!(!page.text.contains(well), "{}", page.text);
}

#[tokio::test]
async fn long_times_are_drawn_from_hours() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    for cpu in [20, 40, 60] {
        world
            .beat(&agent, json!({ "metrics": { "cpu_usage": cpu } }))
            .send()
            .await
            .ok(200);
        world.advance(3_600);
        world.tick().await;
    }
    world
        .beat(&agent, json!({ "metrics": { "cpu_usage": 80 } }))
        .send()
        .await
        .ok(200);
    let browser = Browser::of(&world, "viewer").await;
    for span in ["7d", "30d", "90d"] {
        let answer = browser.get(&format!("/terminals/{}?span={span}", agent.id)).await;
        let page = answer.page(200);
        assert!(page.contains("Averages of hours."), "{page}");
        let numbers = between(page, "id=\"series-numbers\"", "</table>");
        assert!(
            numbers.contains("<td class=\"number\">50</td>"),
            "the hours and what came since: {numbers}"
        );
        assert!(numbers.contains("<td class=\"number\">4</td>"), "{numbers}");
    }
    let short = browser.get(&format!("/terminals/{}?span=24h", agent.id)).await;
    assert!(!short.page(200).contains("Averages of hours."), "{}", short.text);
    browser.get(&format!("/terminals/{}?span=1y", agent.id)).await.page(422);
}
