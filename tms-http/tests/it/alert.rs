//! Alerts: listed, read, answered.

use serde_json::json;

use crate::world::{Agent, World};

/// A world with one open alert: the reader of `TC-200-001` reports error 17.
async fn troubled() -> (World, Agent, String) {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let broken = json!({ "device": { "state": "error", "error_code": 17 } });
    world.beat(&agent, broken).send().await.ok(200);
    world.tick().await;
    let path = format!("/alerts/{}", world.first("/alerts").await);
    (world, agent, path)
}

#[tokio::test]
async fn an_alert_is_acknowledged_then_resolved_for_good() {
    let (world, _, path) = troubled().await;
    let listed = world.get("/alerts?is_resolved=false").by("viewer").send().await.ok(200);
    assert_eq!(listed["meta"]["total"], 1);
    let alert = &listed["data"][0];
    assert_eq!(alert["message"], "The card reader reports error 17.");
    let read = world.get(&path).by("viewer").send().await;
    let tag = read.header("etag").to_owned();
    assert_eq!(&read.ok(200), alert);
    let seen = world
        .patch(&path, &json!({ "is_acknowledged": true }))
        .by("support")
        .send()
        .await;
    assert_ne!(seen.header("etag"), tag);
    assert_eq!(seen.ok(200)["status"], "acknowledged");
    let end = json!({ "is_resolved": true, "resolution_notes": "cable replaced" });
    let ended = world.patch(&path, &end).by("support").send().await.ok(200);
    let expected = json!({ "id": alert["id"], "status": "resolved", "resolved_at": "2026-01-24T10:00:00Z", "resolved_by": "support-san" });
    assert_eq!(ended, expected);
    let read = world.get(&path).by("viewer").send().await.ok(200);
    assert_eq!(read["resolution"], "operator");
    assert_eq!(read["resolution_notes"], "cable replaced");
    assert_eq!(read["acknowledged_by"], "support-san");
    world
        .patch(&path, &end)
        .by("support")
        .send()
        .await
        .problem(409, "VAL_002");
}

#[tokio::test]
async fn an_alert_that_changed_since_it_was_seen_is_not_answered() {
    let (world, _, path) = troubled().await;
    let tag = world.get(&path).by("viewer").send().await.header("etag").to_owned();
    let answer = |body: &serde_json::Value, tag: &str| world.patch(&path, body).by("support").if_match(tag).send();
    let (seen, over) = (json!({ "is_acknowledged": true }), json!({ "is_resolved": true }));
    let next = answer(&seen, &tag).await;
    next.ok(200);
    for stale in [&*tag, "\"c1\"", "W/\"r1\""] {
        answer(&over, stale).await.problem(412, "PRE_001");
    }
    assert_eq!(
        world.get(&path).by("viewer").send().await.ok(200)["state"],
        "acknowledged"
    );
    answer(&over, next.header("etag")).await.ok(200);
    // What the request asks for comes first: another has resolved it, and the caller has not seen that.
    answer(&over, &tag).await.problem(412, "PRE_001");
    answer(&over, "*").await.problem(409, "VAL_002");
}

#[tokio::test]
async fn answers_are_checked() {
    let (world, _, path) = troubled().await;
    for (body, field) in [
        (json!({}), "is_acknowledged"),
        (json!({ "is_resolved": false }), "is_resolved"),
        (
            json!({ "is_acknowledged": true, "resolution_notes": "x" }),
            "resolution_notes",
        ),
        (
            json!({ "is_resolved": true, "resolution_notes": "x\u{7}" }),
            "resolution_notes",
        ),
        (
            json!({ "is_resolved": true, "resolution_notes": "x".repeat(2_001) }),
            "resolution_notes",
        ),
        (json!({ "is_resolved": "yes" }), "is_resolved"),
        (json!({ "severity": "LOW" }), "severity"),
    ] {
        world
            .patch(&path, &body)
            .by("support")
            .send()
            .await
            .wrong_fields(&[field]);
    }
    world
        .patch("/alerts/999", &json!({ "is_resolved": true }))
        .by("support")
        .send()
        .await
        .problem(404, "RES_001");
    world
        .get("/alerts/999")
        .by("viewer")
        .send()
        .await
        .problem(404, "RES_001");
}

#[tokio::test]
async fn filters_select() {
    let (world, agent, _) = troubled().await;
    for (query, found) in [
        ("severity=HIGH&alert_type=device_error", 1),
        ("severity=LOW", 0),
        (&*format!("terminal_id={}", agent.id), 1),
        (&*format!("customer_id={}", world.first("/customers").await), 1),
        ("terminal_id=999", 0),
        ("from_date=2026-01-24&to_date=2026-01-24", 1),
        ("to_date=2026-01-23", 0),
        ("from_date=2026-01-24T10:00:01Z", 0),
        // A date is a day of the zone of reports: ten o'clock UTC is the evening of the same day in Tokyo.
        ("from_date=2026-01-23T15:00:00Z&to_date=2026-01-24T15:00:00Z", 1),
        ("is_resolved=true", 0),
        ("sort=created_at&order=asc", 1),
    ] {
        let listed = world.get(&format!("/alerts?{query}")).by("viewer").send().await.ok(200);
        assert_eq!(listed["meta"]["total"], found, "{query}");
    }
    for (query, field) in [
        ("severity=bad", "severity"),
        ("alert_type=", ""),
        ("sort=severity", "sort"),
        ("from_date=x", "from_date"),
        ("from_date=2026-01-25&to_date=2026-01-24", "to_date"),
        ("is_resolved=1", "is_resolved"),
        ("colour=red", "colour"),
    ] {
        let answer = world.get(&format!("/alerts?{query}")).by("viewer").send().await;
        if field.is_empty() {
            drop(answer.ok(200))
        } else {
            answer.wrong_fields(&[field])
        }
    }
}

#[tokio::test]
async fn a_date_is_a_day_of_the_zone_of_reports() {
    let (world, ..) = troubled().await;
    let zone = |name: &str| {
        let body = json!({ "reports": { "time_zone": name } });
        world
            .call("PUT", "/settings")
            .json(&body)
            .by("admin")
            .if_match("*")
            .send()
    };
    // Ten o'clock in the morning UTC is midnight of the next day there, and the evening before in Honolulu.
    for (name, day) in [
        ("Pacific/Kiritimati", "2026-01-25"),
        ("Pacific/Honolulu", "2026-01-24"),
        ("Pacific/Pago_Pago", "2026-01-23"),
    ] {
        zone(name).await.ok(200);
        for today in ["2026-01-23", "2026-01-24", "2026-01-25"] {
            let query = format!("from_date={today}&to_date={today}");
            for (path, role) in [("/alerts?", "viewer"), ("/audit?action=customer.create&", "admin")] {
                let list = world.get(&format!("{path}{query}")).by(role).send().await.ok(200);
                assert_eq!(
                    list["meta"]["total"],
                    u32::from(today == day),
                    "{path} {today} in {name}"
                );
            }
        }
    }
}

#[tokio::test]
async fn recovery_resolves_by_itself() {
    let (world, agent, path) = troubled().await;
    world.beat(&agent, json!({})).send().await.ok(200);
    world.tick().await;
    let read = world.get(&path).by("viewer").send().await.ok(200);
    assert_eq!(
        (&read["state"], &read["resolution"], &read["resolved_by"]),
        (&json!("resolved"), &json!("auto"), &json!(null))
    );
}
