//! How streams of events begin: who may, and what is refused. What flows through them is tried with real servers.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tms_http::ServeSettings;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

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

/// Reads until a message of this type comes, answering pings; returns how many those were.
async fn heard(socket: &mut WebSocketStream<TcpStream>, kind: &str) -> usize {
    let mut pings = 0;
    loop {
        match socket.next().await.expect("the socket is open").unwrap() {
            Message::Ping(_) => pings += 1,
            Message::Text(text) => {
                let said: Value = serde_json::from_str(&text).unwrap();
                if said["type"] == kind {
                    return pings;
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn who_only_listens_in_a_busy_fleet_is_kept() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let serving = tms_http::serve(
        listener,
        world.router.clone(),
        ServeSettings::default(),
        std::future::pending(),
    );
    tokio::spawn(serving);
    let mut request = "ws://tms.example/api/v1/ws/monitoring".into_client_request().unwrap();
    let token = format!("Bearer {}", world.token("viewer")).parse().unwrap();
    request.headers_mut().insert("authorization", token);
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    let subscribe = json!({ "type": "subscribe", "channels": ["terminal_status_change"] });
    socket.send(Message::text(subscribe.to_string())).await.unwrap();
    heard(&mut socket, "subscribed").await;
    let mut pings = 0;
    for n in 0..24 {
        tokio::time::advance(Duration::from_secs(5)).await;
        world.advance(5);
        let device = if n % 2 == 0 { "absent" } else { "ok" };
        let beat = world.beat(&agent, json!({ "device": { "state": device } }));
        beat.send().await.ok(200);
        world.tms.live().nudge();
        pings += heard(&mut socket, "terminal_status_change").await;
    }
    assert!(pings >= 6, "asked {pings} times in two minutes");
}
