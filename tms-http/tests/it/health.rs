//! Health, readiness and metrics.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tms_http::{Aid, Drain};

use crate::world::World;

#[tokio::test]
async fn health_says_whether_to_send_requests() {
    let drain = Drain::default();
    let switch = drain.clone();
    let world = World::with(|settings| {
        settings.draining = switch;
        settings.allowed_hosts = vec!["tms.example.com".to_owned()];
    })
    .await;
    let healthy = world.get("/health/").send().await;
    assert_eq!((healthy.status.as_u16(), healthy.text.as_str()), (200, "healthy"));
    assert_eq!(world.get("/health/ready").send().await.ok(200)["status"], "ready");
    world.store.set_unavailable(true);
    assert_eq!(
        world.get("/health/").send().await.status,
        200,
        "it serves, even if it can't do much"
    );
    let away = world.get("/health/ready").send().await;
    assert_eq!(away.header("retry-after"), "1");
    let away = away.ok(503);
    assert_eq!(
        (away["status"].as_str(), away["dependencies"][0]["status"].as_str()),
        (Some("unready"), Some("away"))
    );
    world.store.set_unavailable(false);
    drain.begin();
    assert_eq!(world.get("/health/").send().await.status, 503);
    assert_eq!(world.get("/health/ready").send().await.ok(503)["status"], "draining");
}

#[tokio::test]
async fn a_node_without_an_aid_is_as_ready_as_before_and_says_what_it_lacks() {
    let is_away = Arc::new(AtomicBool::new(false));
    let seen = is_away.clone();
    let world = World::with(|settings| {
        let problem = move || seen.load(Ordering::Relaxed).then(|| "it is on holiday".to_owned());
        settings.aids.push(Aid::new("helper", problem));
    })
    .await;
    for away in [false, true, false] {
        is_away.store(away, Ordering::Relaxed);
        let ready = world.get("/health/ready").send().await.ok(200);
        let dependencies = ready["dependencies"].as_array().unwrap();
        let helper = dependencies.iter().find(|one| one["name"] == "helper").unwrap();
        assert_eq!(ready["status"], "ready");
        assert_eq!(helper["status"], if away { "away" } else { "ok" });
        assert_eq!(helper["problems"][0] == "it is on holiday", away);
    }
}

#[tokio::test]
async fn metrics_need_their_token() {
    let world = World::with(|settings| {
        settings.metrics = Some(Arc::new(|| "up 1\n".to_owned()));
        settings.metrics_token = Some("let me see".to_owned());
    })
    .await;
    world.get("/metrics").send().await.problem(401, "AUTH_002");
    world
        .get("/metrics")
        .token("let me sea")
        .send()
        .await
        .problem(401, "AUTH_002");
    let page = world.get("/metrics").token("let me see").send().await;
    assert_eq!((page.status.as_u16(), page.text.as_str()), (200, "up 1\n"));
    World::new().await.get("/metrics").send().await.problem(404, "RES_001");
}

#[tokio::test]
async fn without_a_token_metrics_are_for_this_machine_only() {
    let world = World::with(|settings| settings.metrics = Some(Arc::new(|| "up 1\n".to_owned()))).await;
    let get = |host: &str, more: Option<(&str, &str)>| {
        let call = world.get("/metrics").header("host", host);
        match more {
            Some((name, value)) => call.header(name, value).send(),
            None => call.send(),
        }
    };
    for host in [
        "localhost",
        "LOCALHOST:8000",
        "127.0.0.1:8000",
        "127.8.8.8",
        "[::1]:8000",
    ] {
        assert_eq!(get(host, None).await.status, 200, "{host}");
    }
    for host in [
        "tms.example.com",
        "10.0.0.7:8000",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "",
    ] {
        get(host, None).await.problem(404, "RES_001");
    }
    for header in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "localhost"),
        ("forwarded", "for=127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("via", "1.1 proxy"),
    ] {
        get("127.0.0.1:8000", Some(header)).await.problem(404, "RES_001");
    }
}
