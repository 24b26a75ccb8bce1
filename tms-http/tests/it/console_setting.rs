//! The pages of settings and of the rules of alerts.

use serde_json::json;

use crate::{
    browser::{Browser, between, revision},
    world::World,
};

const HOSTILE: &str = "<script>alert(1)</script>\"'&<img src=x>";

/// The form as the page shows it at first, with changes.
fn form<'f>(seen: &'f str, changes: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    let usual = [
        ("revision", seen),
        ("presence.default_interval_s", "300"),
        ("presence.lost_after_intervals", "2"),
        ("presence.lost_grace_s", "60"),
        ("presence.mass_loss_percent", "20"),
        ("presence.mass_loss_minimum", "50"),
        ("presence.mass_loss_hold_s", "900"),
        ("retention.metrics_days", "7"),
        ("retention.metrics_hourly_days", "400"),
        ("retention.status_changes_days", "400"),
        ("retention.logs_days", "90"),
        ("retention.resolved_alerts_days", "180"),
        ("retention.audit_days", "400"),
        ("retention.events_days", "1"),
        ("security.step_up_minutes", "10"),
        ("reports.time_zone", "Asia/Tokyo"),
    ];
    let is_other = |name: &str| changes.iter().any(|(other, _)| *other == name);
    let kept = usual.into_iter().filter(|(name, _)| !is_other(name));
    kept.chain(changes.iter().copied()).collect()
}

#[tokio::test]
async fn settings_are_seen_changed_and_hold() {
    let world = World::new().await;
    let browser = Browser::of(&world, "admin").await;
    let answer = browser.get("/settings").await;
    let page = answer.page(200);
    for part in [
        "name=\"presence.lost_grace_s\" type=\"number\" min=\"0\" max=\"3600\" value=\"60\"",
        "value=\"Asia/Tokyo\"",
        "<option value=\"Europe/Berlin\">",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let changes = [
        ("presence.lost_grace_s", "90"),
        ("reports.time_zone", "Europe/Berlin"),
        ("security.second_factor_roles", "viewer"),
        ("security.second_factor_roles", "support"),
    ];
    let saved = browser.post("/settings", &form(revision(page), &changes)).await;
    assert_eq!(saved.leads_to(), "/settings");
    let answer = browser.get("/settings").await;
    let page = answer.page(200);
    assert!(
        page.contains("The settings are saved.") && page.contains("value=\"90\""),
        "{page}"
    );
    assert!(
        page.contains("value=\"viewer\" checked") && !page.contains("value=\"admin\" checked"),
        "{page}"
    );
    let stored = world.get("/settings").by("admin").send().await.ok(200);
    assert_eq!(
        (
            &stored["presence"]["lost_grace_s"],
            &stored["security"]["second_factor_roles"]
        ),
        (&json!(90), &json!(["support", "viewer"]))
    );
    assert_eq!(stored["rules"].as_array().unwrap().len(), 8, "the rules stay");
    let late = browser
        .post("/settings", &form("0", &[("presence.lost_grace_s", "70")]))
        .await;
    let page = late.page(412);
    assert!(
        page.contains("Somebody else has changed this meanwhile") && page.contains("value=\"70\""),
        "{page}"
    );
    assert!(
        page.contains("id=\"presence.lost_grace_s-theirs\">At present: 90<"),
        "{page}"
    );
}

#[tokio::test]
async fn wrong_settings_are_named_where_they_stand() {
    let world = World::new().await;
    let browser = Browser::of(&world, "admin").await;
    let wrong = [
        ("presence.lost_grace_s", "4000"),
        ("retention.logs_days", ""),
        ("security.step_up_minutes", "-1"),
        ("reports.time_zone", HOSTILE),
        ("security.second_factor_roles", "king"),
    ];
    let answer = browser.post("/settings", &form("0", &wrong)).await;
    let page = answer.page(422);
    for part in [
        "id=\"presence.lost_grace_s-error\">Must be 0 to 3600",
        "id=\"retention.logs_days-error\">Is needed",
        "id=\"security.step_up_minutes-error\"",
        "id=\"reports.time_zone-error\"",
        "value=\"4000\"",
        "&#60;script&#62;",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
    browser.post("/preferences", &[("language", "ja")]).await.leads_to();
    let answer = browser.post("/settings", &form("0", &wrong)).await;
    assert!(
        answer.page(422).contains("0〜3600の範囲で入力してください。"),
        "{}",
        answer.text
    );
    let stored = world.get("/settings").by("admin").send().await.ok(200);
    assert_eq!(stored["presence"]["lost_grace_s"], 60);
}

#[tokio::test]
async fn who_may_only_read_settings_can_only_read() {
    let world = World::new().await;
    let browser = Browser::of(&world, "operator").await;
    let answer = browser.get("/settings").await;
    let page = answer.page(200);
    assert!(
        page.contains("<fieldset class=\"part\" disabled>") && !page.contains("id=\"save\""),
        "{page}"
    );
    browser.post("/settings", &form("0", &[])).await.page(403);
    let viewer = Browser::of(&world, "viewer").await;
    assert!(!viewer.get("/dashboard").await.page(200).contains("href=\"/settings\""));
    let admin = Browser::of(&world, "admin").await;
    world.advance(601);
    let question = admin
        .post("/settings", &form("0", &[("presence.lost_grace_s", "75")]))
        .await;
    let page = question.page(403);
    assert!(
        page.contains("name=\"kept.presence.lost_grace_s\" value=\"75\""),
        "{page}"
    );
    admin.get("/settings").await.page(200);
}

#[tokio::test]
async fn a_rule_is_changed_and_a_customer_gets_one_of_their_own() {
    let world = World::new().await;
    let customer = world.customer(HOSTILE).await;
    let browser = Browser::of(&world, "admin").await;
    let answer = browser.get("/settings/rules").await;
    let page = answer.page(200);
    assert!(page.contains("Above 90 for 10 min; over at 80 or below."), "{page}");
    let cpu = between(page, "href=\"/settings/rules/4\"", "/a>");
    assert!(cpu.contains("Processor is busy"), "{cpu}");
    let answer = browser.get("/settings/rules/4").await;
    let seen = revision(answer.page(200)).to_owned();
    let rule = |seen: &str, value: &str, clear: &str| {
        [
            ("revision", seen.to_owned()),
            ("severity", "CRITICAL".to_owned()),
            ("value", value.to_owned()),
            ("duration_s", "60".to_owned()),
            ("clear_value", clear.to_owned()),
        ]
    };
    let send = async |path: &str, fields: &[(&str, String)]| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post(path, &fields).await
    };
    let wrong = send("/settings/rules/4", &rule(&seen, "80", "85")).await;
    assert!(
        wrong.page(422).contains("id=\"clear_value-error\">Must be 0 to 80"),
        "{}",
        wrong.text
    );
    let saved = send("/settings/rules/4", &rule(&seen, "95", "85")).await;
    assert_eq!(saved.leads_to(), "/settings/rules");
    let stored = world.get("/alert-rules/4").by("admin").send().await.ok(200);
    assert_eq!(
        (
            &stored["threshold"]["value"],
            &stored["severity"],
            &stored["is_enabled"]
        ),
        (&json!(95), &json!("CRITICAL"), &json!(false))
    );
    send("/settings/rules/4", &rule(&seen, "70", "60")).await.page(412);

    let own = [
        ("customer", HOSTILE),
        ("alert_type", "offline"),
        ("severity", "LOW"),
        ("is_enabled", "on"),
    ];
    assert_eq!(
        browser.post("/settings/rules/new", &own).await.leads_to(),
        "/settings/rules"
    );
    let again = browser.post("/settings/rules/new", &own).await;
    assert!(again.page(422).contains("id=\"form-fault\""), "{}", again.text);
    let nobody = [("customer", "Nobody"), ("alert_type", "high_cpu"), ("severity", "LOW")];
    let answer = browser.post("/settings/rules/new", &nobody).await;
    let page = answer.page(422);
    assert!(
        page.contains("id=\"customer-error\"") && page.contains("id=\"value-error\""),
        "{page}"
    );
    let answer = browser.get("/settings/rules").await;
    let page = answer.page(200);
    assert!(
        page.contains("&#60;script&#62;") && !page.contains("<script>alert"),
        "{page}"
    );
    let path = format!("/settings/rules/{}", customer * 100 + 1);
    assert!(page.contains(&format!("href=\"{path}\"")), "{page}");
    let answer = browser.get(&path).await;
    let seen = revision(answer.page(200)).to_owned();
    assert!(answer.text.contains("in place of the general rule"), "{}", answer.text);
    browser.post(&format!("{path}/delete"), &[]).await.page(422);
    let gone = browser.post(&format!("{path}/delete"), &[("revision", &seen)]).await;
    assert_eq!(gone.leads_to(), "/settings/rules");
    browser.get(&path).await.page(404);
    let general = revision(browser.get("/settings/rules/4").await.page(200)).to_owned();
    let kept = browser
        .post("/settings/rules/4/delete", &[("revision", &general)])
        .await;
    kept.page(409);
}
