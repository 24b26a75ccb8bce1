//! How streams of events begin: who may, and what is refused. What flows through them is tried with real servers.

use crate::{browser::Browser, world::World};

#[tokio::test]
async fn a_stream_is_for_those_who_are_signed_in() {
    let world = World::new().await;
    world.get("/events").send().await.problem(401, "AUTH_002");
    world
        .get("/events")
        .token("tms_ag_x")
        .send()
        .await
        .problem(401, "AUTH_002");
}

#[tokio::test]
async fn a_stream_begins_at_a_position_and_has_known_types() {
    let world = World::new().await;
    let wrong = world.get("/events?types=new_alert,nonsense").by("viewer");
    wrong.send().await.wrong_fields(&["types"]);
    for place in ["x", "1", "-1-2", "1-2-3", "99999999999999999999-1"] {
        let wrong = world.get("/events").by("viewer").header("last-event-id", place);
        wrong.send().await.wrong_fields(&["Last-Event-ID"]);
    }
    let unknown = world.get("/events?type=new_alert").by("viewer");
    unknown.send().await.wrong_fields(&["type"]);
}

#[tokio::test]
async fn a_socket_is_a_handshake_from_our_own_pages() {
    let world = World::new().await;
    world.get("/ws/monitoring").send().await.problem(400, "VAL_003");
    let strange = world
        .get("/ws/monitoring")
        .header("host", "tms.example")
        .header("origin", "https://evil.example");
    strange.send().await.problem(403, "AUTH_003");
}

#[tokio::test]
async fn the_cookie_of_the_console_opens_streams_for_our_own_pages() {
    let world = World::new().await;
    let mut browser = Browser::of(&world, "viewer").await;
    // A wrong type is told to those alone who were let in.
    let path = "/api/v1/events?types=nonsense";
    browser.get(path).await.wrong_fields(&["types"]);
    browser.headers.retain(|(name, _)| *name != "sec-fetch-site");
    browser.headers.push(("sec-fetch-site", "cross-site"));
    browser.get(path).await.problem(403, "AUTH_003");
    browser.headers.pop();
    browser.headers.push(("origin", "https://evil.example"));
    browser.get(path).await.problem(403, "AUTH_003");
    browser.get("/api/v1/ws/monitoring").await.problem(403, "AUTH_003");
    Browser::new(&world).get(path).await.problem(401, "AUTH_002");
}
