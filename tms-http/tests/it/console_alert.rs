//! The pages of alerts: who sees them, who answers them, and what becomes of both.

use serde_json::json;

use crate::{
    browser::Browser,
    world::{Agent, World},
};

/// A world in which two readers are in trouble.
async fn trouble() -> (World, Vec<Agent>) {
    let world = World::new().await;
    let customer = world.customer("<b>ABC</b>").await;
    let mut agents = Vec::new();
    for (serial, device) in [
        ("TC-200-001", json!({ "state": "absent" })),
        ("TC-200-002", json!({ "state": "error", "error_code": 23 })),
    ] {
        let agent = world.agent(customer, serial).await;
        world.beat(&agent, json!({ "device": device })).send().await.ok(200);
        agents.push(agent);
    }
    world.tick().await;
    (world, agents)
}

#[tokio::test]
async fn alerts_are_listed_filtered_and_said_in_both_languages() {
    let (world, agents) = trouble().await;
    let browser = Browser::of(&world, "viewer").await;
    let answer = browser.get("/alerts").await;
    let page = answer.page(200);
    for part in [
        "Card reader is not attached",
        "The card reader reports error 23.",
        "TC-200-002",
        "&#60;b&#62;ABC&#60;/b&#62;",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("<b>ABC"), "text stays text");
    assert!(!page.contains("name=\"act\""), "a viewer answers nothing");
    for (query, shown, hidden) in [
        ("alert_type=reader_absent", "TC-200-001", "TC-200-002"),
        (&*format!("terminal_id={}", agents[1].id), "TC-200-002", "TC-200-001"),
        ("severity=LOW", "No alerts.", "TC-200-001"),
        ("state=resolved", "No alerts.", "TC-200-001"),
        ("from_date=2026-01-25", "No alerts.", "TC-200-001"),
    ] {
        let answer = browser.get(&format!("/alerts?{query}")).await;
        let page = answer.page(200);
        assert!(page.contains(shown) && !page.contains(hidden), "{query}: {page}");
    }
    for wrong in ["severity=BLUE", "state=lost", "from_date=noon", "page=0", "colour=red"] {
        browser.get(&format!("/alerts?{wrong}")).await.page(422);
    }
    let mut japanese = Browser::of(&world, "viewer").await;
    japanese.headers.retain(|(name, _)| *name != "accept-language");
    japanese.headers.push(("accept-language", "ja"));
    let answer = japanese.get("/alerts").await;
    assert!(answer.page(200).contains("カードリーダー"), "{}", answer.text);
    browser.get("/alerts/999999").await.page(404);
}

#[tokio::test]
async fn an_alert_is_acknowledged_and_resolved_with_a_note_once() {
    let (world, _) = trouble().await;
    let id = world.first("/alerts?alert_type=reader_absent").await;
    let path = format!("/alerts/{id}");
    let browser = Browser::of(&world, "support").await;
    let mut foreign = Browser::of(&world, "support").await;
    foreign.headers.retain(|(name, _)| *name != "sec-fetch-site");
    foreign.headers.push(("sec-fetch-site", "cross-site"));
    foreign.post(&path, &[("act", "resolve")]).await.page(403);
    browser.post(&path, &[("act", "dance")]).await.page(422);
    assert_eq!(browser.post(&path, &[("act", "acknowledge")]).await.leads_to(), path);
    let answer = browser.get(&path).await;
    let page = answer.page(200);
    assert!(
        page.contains("You have acknowledged this alert.") && page.contains("Acknowledged by support-san"),
        "{page}"
    );
    let long = "x".repeat(2_001);
    let refused = browser.post(&path, &[("act", "resolve"), ("notes", &long)]).await;
    assert!(refused.page(422).contains("must be at most 2000 characters") || refused.text.contains("2000"));
    let note = "cable <i>loose</i>\nplugged in";
    let done = browser.post(&path, &[("act", "resolve"), ("notes", note)]).await;
    assert_eq!(done.leads_to(), path);
    let answer = browser.get(&path).await;
    let page = answer.page(200);
    assert!(
        page.contains("Resolved by support-san") && page.contains("cable &#60;i&#62;loose&#60;/i&#62;\nplugged in"),
        "{page}"
    );
    assert!(!page.contains("name=\"act\""), "it is final");
    let again = browser.post(&path, &[("act", "resolve")]).await;
    assert!(
        again.page(409).contains("A resolved alert stays as it is"),
        "{}",
        again.text
    );
    let alert = world.get(&path).by("viewer").send().await.ok(200);
    assert_eq!(
        (&alert["resolved_by"], &alert["resolution_notes"]),
        (&json!("support-san"), &json!(note))
    );
}

#[tokio::test]
async fn many_alerts_are_answered_at_once() {
    let (world, _) = trouble().await;
    let browser = Browser::of(&world, "support").await;
    let list = world.get("/alerts").by("viewer").send().await.ok(200);
    let ids: Vec<String> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].to_string())
        .collect();
    let back = "/alerts?severity=HIGH";
    let nothing = browser.post("/alerts", &[("act", "resolve"), ("back", back)]).await;
    assert_eq!(nothing.leads_to(), back);
    assert!(browser.get(back).await.page(200).contains("No alert was chosen."));
    let fields = [
        ("act", "resolve"),
        ("back", back),
        ("notes", "router replaced"),
        ("ids", &ids[0]),
        ("ids", &ids[1]),
        ("ids", "rubbish"),
    ];
    assert_eq!(browser.post("/alerts", &fields).await.leads_to(), back);
    let answer = browser.get(back).await;
    assert!(answer.page(200).contains("Alerts resolved: 2."), "{}", answer.text);
    let elsewhere = [
        ("act", "acknowledge"),
        ("back", "https://evil.example/"),
        ("ids", &*ids[0]),
    ];
    assert_eq!(browser.post("/alerts", &elsewhere).await.leads_to(), "/dashboard");
    let left = world.get("/alerts?is_resolved=false").by("viewer").send().await.ok(200);
    assert_eq!(left["meta"]["total"], 0);
}

#[tokio::test]
async fn the_first_alert_that_comes_can_be_answered() {
    let world = World::new().await;
    let browser = Browser::of(&world, "support").await;
    let answer = browser.get("/alerts").await;
    let page = answer.page(200);
    assert!(page.contains("No alerts.") && page.contains("id=\"answers\""), "{page}");
    assert!(
        page.contains("id=\"pager\" data-live=\"new_alert alert_update\""),
        "{page}"
    );
    let resolved = browser.get("/alerts?state=resolved").await;
    assert!(!resolved.page(200).contains("id=\"answers\""));
}
