//! The pages of notification channels.

use serde_json::json;

use crate::{
    browser::{Browser, between, revision},
    world::World,
};

const HOSTILE: &str = "<script>alert(1)</script>\"'&<img src=x>";
const KEY: &str = "a key of the signature";

fn hook<'f>(name: &'f str, more: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    let usual = [
        ("kind", "web_hook"),
        ("name", name),
        ("is_enabled", "on"),
        ("language", "en"),
        ("web_hook.url", "https://example.com/hook"),
        ("routing.lowest_severity", "MEDIUM"),
    ];
    [&usual[..], more].concat()
}

#[tokio::test]
async fn a_channel_is_made_tested_changed_and_deleted() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let browser = Browser::of(&world, "admin").await;
    assert!(
        browser
            .get("/notification-channels")
            .await
            .page(200)
            .contains("No channels.")
    );
    for kind in ["mail", "web_hook", "slack", "sns"] {
        let page = browser.get(&format!("/notification-channels/new?kind={kind}")).await;
        assert!(
            page.page(200).contains(&format!("name=\"kind\" value=\"{kind}\"")),
            "{}",
            page.text
        );
    }
    let more = [
        ("web_hook.secret", KEY),
        ("routing.customer_ids", "ABC\r\n"),
        ("routing.begin", "22:00"),
        ("routing.end", "07:00"),
        ("routing.time_zone", "Asia/Tokyo"),
        ("routing.resolved", "on"),
    ];
    let path = browser
        .post("/notification-channels/new", &hook(HOSTILE, &more))
        .await
        .leads_to()
        .to_owned();
    let stored = world.get(&path).by("admin").send().await.ok(200);
    assert_eq!(
        stored["routing"],
        json!({ "lowest_severity": "MEDIUM", "customer_ids": [customer], "resolved": true,
            "hours": { "begin": "22:00", "end": "07:00", "time_zone": "Asia/Tokyo" } })
    );
    let answer = browser.get(&path).await;
    let page = answer.page(200);
    assert!(
        page.contains("&#60;script&#62;alert(1)") && !page.contains("<script>alert") && !page.contains(KEY),
        "{page}"
    );
    assert!(
        page.contains(">ABC</textarea>") && page.contains("value=\"22:00\"") && page.contains("Not used so far"),
        "{page}"
    );

    world.fail_sending(Some("no <route> to host"));
    assert_eq!(browser.post(&format!("{path}/test"), &[]).await.leads_to(), path);
    let page = browser.get(&path).await;
    assert!(
        page.page(200)
            .contains("The test message was not sent: no &#60;route&#62; to host"),
        "{}",
        page.text
    );
    let list = browser.get("/notification-channels").await;
    assert!(
        list.page(200).contains("Fails") && list.text.contains("no &#60;route&#62; to host"),
        "{}",
        list.text
    );
    world.fail_sending(None);
    browser.post(&format!("{path}/test"), &[]).await.leads_to();
    let page = browser.get(&path).await;
    assert!(
        page.page(200).contains("The test message was sent.") && page.text.contains("Works"),
        "{}",
        page.text
    );
    assert_eq!(world.sent().len(), 1);

    let seen = revision(&page.text).to_owned();
    let change = hook("Night", &[("revision", &seen)]);
    assert_eq!(
        browser.post(&path, &change).await.leads_to(),
        path,
        "the key may be left out"
    );
    let late = browser.post(&path, &change).await;
    assert!(
        late.page(412).contains("Somebody else has changed this meanwhile"),
        "{}",
        late.text
    );
    let seen = revision(&late.text).to_owned();
    let moved = [
        ("revision", &*seen),
        ("kind", "web_hook"),
        ("name", "Night"),
        ("web_hook.url", "https://evil.example.com"),
    ];
    let refused = browser.post(&path, &moved).await;
    assert!(
        refused
            .page(422)
            .contains("id=\"web_hook.secret-error\">Must be given with a new receiver"),
        "{}",
        refused.text
    );
    browser.post(&format!("{path}/delete"), &[]).await.page(422);
    let gone = browser.post(&format!("{path}/delete"), &[("revision", &seen)]).await;
    assert_eq!(gone.leads_to(), "/notification-channels");
    browser.get(&path).await.page(404);
}

#[tokio::test]
async fn wrong_channels_are_refused_and_secrets_never_come_back() {
    let world = World::new().await;
    let browser = Browser::of(&world, "admin").await;
    let mail = [
        ("kind", "mail"),
        ("name", ""),
        ("language", "en"),
        ("mail.host", "no host!"),
        ("mail.port", "70000"),
        ("mail.security", "none"),
        ("mail.username", "tms"),
        ("mail.password", "hunter2hunter2"),
        ("mail.sender", "nobody"),
        ("mail.receivers", ""),
        ("routing.lowest_severity", "HIGH"),
        ("routing.customer_ids", "Nobody"),
        ("routing.begin", "25:00"),
    ];
    let answer = browser.post("/notification-channels/new", &mail).await;
    let page = answer.page(422);
    for field in ["mail.port", "routing.customer_ids", "routing.hours"] {
        assert!(page.contains(&format!("id=\"{field}-error\"")), "{field} in {page}");
    }
    assert!(!page.contains("hunter2"), "{page}");
    let of_services = mail.map(|(name, value)| match name {
        "mail.port" | "routing.customer_ids" | "routing.begin" => (name, ""),
        _ => (name, value),
    });
    let answer = browser.post("/notification-channels/new", &of_services).await;
    let page = answer.page(422);
    for field in ["name", "mail.host", "mail.security", "mail.sender", "mail.receivers"] {
        assert!(page.contains(&format!("id=\"{field}-error\"")), "{field} in {page}");
    }
    browser
        .post("/notification-channels/new", &[("kind", "pigeon")])
        .await
        .page(422);
    browser
        .post("/notification-channels/new", &hook("A", &[("web_hook.secret", KEY)]))
        .await
        .leads_to();
    let twice = browser
        .post("/notification-channels/new", &hook("A", &[("web_hook.secret", KEY)]))
        .await;
    assert!(twice.page(422).contains("already exists"), "{}", twice.text);

    let slack = [
        ("kind", "slack"),
        ("name", "Team"),
        ("language", "ja"),
        ("slack.url", "https://hooks.example.com/T0/secret"),
        ("routing.lowest_severity", "HIGH"),
    ];
    let path = browser
        .post("/notification-channels/new", &slack)
        .await
        .leads_to()
        .to_owned();
    let answer = browser.get(&path).await;
    assert!(
        !answer.page(200).contains("T0/secret") && answer.text.contains("It is kept and not shown"),
        "{}",
        answer.text
    );
    let seen = revision(&answer.text).to_owned();
    let kept = [
        ("revision", &*seen),
        ("kind", "slack"),
        ("name", "Team 2"),
        ("slack.url", ""),
    ];
    assert_eq!(
        browser.post(&path, &kept).await.leads_to(),
        path,
        "an address that is not typed stays"
    );

    world.advance(601);
    let question = browser
        .post("/notification-channels/new", &hook("B", &[("web_hook.secret", KEY)]))
        .await;
    let page = question.page(403);
    assert!(
        page.contains("name=\"kept.name\" value=\"B\"") && !page.contains(KEY),
        "{page}"
    );
    assert!(
        browser
            .get("/notification-channels/new")
            .await
            .leads_to()
            .starts_with("/confirm?next=")
    );
    assert!(
        browser
            .post(&format!("{path}/test"), &[])
            .await
            .leads_to()
            .starts_with("/confirm?next=")
    );
    let operator = Browser::of(&world, "operator").await;
    let page = operator.get(&path).await;
    assert!(
        page.page(200).contains("disabled") && !page.text.contains("id=\"test\""),
        "{}",
        page.text
    );
    let row = operator.get("/notification-channels").await;
    assert!(
        between(row.page(200), "id=\"channels\"", "</table>").contains("hooks.example.com"),
        "{}",
        row.text
    );
}
