//! Channels by which people are told of alerts, from the wish to the message that leaves.

use serde_json::{Value, json};

use crate::world::World;

const KEY: &str = "a key of the signature";
const TOPIC: &str = "arn:aws:sns:ap-northeast-1:123456789012:alerts";

fn hook(name: &str) -> Value {
    json!({ "name": name, "web_hook": { "url": "https://example.com/hook", "secret": KEY } })
}

fn mail() -> Value {
    json!({ "name": "Night shift", "language": "ja",
        "mail": { "host": "mail.example.com", "username": "tms", "password": "hunter2hunter2", "sender": "tms@example.com",
            "receivers": ["night@example.com"] },
        "routing": { "lowest_severity": "LOW", "hours": { "begin": "22:00", "end": "07:00", "time_zone": "Asia/Tokyo" } } })
}

async fn create(world: &World, body: &Value) -> Value {
    world
        .post("/notification-channels", body)
        .by("admin")
        .send()
        .await
        .ok(201)
}

/// Sends what waits, as the leader does a little later.
async fn deliver(world: &World, seconds: u64) {
    world.tick().await;
    world.advance(seconds);
    world.tick().await;
}

#[tokio::test]
async fn a_channel_is_made_shown_changed_and_deleted() {
    let world = World::new().await;
    let made = world.post("/notification-channels", &mail()).by("admin").send().await;
    let (path, tag, shown) = (made.location(), made.header("etag").to_owned(), made.ok(201));
    assert!(!made.text.contains("hunter2"), "a secret is never shown: {}", made.text);
    assert_eq!(
        (&shown["kind"], &shown["mail"]["port"], &shown["mail"]["has_password"]),
        (&json!("mail"), &json!(587), &json!(true))
    );
    assert_eq!(shown["state"]["status"], "unused");
    assert_eq!(world.get(&path).by("operator").send().await.ok(200), shown);
    let listed = world.get("/notification-channels").by("operator").send().await.ok(200);
    assert_eq!(listed["data"], json!([shown]));

    let change = |body: &Value| world.patch(&path, body).by("admin");
    change(&json!({ "is_enabled": false }))
        .send()
        .await
        .problem(428, "PRE_002");
    let changed = change(&json!({ "is_enabled": false })).if_match(&tag).send().await;
    assert_eq!(changed.ok(200)["is_enabled"], false);
    change(&json!({ "name": "x" }))
        .if_match(&tag)
        .send()
        .await
        .problem(412, "PRE_001");
    let delete = || world.call("DELETE", &path).by("admin");
    delete().send().await.problem(428, "PRE_002");
    delete().if_match(&tag).send().await.problem(412, "PRE_001");
    delete().if_match(changed.header("etag")).send().await.ok(204);
    delete().if_match("*").send().await.problem(404, "RES_001");
    world.get(&path).by("operator").send().await.problem(404, "RES_001");
    change(&json!({})).if_match("*").send().await.problem(404, "RES_001");
    let test = world.call("POST", &format!("{path}/test")).by("admin");
    test.send().await.problem(404, "RES_001");
    let entries = world.store.audit_entries();
    let own = entries
        .iter()
        .filter(|entry| entry.target_type == "notification_channel");
    let own: Vec<_> = own
        .map(|entry| (entry.action.as_str(), entry.changes.to_string()))
        .collect();
    let actions: Vec<_> = own.iter().map(|(action, _)| *action).collect();
    let expected = ["create", "update", "delete"].map(|act| format!("notification_channel.{act}"));
    assert_eq!(actions, expected);
    assert!(own.iter().all(|(_, changes)| !changes.contains("hunter2")), "{own:?}");
}

#[tokio::test]
async fn a_secret_goes_to_no_other_receiver() {
    let world = World::new().await;
    let path = format!("/notification-channels/{}", create(&world, &mail()).await["id"]);
    let with = |change: Value| {
        let mut body = json!({ "mail": { "host": "mail.example.com", "username": "tms", "sender": "tms@example.com",
            "receivers": ["other@example.com"] } });
        body["mail"]
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let call = world.patch(&path, &body).by("admin").if_match("*");
        async { call.send().await }
    };
    assert_eq!(with(json!({})).await.ok(200)["mail"]["has_password"], true);
    for change in [
        json!({ "host": "evil.example.com" }),
        json!({ "port": 2_525 }),
        json!({ "security": "tls" }),
        json!({ "username": "other" }),
    ] {
        with(change).await.wrong_fields(&["mail.password"]);
    }
    with(json!({ "host": "evil.example.com", "password": "another one" }))
        .await
        .ok(200);
    assert_eq!(
        with(json!({ "host": "x.example.com", "username": null })).await.ok(200)["mail"]["has_password"],
        false
    );
}

#[tokio::test]
async fn wrong_wishes_are_named() {
    let world = World::new().await;
    create(&world, &hook("taken")).await;
    let again = world
        .post("/notification-channels", &hook("taken"))
        .by("admin")
        .send()
        .await;
    again.problem(409, "VAL_002");
    let (url, from) = ("https://example.com", "a@example.com");
    for (body, fields) in [
        (json!({ "name": "x" }), &["kind"][..]),
        (
            json!({ "name": "x", "web_hook": { "url": url, "secret": KEY }, "slack": { "url": url } }),
            &["kind"],
        ),
        (
            json!({ "name": "", "web_hook": { "url": url, "secret": KEY } }),
            &["name"],
        ),
        (json!({ "name": "x", "web_hook": { "url": url } }), &["web_hook.secret"]),
        (
            json!({ "name": "x", "web_hook": { "url": url, "secret": "short" } }),
            &["web_hook.secret"],
        ),
        (
            json!({ "name": "x", "web_hook": { "url": "ftp://x", "secret": KEY } }),
            &["web_hook.url"],
        ),
        (
            json!({ "name": "x", "web_hook": { "url": "https://private.example", "secret": KEY } }),
            &["web_hook.url"],
        ),
        (json!({ "name": "x", "slack": { "url": "x" } }), &["slack.url"]),
        (
            json!({ "name": "x", "sns": { "topic_arn": "alerts" } }),
            &["sns.topic_arn"],
        ),
        (
            json!({ "name": "x", "sns": { "topic_arn": TOPIC }, "slack": { "url": url } }),
            &["kind"],
        ),
        (
            json!({ "name": "x", "mail": { "host": "a b", "sender": "x", "receivers": [] } }),
            &["mail.host", "mail.receivers", "mail.sender"],
        ),
        (
            json!({ "name": "x", "mail": { "host": "h", "security": "none", "username": "u", "password": "p", "sender": from, "receivers": [from] } }),
            &["mail.security"],
        ),
        (
            json!({ "name": "x", "mail": { "host": "h", "security": "ssl", "sender": from, "receivers": [from] } }),
            &["mail.security"],
        ),
        (
            json!({ "name": "x", "mail": { "host": "h", "password": "p", "sender": from, "receivers": [from] } }),
            &["mail.username"],
        ),
        (
            json!({ "name": "x", "slack": { "url": url }, "language": "fr", "routing": { "lowest_severity": "BAD", "customer_ids": [0], "hours": { "begin": "25:00", "end": "07:00", "time_zone": "UTC" } } }),
            &[
                "language",
                "routing.customer_ids",
                "routing.hours",
                "routing.lowest_severity",
            ],
        ),
        (
            json!({ "name": "x", "slack": { "url": url }, "colour": 1 }),
            &["colour"],
        ),
    ] {
        let call = world.post("/notification-channels", &body).by("admin");
        call.send().await.wrong_fields(fields);
    }
}

#[tokio::test]
async fn an_alert_is_told_once_by_the_channels_that_want_it() {
    let world = World::new().await;
    let (own, other) = (world.customer("ABC").await, world.customer("XYZ").await);
    create(&world, &hook("all")).await;
    let mut bound = hook("other");
    bound["routing"] = json!({ "customer_ids": [other, 999] });
    let unknown = world.post("/notification-channels", &bound).by("admin").send().await;
    unknown.wrong_fields(&["routing.customer_ids"]);
    bound["routing"] = json!({ "customer_ids": [other] });
    create(&world, &bound).await;
    let mut night = mail();
    night["routing"]["resolved"] = json!(true);
    create(&world, &night).await;
    let agent = world.agent(own, "TC-200-001").await;
    world.beat(&agent, json!({ "status": "error" })).send().await.ok(200);
    // It is 19:00 in Tokyo.
    deliver(&world, 4).await;
    assert_eq!(world.sent(), [], "others may follow");
    deliver(&world, 2).await;
    let sent = world.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].0, "https://example.com/hook");
    assert_eq!(
        sent[0].1.subject,
        "TMS: [HIGH] TC-200-001: Card reader reports an error"
    );
    let facts = &sent[0].1.facts["alerts"][0];
    assert_eq!(
        (
            &facts["event"],
            &facts["terminal"]["serial_number"],
            &facts["customer"]["company_name"]
        ),
        (&json!("raised"), &json!("TC-200-001"), &json!("ABC"))
    );
    deliver(&world, 60).await;
    assert_eq!(world.sent().len(), 1, "once");
    let listed = world.get("/notification-channels").by("operator").send().await.ok(200);
    let states: Vec<_> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["state"]["status"])
        .collect();
    assert_eq!(states, ["unused", "unused", "ok"]);

    // At night its end is told to those who want it, in their language and time.
    world.advance(4 * 3_600);
    world.tick().await;
    world.beat(&agent, json!({ "status": "online" })).send().await.ok(200);
    deliver(&world, 6).await;
    let sent = world.sent();
    let last = &sent.last().unwrap().1;
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert_eq!(
        last.subject,
        "TMS: [HIGH] TC-200-001: カードリーダーがエラーを報告しています(解消)"
    );
    assert!(
        last.text.contains(" | ABC, Shinjuku Store | 2026-01-24 23:01 JST"),
        "{}",
        last.text
    );
}

#[tokio::test]
async fn a_topic_is_told() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let made = create(&world, &json!({ "name": "topic", "sns": { "topic_arn": TOPIC } })).await;
    assert_eq!(
        (&made["kind"], &made["sns"]["topic_arn"]),
        (&json!("sns"), &json!(TOPIC))
    );
    let path = format!("/notification-channels/{}", made["id"]);
    let other = TOPIC.replace("alerts", "others.fifo");
    let change = json!({ "sns": { "topic_arn": other } });
    let changed = world.patch(&path, &change).by("admin").if_match("*").send().await;
    assert_eq!(changed.ok(200)["sns"]["topic_arn"], other);
    let agent = world.agent(customer, "TC-200-001").await;
    world.beat(&agent, json!({ "status": "error" })).send().await.ok(200);
    deliver(&world, 6).await;
    let sent = world.sent();
    assert_eq!((sent.len(), sent[0].0.as_str()), (1, other.as_str()));
}

#[tokio::test]
async fn many_alerts_become_one_message() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    create(&world, &hook("all")).await;
    for n in 0..25 {
        let agent = world.agent(customer, &format!("TC-200-{n:03}")).await;
        world.beat(&agent, json!({ "status": "error" })).send().await.ok(200);
        if n % 10 == 0 {
            world.tick().await;
        }
    }
    deliver(&world, 6).await;
    let sent = world.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1.subject, "TMS: 25 alerts: 25 HIGH");
    assert_eq!(sent[0].1.facts["alerts"].as_array().unwrap().len(), 25);
    assert!(sent[0].1.text.ends_with("... and 5 more\n"), "{}", sent[0].1.text);
}

#[tokio::test]
async fn a_channel_that_fails_is_shown_and_tried_again() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let path = format!("/notification-channels/{}", create(&world, &hook("all")).await["id"]);
    let agent = world.agent(customer, "TC-200-001").await;
    world.fail_sending(Some("the other side answered 500"));
    world.beat(&agent, json!({ "status": "error" })).send().await.ok(200);
    deliver(&world, 6).await;
    let state = async || world.get(&path).by("operator").send().await.ok(200)["state"].clone();
    let failing = state().await;
    assert_eq!(
        (&failing["status"], &failing["failures"], &failing["queued"]),
        (&json!("failing"), &json!(1), &json!(1))
    );
    assert_eq!(failing["last_error"], "the other side answered 500");
    let ready = world.get("/health/ready").send().await.ok(200);
    assert_eq!(ready["dependencies"][1]["name"], "notifications");
    assert_eq!(
        ready["dependencies"][1]["problems"],
        json!(["1 of 1 channels failed the last time"])
    );
    deliver(&world, 9).await;
    assert_eq!(state().await["failures"], 1, "it rests for ten seconds");
    deliver(&world, 2).await;
    assert_eq!(state().await["failures"], 2);

    // Another alert waits with it; what was tried is told again as it was, under its id.
    let tried: Vec<_> = world.tried();
    let other = world.agent(customer, "TC-200-002").await;
    world.beat(&other, json!({ "status": "error" })).send().await.ok(200);
    world.fail_sending(None);
    deliver(&world, 21).await;
    let sent = world.sent();
    assert_eq!(sent.len(), 1);
    assert!(
        tried.iter().all(|id| *id == sent[0].1.id),
        "a repetition is known by its id"
    );
    assert_eq!(sent[0].1.facts["count"], 1);
    deliver(&world, 11).await;
    assert_eq!(world.sent().len(), 2);
    assert_eq!(
        (&state().await["status"], &state().await["queued"]),
        (&json!("ok"), &json!(0))
    );
}

#[tokio::test]
async fn a_message_that_nobody_takes_is_given_up_in_the_end() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let path = format!("/notification-channels/{}", create(&world, &hook("all")).await["id"]);
    let agent = world.agent(customer, "TC-200-001").await;
    world.fail_sending(Some("no"));
    world.beat(&agent, json!({ "status": "error" })).send().await.ok(200);
    deliver(&world, 6).await;
    world.fail_sending(None);
    world.advance(90_000);
    world.tick().await;
    let login = json!({ "username": "admin-san", "password": crate::world::PASSWORD });
    let token = world.post("/auth/login", &login).send().await.ok(200)["access_token"].clone();
    let shown = world.get(&path).token(token.as_str().unwrap()).send().await.ok(200);
    assert_eq!(shown["state"]["queued"], 0, "{shown}");
    assert_eq!(world.sent(), []);
}

#[tokio::test]
async fn a_test_says_whether_it_works() {
    let world = World::new().await;
    let path = format!("/notification-channels/{}", create(&world, &mail()).await["id"]);
    let test = async || {
        let call = world.call("POST", &format!("{path}/test")).by("admin");
        call.send().await.ok(200)
    };
    assert_eq!(test().await, json!({ "status": "sent", "error": null }));
    assert_eq!(world.sent()[0].0, "night@example.com");
    world.fail_sending(Some("535 wrong password"));
    assert_eq!(
        test().await,
        json!({ "status": "failed", "error": "535 wrong password" })
    );
    let shown = world.get(&path).by("operator").send().await.ok(200);
    assert_eq!(
        (&shown["state"]["status"], &shown["state"]["last_error"]),
        (&json!("failing"), &json!("535 wrong password"))
    );
    let call = world.call("POST", &format!("{path}/test")).by("operator");
    call.send().await.problem(403, "AUTH_003");
}

#[tokio::test]
async fn a_channel_is_not_told_of_what_is_another_customers_now() {
    let world = World::new().await;
    let (former, next) = (world.customer("ABC").await, world.customer("XYZ").await);
    let channel = |name: &str, customers: Value| {
        let mut body = hook(name);
        body["routing"] = json!({ "customer_ids": customers });
        body
    };
    create(&world, &channel("of the former", json!([former]))).await;
    let agent = world.agent(former, "TC-200-001").await;
    let give = async |customer: i64, store: &str| {
        let path = format!("/terminals/{}", agent.id);
        let body = json!({ "customer_id": customer, "store_name": store });
        world.patch(&path, &body).by("admin").if_match("*").send().await.ok(200);
    };
    let beat = async |status: &str| world.beat(&agent, json!({ "status": status })).send().await.ok(200);
    // The alert is open when the terminal goes, and takes it along.
    beat("error").await;
    world.tick().await;
    give(next, "Secret Store").await;
    deliver(&world, 60).await;
    assert_eq!(world.sent(), []);
    beat("online").await;
    deliver(&world, 60).await;
    assert_eq!(world.sent(), []);
    // The alert is over when the terminal goes, and stays with whose it was: without what is another's.
    give(former, "Shinjuku Store").await;
    beat("error").await;
    world.tick().await;
    beat("online").await;
    world.tick().await;
    give(next, "Secret Store").await;
    deliver(&world, 60).await;
    let sent = world.sent();
    assert!(!sent.is_empty());
    for (_, letter) in sent {
        let said = format!("{} {} {}", letter.subject, letter.text, letter.facts);
        assert!(!said.contains("Secret") && !said.contains("XYZ"), "{said}");
    }
}
