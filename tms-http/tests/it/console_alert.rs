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

#[tokio::test]
async fn a_note_goes_with_a_resolution_only() {
    let (world, _) = trouble().await;
    let browser = Browser::of(&world, "support").await;
    let path = format!("/alerts/{}", world.first("/alerts?alert_type=reader_absent").await);
    let fields = [("act", "acknowledge"), ("notes", "cable loose")];
    let answer = browser.post(&path, &fields).await;
    let page = answer.page(422);
    for part in [
        "id=\"resolution_notes-error\"",
        "A note is kept only with a resolution",
        ">cable loose</textarea>",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let alert = world.get(&path).by("viewer").send().await.ok(200);
    assert_eq!(alert["state"], "open");
}

#[tokio::test]
async fn what_was_typed_about_many_alerts_stays_until_it_is_done() {
    let (world, _) = trouble().await;
    let browser = Browser::of(&world, "support").await;
    let back = "/alerts?alert_type=reader_absent";
    let id = world.first(back).await.to_string();
    let post = |fields: Vec<(&'static str, &str)>| {
        let mut all = vec![("back", back)];
        all.extend(fields);
        let browser = &browser;
        let all: Vec<_> = all.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        async move {
            let all: Vec<_> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
            browser.post("/alerts", &all).await
        }
    };
    let nothing = post(vec![("act", "resolve"), ("notes", "router <b>replaced")]).await;
    let page = nothing.page(422);
    for part in [
        "No alert was chosen.",
        "value=\"router &#60;b&#62;replaced\"",
        &format!("name=\"back\" value=\"{back}\""),
        "TC-200-001",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("TC-200-002"), "the list is filtered as before: {page}");
    let refused = post(vec![("act", "acknowledge"), ("notes", "seen"), ("ids", &id)]).await;
    let page = refused.page(422);
    assert!(
        page.contains("Nothing was changed: A note is kept only with a resolution"),
        "{page}"
    );
    assert!(
        page.contains(&format!("value=\"{id}\" checked")) && page.contains("value=\"seen\""),
        "{page}"
    );
    let long = "x".repeat(2_001);
    let refused = post(vec![("act", "resolve"), ("notes", &long), ("ids", &id)]).await;
    let page = refused.page(422);
    assert!(
        page.contains("Nothing was changed: Must be at most 2000 characters"),
        "{page}"
    );
    assert!(
        page.contains("id=\"resolution_notes-error\"") && page.contains(&long),
        "{page}"
    );
    let done = post(vec![("act", "resolve"), ("notes", "replaced"), ("ids", &id)]).await;
    assert_eq!(done.leads_to(), back);
}

#[tokio::test]
async fn a_note_about_what_somebody_else_has_resolved_is_not_lost() {
    let (world, _) = trouble().await;
    let browser = Browser::of(&world, "support").await;
    let path = format!("/alerts/{}", world.first("/alerts?alert_type=reader_absent").await);
    let wish = json!({ "is_resolved": true, "resolution_notes": "theirs" });
    world.patch(&path, &wish).by("operator").send().await.ok(200);
    let answer = browser
        .post(&path, &[("act", "resolve"), ("notes", "mine <b>\nall of it")])
        .await;
    let page = answer.page(409);
    assert!(page.contains("id=\"typed\">mine &#60;b&#62;\nall of it</p>"), "{page}");
    assert!(page.contains("theirs") && !page.contains("name=\"act\""), "{page}");
}

#[tokio::test]
async fn many_terminals_that_fall_silent_at_once_are_said_to() {
    let (world, agents) = trouble().await;
    let body = json!({ "name": "hook", "language": "ja",
        "web_hook": { "url": "https://example.com/hook", "secret": "a key of the signature" } });
    world
        .post("/notification-channels", &body)
        .by("admin")
        .send()
        .await
        .ok(201);
    let settings = world.call("PUT", "/settings").by("admin").if_match("*");
    let settings = settings.json(&json!({ "presence": { "mass_loss_minimum": 1 } }));
    settings.send().await.ok(200);
    for agent in &agents {
        world.beat(agent, json!({})).send().await.ok(200);
    }
    // A longer step would be taken for an outage of the server.
    for _ in 0..70 {
        world.advance(10);
        world.tick().await;
    }
    let list = world
        .get("/alerts?alert_type=offline")
        .by("viewer")
        .send()
        .await
        .ok(200);
    let alert = &list["data"][0];
    assert_eq!(
        (&alert["severity"], &alert["terminal"]),
        (&json!("CRITICAL"), &json!(null)),
        "{list}"
    );
    assert_eq!(alert["title"], "Many terminals fell silent at once");
    let (due, connected) = (&alert["details"]["due"], &alert["details"]["connected"]);
    let message = format!("{due} of {connected} connected terminals fell silent at once. The server's side is");
    assert!(alert["message"].as_str().unwrap().starts_with(&message), "{alert}");
    let mut browser = Browser::of(&world, "viewer").await;
    browser.headers.retain(|(name, _)| *name != "accept-language");
    browser.headers.push(("accept-language", "ja"));
    let answer = browser.get(&format!("/alerts/{}", alert["id"])).await;
    let page = answer.page(200);
    for part in [
        "<h1>多数の端末が同時に応答しなくなりました</h1>",
        &format!("接続中の{connected}台のうち{due}台が同時に応答しなくなりました。"),
        "応答のない端末数",
        "接続中だった端末数",
        "判定の保留時間(秒)",
        "900",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let told: Vec<String> = world.sent().into_iter().map(|(_, letter)| letter.subject).collect();
    let expected = "TMS: [CRITICAL] 多数の端末が同時に応答しなくなりました".to_owned();
    assert!(told.contains(&expected), "{told:?}");
}

#[tokio::test]
async fn a_wrong_filter_is_named_in_the_language_of_the_reader() {
    let world = World::new().await;
    let mut browser = Browser::of(&world, "viewer").await;
    browser.headers.retain(|(name, _)| *name != "accept-language");
    browser.headers.push(("accept-language", "ja"));
    browser.headers.push(("referer", "http://tms.example/alerts?state=all"));
    let wrong = "/alerts?from_date=2026-02-02&to_date=2026-02-01";
    let answer = browser.get(wrong).await;
    let page = answer.page(422);
    for part in [
        "<strong>終了日</strong><span class=\"sub\">開始以降の日時を入力してください。</span>",
        "id=\"back\" href=\"/alerts?state=all\">前のページに戻る",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("is wrong"), "{page}");
    for (path, status) in [("/alerts/99", 404), ("/terminals/new", 403)] {
        let answer = browser.get(path).await;
        let page = answer.page(status);
        assert!(
            !page.contains("was not found") && !page.contains("is missing"),
            "{page}"
        );
    }
    browser.headers.retain(|(name, _)| *name != "referer");
    browser.headers.push(("referer", "http://evil.example/alerts"));
    assert!(
        !browser.get(wrong).await.page(422).contains("id=\"back\""),
        "a page of others"
    );
}
