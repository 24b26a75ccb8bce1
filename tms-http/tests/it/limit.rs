//! Limits per client and the headers that show them.

use serde_json::json;

use crate::world::{PASSWORD, World, register_body};

#[tokio::test]
async fn an_agent_has_a_burst_and_comes_back_later() {
    let world = World::with(|_| {}).await;
    let customer = world.customer("ABC").await;
    let (agent, other) = (
        world.agent(customer, "TC-200-001").await,
        world.agent(customer, "TC-200-002").await,
    );
    for left in (0..30).rev() {
        let answer = world.beat(&agent, json!({})).send().await;
        answer.ok(200);
        assert_eq!(
            (
                answer.header("x-ratelimit-limit"),
                answer.header("x-ratelimit-remaining")
            ),
            ("30", left.to_string().as_str())
        );
    }
    let refused = world.beat(&agent, json!({})).send().await;
    refused.problem(429, "RATE_001");
    assert_eq!(
        (
            refused.header("retry-after"),
            refused.header("x-ratelimit-remaining"),
            refused.header("x-ratelimit-reset")
        ),
        ("1", "0", "15")
    );
    world
        .call("POST", "/agent/token/rotate")
        .token(&agent.token)
        .send()
        .await
        .problem(429, "RATE_001");
    world.beat(&other, json!({})).send().await.ok(200);
    world.advance(1);
    world.tick().await;
    world.beat(&agent, json!({})).send().await.ok(200);
}

#[tokio::test]
async fn enrolments_and_sign_ins_are_limited_per_source() {
    let world = World::with(|_| {}).await;
    for _ in 0..60 {
        world
            .post("/agent/register", &register_body("TC-200-001", "x"))
            .send()
            .await
            .problem(401, "AUTH_001");
    }
    let refused = world
        .post("/agent/register", &register_body("TC-200-001", "x"))
        .send()
        .await;
    refused.problem(429, "RATE_001");
    assert_eq!(refused.header("x-ratelimit-limit"), "60");
    let login = json!({ "username": "viewer-san", "password": PASSWORD });
    for _ in 0..30 {
        world.post("/auth/login", &login).send().await.ok(200);
    }
    world.post("/auth/login", &login).send().await.problem(429, "RATE_001");
}

#[tokio::test]
async fn every_answer_to_a_person_shows_what_is_left() {
    let world = World::with(|_| {}).await;
    for (left, path) in (590..600)
        .rev()
        .zip(["/terminals", "/summary", "/alerts/999", "/terminals?x=1", "/settings"])
    {
        let answer = world.get(path).by("viewer").send().await;
        let shown = (
            answer.header("x-ratelimit-limit"),
            answer.header("x-ratelimit-remaining"),
        );
        assert_eq!(shown, ("600", left.to_string().as_str()), "{path}");
        assert_eq!(answer.header("x-ratelimit-reset"), "1");
    }
    for _ in 0..595 {
        assert_eq!(world.get("/auth/me").by("viewer").send().await.status, 200);
    }
    let refused = world.get("/auth/me").by("viewer").send().await;
    refused.problem(429, "RATE_001");
    assert_eq!(
        (refused.header("retry-after"), refused.header("x-ratelimit-remaining")),
        ("1", "0")
    );
    world.get("/auth/me").by("admin").send().await.ok(200);
    world.advance(1);
    world.get("/auth/me").by("viewer").send().await.ok(200);
}

#[tokio::test]
async fn strangers_are_limited_per_source() {
    let world = World::with(|_| {}).await;
    for left in (0..60).rev() {
        let answer = world.get("/terminals").token("tms_at_x").send().await;
        answer.problem(401, "AUTH_002");
        assert_eq!(answer.header("x-ratelimit-remaining"), left.to_string());
    }
    world.get("/terminals").send().await.problem(429, "RATE_001");
    world.get("/terminals").by("viewer").send().await.ok(200);
}

#[tokio::test]
async fn nodes_count_together() {
    let (one, two) = (World::with(|_| {}).await, tms_core::limit::SharedLimits::new(9));
    let login = json!({ "username": "viewer-san", "password": PASSWORD });
    for _ in 0..20 {
        one.post("/auth/login", &login).send().await.ok(200);
    }
    let (store, now) = (one.tms.stores().limits.clone(), one.tms.now());
    one.tms.limits().share(&*store, now).await.unwrap();
    assert_eq!(
        two.sign_ins.take_from(None, now).remaining,
        29,
        "the other node has not heard yet"
    );
    two.share(&*store, now).await.unwrap();
    assert_eq!(two.sign_ins.take_from(None, now).remaining, 8);
}

#[tokio::test]
async fn lifted_limits_show_nothing() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    for _ in 0..40 {
        let answer = world.beat(&agent, json!({})).send().await;
        answer.ok(200);
        assert_eq!(answer.header("x-ratelimit-limit"), "");
    }
}
