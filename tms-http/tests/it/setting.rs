//! Settings: read and replaced as one document.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn settings_are_replaced_as_a_whole() {
    let world = World::new().await;
    let read = world.get("/settings").by("operator").send().await;
    let tag = read.header("etag").to_owned();
    let mut document = read.ok(200);
    assert_eq!(document["presence"]["default_interval_s"], 300);
    document["presence"]["default_interval_s"] = json!(60);
    let put = |body: &serde_json::Value| world.call("PUT", "/settings").json(body).by("admin");
    put(&document).send().await.problem(428, "PRE_002");
    let saved = put(&document).if_match(&tag).send().await;
    assert_ne!(saved.header("etag"), tag);
    assert_eq!(saved.ok(200), document);
    put(&document).if_match(&tag).send().await.problem(412, "PRE_001");
    assert_eq!(world.get("/settings").by("operator").send().await.ok(200), document);
    put(&json!({})).if_match("*").send().await.ok(200);
    assert_eq!(
        world.get("/settings").by("admin").send().await.ok(200)["presence"]["default_interval_s"],
        300
    );
}

#[tokio::test]
async fn wrong_settings_are_refused() {
    let world = World::new().await;
    for (body, field) in [
        (
            json!({ "presence": { "default_interval_s": 0 } }),
            "presence.default_interval_s",
        ),
        (
            json!({ "presence": { "default_interval_s": "x" } }),
            "presence.default_interval_s",
        ),
        (json!({ "presence": 7 }), "presence"),
        (json!({ "reports": { "time_zone": "Mars" } }), "reports.time_zone"),
        (
            json!({ "security": { "second_factor_roles": ["root"] } }),
            "security.second_factor_roles",
        ),
        (
            json!({ "rules": [{ "cause": "flood", "is_enabled": true, "severity": "LOW" }] }),
            "rules[0].cause",
        ),
        (json!({ "presence": { "interval": 1 } }), "presence.interval"),
        (json!({ "colour": "red" }), "colour"),
        (
            json!({ "rules": [{ "cause": "offline", "is_enabled": true, "severity": "LOW", "threshold": null, "x": 1 }] }),
            "rules[0].x",
        ),
        (json!({ "rules": 7 }), "rules"),
    ] {
        let answer = world
            .call("PUT", "/settings")
            .json(&body)
            .by("admin")
            .if_match("*")
            .send()
            .await;
        answer.wrong_fields(&[field]);
    }
    let body = json!({ "presence": { "lost_grace_s": 99_999, "interval": 1 }, "reports": { "time_zone": 7 } });
    let put = world.call("PUT", "/settings").json(&body).by("admin").if_match("*");
    put.send()
        .await
        .wrong_fields(&["presence.interval", "reports.time_zone"]);
    let body = json!({ "presence": { "lost_grace_s": 99_999, "interval": 1 } });
    let put = world.call("PUT", "/settings").json(&body).by("admin").if_match("*");
    put.send()
        .await
        .wrong_fields(&["presence.interval", "presence.lost_grace_s"]);
}
