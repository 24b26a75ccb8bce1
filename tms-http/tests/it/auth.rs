//! Sign-in, refresh, sign-out.

use serde_json::json;

use crate::world::{PASSWORD, World};

#[tokio::test]
async fn signing_in_gives_a_pair_that_works_and_rotates() {
    let world = World::new().await;
    let login = json!({ "username": " Viewer-San ", "password": PASSWORD });
    let pair = world.post("/auth/login", &login).send().await.ok(200);
    assert_eq!(pair["token_type"], "Bearer");
    assert_eq!(pair["expires_in"], 900);
    assert_eq!(
        pair["user"],
        json!({ "id": pair["user"]["id"], "username": "viewer-san", "full_name": "The viewer", "role": "viewer", "email": "viewer@example.com",
            "customer_id": null, "mfa_enabled": false, "mfa_setup_required": false })
    );
    let access = pair["access_token"].as_str().unwrap();
    assert_eq!(world.get("/auth/me").token(access).send().await.ok(200), pair["user"]);
    let refresh = json!({ "refresh_token": pair["refresh_token"] });
    let next = world.post("/auth/refresh", &refresh).send().await.ok(200);
    assert_ne!(next["access_token"], pair["access_token"]);
    world.advance(6);
    world
        .post("/auth/refresh", &refresh)
        .send()
        .await
        .problem(401, "AUTH_002");
    let stolen = next["access_token"].as_str().unwrap();
    world
        .get("/auth/me")
        .token(stolen)
        .send()
        .await
        .problem(401, "AUTH_002");
}

#[tokio::test]
async fn whoever_shows_a_refresh_token_at_once_gets_the_same_pair() {
    let world = World::new().await;
    let login = json!({ "username": "viewer-san", "password": PASSWORD });
    let pair = world.post("/auth/login", &login).send().await.ok(200);
    let shown = json!({ "refresh_token": pair["refresh_token"] });
    let ask = || async { world.post("/auth/refresh", &shown).send().await.ok(200) };
    let answers = futures::future::join_all((0..20).map(|_| ask())).await;
    let second = &answers[0];
    for answer in &answers {
        assert_eq!(answer["refresh_token"], second["refresh_token"]);
        assert_eq!(answer["access_token"], second["access_token"]);
    }
    // As does who comes within the grace, and nobody ends anybody's session.
    world.advance(5);
    assert_eq!(ask().await["access_token"], second["access_token"]);
    world.advance(600);
    let next = json!({ "refresh_token": second["refresh_token"] });
    let third = world.post("/auth/refresh", &next).send().await.ok(200);
    assert_ne!(third["access_token"], second["access_token"]);
    let access = third["access_token"].as_str().unwrap();
    world.get("/auth/me").token(access).send().await.ok(200);
}

#[tokio::test]
async fn every_wrong_sign_in_looks_alike() {
    let world = World::new().await;
    for (name, password) in [
        ("viewer-san", "wrong horse battery"),
        ("nobody", PASSWORD),
        ("", ""),
        ("viewer-san", ""),
    ] {
        let login = json!({ "username": name, "password": password });
        let error = world.post("/auth/login", &login).send().await.problem(401, "AUTH_001");
        assert_eq!(error["details"], json!(null));
    }
    world
        .post("/auth/login", &json!({ "username": "x" }))
        .send()
        .await
        .wrong_fields(&["password"]);
    let extra = json!({ "username": "x", "password": "y", "admin": true });
    world.post("/auth/login", &extra).send().await.wrong_fields(&["admin"]);
}

#[tokio::test]
async fn the_eleventh_guess_waits() {
    let world = World::new().await;
    let login = json!({ "username": "admin-san", "password": "wrong horse battery" });
    for _ in 0..10 {
        world.post("/auth/login", &login).send().await.problem(401, "AUTH_001");
    }
    let refused = world.post("/auth/login", &login).send().await;
    refused.problem(429, "RATE_001");
    assert_eq!(refused.header("retry-after"), "1800");
}

#[tokio::test]
async fn signing_out_and_time_end_a_token() {
    let world = World::new().await;
    world.call("POST", "/auth/logout").by("support").send().await.ok(204);
    world
        .get("/auth/me")
        .by("support")
        .send()
        .await
        .problem(401, "AUTH_002");
    world.advance(901);
    world.get("/auth/me").by("viewer").send().await.problem(401, "AUTH_002");
}
