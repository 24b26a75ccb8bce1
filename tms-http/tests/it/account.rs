//! One's own account: guesses and devices, proofs, passwords, the second factor, sessions, API tokens.

use serde_json::{Value, json};
use tms_core::{operator::totp::Seed, time::Timestamp};

use crate::world::{Answer, PASSWORD, World};

const NEXT: &str = "another horse battery";

async fn login(world: &World, name: &str, more: Value) -> Answer {
    let mut body = json!({ "username": name, "password": PASSWORD });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.post("/auth/login", &body).send().await
}

async fn access(world: &World, name: &str, more: Value) -> String {
    let pair = login(world, name, more).await.ok(200);
    pair["access_token"].as_str().unwrap().to_owned()
}

async fn wrong_guesses(world: &World, name: &str, count: usize, more: &Value) {
    let mut body = json!({ "username": name, "password": "wrong horse battery" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    for _ in 0..count {
        world.post("/auth/login", &body).send().await.problem(401, "AUTH_001");
    }
}

#[tokio::test]
async fn guesses_of_strangers_do_not_lock_a_known_device_out() {
    let world = World::new().await;
    let first = login(&world, "viewer-san", json!({})).await;
    let cookie = first.header("set-cookie").to_owned();
    for part in [
        "__Host-tms_device=tms_dev_",
        "Path=/",
        "Secure",
        "HttpOnly",
        "SameSite=Strict",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let device = first.ok(200)["device_token"].clone();
    wrong_guesses(&world, "viewer-san", 10, &json!({})).await;
    login(&world, "viewer-san", json!({})).await.problem(429, "RATE_001");
    let known = login(&world, "viewer-san", json!({ "device_token": device })).await;
    assert_eq!(
        known.ok(200).get("device_token"),
        None,
        "a known device keeps its token"
    );
    let body = json!({ "username": "viewer-san", "password": PASSWORD });
    let pair = cookie.split(';').next().unwrap();
    world
        .post("/auth/login", &body)
        .header("cookie", pair)
        .send()
        .await
        .ok(200);
    // The device of one person is nothing to another, and has a budget itself.
    wrong_guesses(&world, "support-san", 10, &json!({})).await;
    let other = login(&world, "support-san", json!({ "device_token": device })).await;
    other.problem(429, "RATE_001");
    wrong_guesses(&world, "viewer-san", 10, &json!({ "device_token": device })).await;
    let full = login(&world, "viewer-san", json!({ "device_token": device })).await;
    full.problem(429, "RATE_001");
    assert_eq!(full.header("retry-after"), "1800");
    world.advance(1_800);
    login(&world, "viewer-san", json!({})).await.ok(200);
}

#[tokio::test]
async fn a_wrong_guess_changes_nothing_and_a_right_one_forgives() {
    let world = World::new().await;
    for _ in 0..3 {
        wrong_guesses(&world, "viewer-san", 9, &json!({})).await;
        login(&world, "viewer-san", json!({})).await.ok(200);
    }
    let nobody = json!({ "username": "x".repeat(5_000), "password": "y".repeat(5_000) });
    world.post("/auth/login", &nobody).send().await.problem(401, "AUTH_001");
}

#[tokio::test]
async fn dangerous_acts_ask_for_a_fresh_proof() {
    let world = World::new().await;
    let token = access(&world, "admin-san", json!({})).await;
    let body = json!({ "name": "x", "scopes": ["terminal.read"] });
    let person = json!({ "username": "new-san", "role": "viewer" });
    let acts = [
        ("POST", "/auth/tokens", &body),
        ("POST", "/users", &person),
        ("POST", "/auth/mfa/setup", &body),
    ];
    world.advance(600);
    for (method, path, body) in acts {
        let answer = world.call(method, path).json(body).token(&token).send().await;
        let error = answer.problem(401, "AUTH_004");
        assert!(error["details"].as_str().unwrap().contains("confirm"), "{error}");
    }
    let settings = world
        .call("PUT", "/settings")
        .json(&json!({}))
        .if_match("*")
        .token(&token)
        .send()
        .await;
    settings.problem(401, "AUTH_004");
    world.get("/users").token(&token).send().await.ok(200);
    let prove = |body: Value| world.post("/auth/confirm", &body).token(&token).send();
    prove(json!({ "password": "wrong horse battery" }))
        .await
        .problem(401, "AUTH_001");
    prove(json!({ "mfa_code": "123456" })).await.problem(401, "AUTH_001");
    prove(json!({})).await.wrong_fields(&["password"]);
    prove(json!({ "password": PASSWORD, "mfa_code": "1" }))
        .await
        .wrong_fields(&["mfa_code"]);
    prove(json!({ "password": PASSWORD })).await.ok(204);
    world.post("/users", &person).token(&token).send().await.ok(201);
    world.post("/auth/tokens", &body).token(&token).send().await.ok(201);
    for _ in 0..10 {
        prove(json!({ "password": "wrong horse battery" }))
            .await
            .problem(401, "AUTH_001");
    }
    prove(json!({ "password": PASSWORD })).await.problem(429, "RATE_001");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let world = World::new().await;
    let (one, two) = (
        access(&world, "viewer-san", json!({})).await,
        access(&world, "viewer-san", json!({})).await,
    );
    let change = |current: &str, new: &str| {
        let body = json!({ "current_password": current, "new_password": new });
        world.post("/auth/password", &body).token(&one)
    };
    change("wrong horse battery", NEXT)
        .send()
        .await
        .problem(401, "AUTH_001");
    for weak in ["short", "password1234", "viewer-san-2026", PASSWORD] {
        change(PASSWORD, weak).send().await.wrong_fields(&["new_password"]);
    }
    change(PASSWORD, NEXT).send().await.ok(204);
    world.get("/auth/me").token(&one).send().await.ok(200);
    world.get("/auth/me").token(&two).send().await.problem(401, "AUTH_002");
    login(&world, "viewer-san", json!({})).await.problem(401, "AUTH_001");
    login(&world, "viewer-san", json!({ "password": NEXT })).await.ok(200);
}

#[tokio::test]
async fn a_password_link_is_good_once_and_for_three_days() {
    let world = World::new().await;
    let created = json!({ "username": "new-san", "role": "viewer" });
    let made = world.post("/users", &created).by("admin").send().await.ok(201);
    assert_eq!(made["has_password"], false);
    login(&world, "new-san", json!({})).await.problem(401, "AUTH_001");
    let set = |token: &Value, password: &str| {
        let body = json!({ "token": token, "new_password": password });
        world.post("/auth/password/reset", &body).send()
    };
    let first = &made["password_link"]["token"];
    set(first, "short").await.wrong_fields(&["new_password"]);
    set(first, PASSWORD).await.ok(204);
    set(first, NEXT).await.problem(401, "AUTH_002");
    let session = access(&world, "new-san", json!({})).await;
    let path = format!("/users/{}/password-reset", made["id"]);
    let reset = async || world.call("POST", &path).by("admin").send().await.ok(201)["token"].clone();
    let (old, new) = (reset().await, reset().await);
    set(&old, NEXT).await.problem(401, "AUTH_002");
    world.get("/auth/me").token(&session).send().await.ok(200);
    set(&new, NEXT).await.ok(204);
    world
        .get("/auth/me")
        .token(&session)
        .send()
        .await
        .problem(401, "AUTH_002");
    let late = reset().await;
    world.advance(72 * 3_600);
    set(&late, PASSWORD).await.problem(401, "AUTH_002");
    set(&json!("tms_pw_x"), PASSWORD).await.problem(401, "AUTH_002");
    login(&world, "new-san", json!({ "password": NEXT })).await.ok(200);
}

/// Reads the secret that a person would type into an app.
fn seed_of(setup: &Value) -> Seed {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let text = setup["secret"].as_str().unwrap();
    let bit = |letter: char, n: usize| {
        if alphabet.find(letter).unwrap() >> n & 1 == 1 {
            '1'
        } else {
            '0'
        }
    };
    let bits: String = text
        .chars()
        .flat_map(|letter| (0..5).rev().map(move |n| bit(letter, n)))
        .collect();
    let bytes: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect();
    Seed::from_bytes(bytes.try_into().unwrap())
}

async fn set_up(world: &World, token: &str) -> (Seed, Vec<String>) {
    let setup = world.call("POST", "/auth/mfa/setup").token(token).send().await.ok(200);
    assert!(setup["qr_svg"].as_str().unwrap().contains("<svg"));
    let uri = setup["otpauth_uri"].as_str().unwrap();
    assert!(
        uri.starts_with("otpauth://totp/TMS:") && uri.contains(setup["secret"].as_str().unwrap()),
        "{uri}"
    );
    let seed = seed_of(&setup);
    let confirm = |code: String| {
        world
            .post("/auth/mfa/confirm", &json!({ "mfa_code": code }))
            .token(token)
            .send()
    };
    confirm("000000".to_owned()).await.wrong_fields(&["mfa_code"]);
    let codes = confirm(seed.code_at(world.tms.now())).await.ok(200);
    let codes: Vec<String> = serde_json::from_value(codes["recovery_codes"].clone()).unwrap();
    assert_eq!(codes.len(), 10);
    (seed, codes)
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_each_code_counts_once() {
    let world = World::new().await;
    let token = access(&world, "viewer-san", json!({})).await;
    let (seed, codes) = set_up(&world, &token).await;
    assert_eq!(
        world.get("/auth/me").token(&token).send().await.ok(200)["mfa_enabled"],
        true
    );
    world
        .call("POST", "/auth/mfa/setup")
        .token(&token)
        .send()
        .await
        .problem(409, "VAL_002");
    let with = |code: &str| login(&world, "viewer-san", json!({ "mfa_code": code }));
    login(&world, "viewer-san", json!({})).await.problem(401, "AUTH_004");
    with("").await.problem(401, "AUTH_004");
    with(&seed.code_at(world.tms.now())).await.problem(401, "AUTH_001");
    world.advance(60);
    let before = seed.code_at(world.tms.now());
    world.advance(30);
    with("12345").await.problem(401, "AUTH_001");
    with(&before).await.ok(200);
    with(&before).await.problem(401, "AUTH_001");
    let present = seed.code_at(world.tms.now());
    with(&format!("{} {}", &present[..3], &present[3..])).await.ok(200);
    with(&present).await.problem(401, "AUTH_001");
    let wrong = json!({ "password": "wrong horse battery", "mfa_code": present });
    login(&world, "viewer-san", wrong).await.problem(401, "AUTH_001");
    with(&codes[0].to_lowercase()).await.ok(200);
    with(&codes[0]).await.problem(401, "AUTH_001");
    with(&codes[1]).await.ok(200);
    world.advance(60);
    let code = json!({ "mfa_code": seed.code_at(world.tms.now()) });
    world.post("/auth/confirm", &code).token(&token).send().await.ok(204);
    world
        .call("POST", "/auth/mfa/disable")
        .token(&token)
        .send()
        .await
        .ok(204);
    login(&world, "viewer-san", json!({})).await.ok(200);
    let acts: Vec<_> = world
        .store
        .audit_entries()
        .into_iter()
        .map(|entry| (entry.actor, entry.action))
        .collect();
    for act in [
        "second_factor.confirm",
        "second_factor.recover",
        "second_factor.disable",
    ] {
        assert!(
            acts.contains(&("viewer-san".to_owned(), act.to_owned())),
            "{act} in {acts:?}"
        );
    }
}

#[tokio::test]
async fn the_password_alone_gives_no_more_guesses_of_the_code() {
    let world = World::new().await;
    let token = access(&world, "viewer-san", json!({})).await;
    let (seed, _) = set_up(&world, &token).await;
    world.advance(60);
    for n in 0..10 {
        let answer = match n % 2 {
            0 => login(&world, "viewer-san", json!({})).await,
            _ => login(&world, "viewer-san", json!({ "mfa_code": "000000" })).await,
        };
        answer.problem(401, if n % 2 == 0 { "AUTH_004" } else { "AUTH_001" });
    }
    let right = json!({ "mfa_code": seed.code_at(world.tms.now()) });
    login(&world, "viewer-san", right).await.problem(429, "RATE_001");
}

#[tokio::test]
async fn a_role_that_needs_a_second_factor_can_do_nothing_without() {
    let world = World::new().await;
    let program = json!({ "name": "x", "scopes": ["terminal.read"] });
    let program = world.post("/auth/tokens", &program).by("support").send().await.ok(201);
    let policy = json!({ "security": { "second_factor_roles": ["support"], "step_up_minutes": 10 } });
    world
        .call("PUT", "/settings")
        .json(&policy)
        .by("admin")
        .if_match("*")
        .send()
        .await
        .ok(200);
    let pair = login(&world, "support-san", json!({})).await.ok(200);
    assert_eq!(pair["user"]["mfa_setup_required"], true);
    let token = pair["access_token"].as_str().unwrap();
    for held in [token, program["token"].as_str().unwrap()] {
        world
            .get("/terminals")
            .token(held)
            .send()
            .await
            .problem(401, "AUTH_004");
    }
    world.get("/auth/me").token(token).send().await.ok(200);
    let denied = world.post("/auth/tokens", &json!({ "name": "x", "scopes": ["terminal.read"] }));
    denied.token(token).send().await.problem(401, "AUTH_004");
    set_up(&world, token).await;
    world.get("/terminals").token(token).send().await.ok(200);
    world
        .get("/terminals")
        .token(program["token"].as_str().unwrap())
        .send()
        .await
        .ok(200);
    world.get("/terminals").by("viewer").send().await.ok(200);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner() {
    let world = World::new().await;
    let token = access(&world, "viewer-san", json!({})).await;
    let list = world.get("/auth/sessions").token(&token).send().await.ok(200);
    assert_eq!(list["meta"]["total"], 2);
    let current: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["is_current"].clone())
        .collect();
    assert_eq!(current, [true, false], "newest first");
    let own = format!("/auth/sessions/{}", list["data"][0]["id"]);
    let other = format!("/auth/sessions/{}", list["data"][1]["id"]);
    for (path, row) in [(&own, &list["data"][0]), (&other, &list["data"][1])] {
        let read = world.get(path).token(&token).send().await;
        assert!(read.header("etag").starts_with("\"c"), "{:?}", read.headers);
        assert_eq!(&read.ok(200), row);
        world.get(path).by("admin").send().await.problem(404, "RES_001");
    }
    world
        .call("DELETE", &other)
        .by("support")
        .send()
        .await
        .problem(404, "RES_001");
    world.call("DELETE", &other).token(&token).send().await.ok(204);
    world.get(&other).token(&token).send().await.problem(404, "RES_001");
    world
        .call("DELETE", &other)
        .token(&token)
        .send()
        .await
        .problem(404, "RES_001");
    world.get("/auth/me").by("viewer").send().await.problem(401, "AUTH_002");
    let third = access(&world, "viewer-san", json!({})).await;
    world
        .call("DELETE", "/auth/sessions")
        .token(&token)
        .send()
        .await
        .ok(204);
    world
        .get("/auth/me")
        .token(&third)
        .send()
        .await
        .problem(401, "AUTH_002");
    world.get("/auth/me").token(&token).send().await.ok(200);
    world.get("/auth/me").by("support").send().await.ok(200);
}

#[tokio::test]
async fn an_api_token_has_a_part_of_its_owners_rights() {
    let world = World::new().await;
    let ask = |body: Value| world.post("/auth/tokens", &body).by("operator").send();
    ask(json!({ "name": "", "scopes": [] }))
        .await
        .wrong_fields(&["name", "scopes"]);
    ask(json!({ "name": "x", "scopes": ["everything"] }))
        .await
        .wrong_fields(&["scopes"]);
    ask(json!({ "name": "x", "scopes": ["user.read"] }))
        .await
        .wrong_fields(&["scopes"]);
    ask(json!({ "name": "x", "scopes": ["user.write"] }))
        .await
        .wrong_fields(&["scopes"]);
    let day = |text: &str| json!({ "name": "x", "scopes": ["alert.read"], "expires_at": text });
    for bad in ["2026-01-24T10:00:00Z", "2027-01-26T10:00:00Z", "tomorrow"] {
        ask(day(bad)).await.wrong_fields(&["expires_at"]);
    }
    let answer = ask(json!({ "name": "nagios", "scopes": ["terminal.read", "customer.write"] })).await;
    let (location, made) = (answer.location(), answer.ok(201));
    let token = made["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("tms_pat_"));
    assert_eq!(made["expires_at"], "2026-04-24T10:00:00Z");
    world.get("/terminals").token(&token).send().await.ok(200);
    world.get("/alerts").token(&token).send().await.problem(403, "AUTH_003");
    let customer = json!({ "company_name": "ABC" });
    world.post("/customers", &customer).token(&token).send().await.ok(201);
    // What is one's own account's is not a program's.
    for (method, path) in [
        ("GET", "/auth/tokens"),
        ("POST", "/auth/tokens"),
        ("GET", "/auth/sessions"),
        ("DELETE", "/auth/sessions"),
        ("POST", "/auth/logout"),
        ("POST", "/auth/mfa/setup"),
        ("POST", "/auth/mfa/disable"),
    ] {
        let answer = world.call(method, path).json(&json!({})).token(&token).send().await;
        answer.problem(403, "AUTH_003");
    }
    let shown = world.get(&location).by("operator").send().await.ok(200);
    assert_eq!(
        (&shown["last_used_at"], shown.get("token")),
        (&json!("2026-01-24T10:00:00Z"), None)
    );
    world.get(&location).by("admin").send().await.problem(404, "RES_001");
    world
        .call("DELETE", &location)
        .by("admin")
        .send()
        .await
        .problem(404, "RES_001");
    world.call("DELETE", &location).by("operator").send().await.ok(204);
    world
        .get("/terminals")
        .token(&token)
        .send()
        .await
        .problem(401, "AUTH_002");
}

#[tokio::test]
async fn an_api_token_ends_with_its_day_its_owner_and_their_rights() {
    let world = World::new().await;
    let body = json!({ "name": "x", "scopes": ["customer.write"], "expires_at": "2026-01-24T10:05:00Z" });
    let by = async |role: &str| {
        let made = world.post("/auth/tokens", &body).by(role).send().await.ok(201);
        made["token"].as_str().unwrap().to_owned()
    };
    let (operator, admin) = (by("operator").await, by("admin").await);
    let works = async |token: &str, name: &str| {
        let body = json!({ "company_name": name });
        world.post("/customers", &body).token(token).send().await
    };
    works(&operator, "A").await.ok(201);
    let id = world.first("/users?search=operator-san").await;
    let change = async |body: Value| {
        let path = format!("/users/{id}");
        world.patch(&path, &body).by("admin").if_match("*").send().await.ok(200)
    };
    change(json!({ "role": "viewer" })).await;
    works(&operator, "B").await.problem(403, "AUTH_003");
    change(json!({ "role": "operator", "is_disabled": true })).await;
    works(&operator, "B").await.problem(401, "AUTH_002");
    change(json!({ "is_disabled": false })).await;
    works(&operator, "B").await.problem(401, "AUTH_002");
    works(&admin, "B").await.ok(201);
    world.advance(300);
    works(&admin, "C").await.problem(401, "AUTH_002");
    let now: Timestamp = "2026-01-24T10:05:00Z".parse().unwrap();
    assert_eq!(world.tms.now(), now);
}
