//! How streams of events begin: who may, and what is refused. What flows through them is tried with real servers.

use crate::world::World;

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
