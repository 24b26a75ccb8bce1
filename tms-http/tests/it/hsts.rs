//! `Strict-Transport-Security`: said over TLS, never over plain HTTP, and only when it is wanted.

use std::{net::SocketAddr, time::Duration};

use axum::{body::Body, extract::ConnectInfo};
use http::Request;
use tms_http::OverTls;
use tower::ServiceExt;

use crate::world::World;

const PAGES: [&str; 5] = [
    "/login",
    "/terminals",
    "/api/v1/openapi.json",
    "/api/v1/nothing",
    "/health/",
];

async fn world(hsts: Option<Duration>) -> World {
    World::with(|settings| {
        settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        settings.hsts = hsts;
    })
    .await
}

/// Returns what an answer says to a request from this peer.
async fn said(world: &World, peer: &str, path: &str, proto: Option<&str>) -> Option<String> {
    let mut request = Request::get(path);
    if let Some(proto) = proto {
        request = request.header("x-forwarded-proto", proto);
    }
    let mut request = request.body(Body::empty()).unwrap();
    let peer: SocketAddr = format!("{peer}:4711").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    header(world, request).await
}

async fn header(world: &World, request: Request<Body>) -> Option<String> {
    let answer = world.router.clone().oneshot(request).await.unwrap();
    let line = answer.headers().get("strict-transport-security")?;
    Some(line.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn it_is_said_over_tls_and_never_over_plain_http() {
    let world = world(Some(Duration::from_secs(31_536_000))).await;
    for path in PAGES {
        let over = said(&world, "10.1.1.1", path, Some("https")).await;
        assert_eq!(over.as_deref(), Some("max-age=31536000"), "{path}");
        assert_eq!(said(&world, "10.1.1.1", path, Some("http")).await, None, "{path}");
        assert_eq!(said(&world, "10.1.1.1", path, None).await, None, "{path}");
        assert_eq!(
            said(&world, "198.51.100.7", path, Some("https")).await,
            None,
            "{path}: a stranger's word is not taken"
        );
    }
    let mut own = Request::get("/login").body(Body::empty()).unwrap();
    own.extensions_mut().insert(OverTls);
    assert_eq!(header(&world, own).await.as_deref(), Some("max-age=31536000"));
}

#[tokio::test]
async fn it_is_not_said_unless_it_is_wanted() {
    let world = world(None).await;
    for path in PAGES {
        assert_eq!(said(&world, "10.1.1.1", path, Some("https")).await, None, "{path}");
    }
}
