//! The router inside another application, under other hosts and paths.

use axum::{Router, body::Body, routing::get};
use http::{Request, StatusCode};
use tms_core::{Tms, testkit::MemoryStore};
use tms_http::HttpSettings;
use tower::ServiceExt;

use crate::world::World;

async fn status(router: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn below_a_path_the_host_keeps_its_own_answers() {
    let tms = Tms::builder(MemoryStore::new().stores()).build();
    let mut settings = HttpSettings::new("key");
    settings.base_path = "/tms".parse().unwrap();
    let ours = tms_http::router(tms, settings);
    let host = Router::new()
        .route("/", get(|| async { "the host" }))
        .merge(ours)
        .fallback(|| async { (StatusCode::NOT_FOUND, "the host's own") });
    assert_eq!(status(&host, "/").await.1, "the host");
    assert_eq!(
        status(&host, "/tms/health/").await,
        (StatusCode::OK, "healthy".to_owned())
    );
    assert_eq!(status(&host, "/nothing").await.1, "the host's own");
    for path in ["/tms/nothing", "/tms/api/v1/nothing", "/tms/api/v1/terminals"] {
        let (status, body) = status(&host, path).await;
        assert!(
            status.is_client_error() && body.starts_with("{\"error\":{"),
            "{path}: {status} {body}"
        );
    }
}

#[tokio::test]
async fn links_begin_with_the_base_path() {
    let world = World::with(|settings| settings.base_path = "/tms".parse().unwrap()).await;
    let listed = world
        .get("http://x/tms/api/v1/customers")
        .by("viewer")
        .send()
        .await
        .ok(200);
    assert_eq!(listed["links"]["first"], "/tms/api/v1/customers?page=1&per_page=20");
}

#[tokio::test]
async fn parts_can_be_left_out() {
    let tms = Tms::builder(MemoryStore::new().stores()).build();
    let mut settings = HttpSettings::new("key");
    settings.api = false;
    let health = tms_http::router(tms.clone(), settings);
    assert_eq!(status(&health, "/health/").await.0, 200);
    assert_eq!(status(&health, "/api/v1/terminals").await.0, 404);
    let mut settings = HttpSettings::new("key");
    settings.health = false;
    let api = tms_http::router(tms, settings);
    assert_eq!(status(&api, "/health/").await.0, 404);
    assert_eq!(status(&api, "/api/v1/terminals").await.0, 401);
}

#[tokio::test]
async fn only_allowed_hosts_are_served() {
    let world = World::with(|settings| {
        settings.allowed_hosts = vec!["tms.example.com".to_owned(), ".shops.example.com".to_owned()];
    })
    .await;
    for host in ["tms.example.com", "TMS.example.com:8443", "a.shops.example.com"] {
        world
            .get("/summary")
            .by("viewer")
            .header("host", host)
            .send()
            .await
            .ok(200);
    }
    for host in [
        "evil.com",
        "tms.example.com.evil.com",
        "shops.example.com",
        "xshops.example.com",
        "",
    ] {
        world
            .get("/summary")
            .by("viewer")
            .header("host", host)
            .send()
            .await
            .problem(400, "VAL_003");
        world
            .call("POST", "/agent/heartbeat")
            .header("host", host)
            .send()
            .await
            .problem(400, "VAL_003");
    }
    world.get("/summary").by("viewer").send().await.problem(400, "VAL_003");
}
