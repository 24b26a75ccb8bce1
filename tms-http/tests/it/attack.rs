//! What an attacker tries who holds something that is not meant for the door, or who writes headers and addresses by hand.

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, header},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::{PASSWORD, World};

/// One live credential of each kind, in the order of [`KINDS`].
struct Held {
    world: World,
    tokens: Vec<(&'static str, String)>,
}

impl Held {
    async fn new() -> Self {
        let world = World::new().await;
        let login = json!({ "username": "operator-san", "password": PASSWORD });
        let pair = world.post("/auth/login", &login).send().await.ok(200);
        let personal = json!({ "name": "x", "scopes": ["terminal.read"] });
        let personal = world
            .post("/auth/tokens", &personal)
            .by("operator")
            .send()
            .await
            .ok(201);
        let person = json!({ "username": "new-san", "role": "viewer" });
        let person = world.post("/users", &person).by("admin").send().await.ok(201);
        let customer = world.customer("ABC").await;
        let agent = world.agent(customer, "TC-200-001").await;
        let code = world.code(customer, json!({})).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let tokens = vec![
            ("access", text(&pair["access_token"])),
            ("refresh", text(&pair["refresh_token"])),
            ("device", text(&pair["device_token"])),
            ("personal", text(&personal["token"])),
            ("password link", text(&person["password_link"]["token"])),
            ("agent", agent.token),
            ("enrolment code", code),
        ];
        Self { world, tokens }
    }

    fn all_but(&self, kinds: &[&str]) -> impl Iterator<Item = &String> {
        let others = self.tokens.iter().filter(move |(kind, _)| !kinds.contains(kind));
        others.map(|(_, token)| token)
    }

    fn the(&self, kind: &str) -> &String {
        &self.tokens.iter().find(|(known, _)| *known == kind).unwrap().1
    }
}

#[tokio::test]
async fn a_token_opens_the_door_of_its_kind_only() {
    let held = Held::new().await;
    let world = &held.world;
    for token in held.all_but(&["access", "personal"]) {
        for path in ["/terminals", "/auth/me", "/events", "/audit"] {
            world.get(path).token(token).send().await.problem(401, "AUTH_002");
        }
    }
    for token in held.all_but(&["agent"]) {
        for path in ["/agent/heartbeat", "/agent/logs", "/agent/token/rotate"] {
            let answer = world.post(path, &json!({})).token(token).send().await;
            answer.problem(401, "AUTH_002");
        }
    }
    for token in held.all_but(&["refresh"]) {
        let body = json!({ "refresh_token": token });
        world.post("/auth/refresh", &body).send().await.problem(401, "AUTH_002");
    }
    for token in held.all_but(&["password link"]) {
        let body = json!({ "token": token, "new_password": "another horse battery" });
        let answer = world.post("/auth/password/reset", &body).send().await;
        answer.problem(401, "AUTH_002");
    }
    for token in held.all_but(&["enrolment code"]) {
        let body = crate::world::register_body("TC-200-002", token);
        let answer = world.post("/agent/register", &body).send().await;
        answer.problem(401, "AUTH_001");
    }
    // None of all this has used anything up.
    world.get("/auth/me").token(held.the("access")).send().await.ok(200);
    let refresh = json!({ "refresh_token": held.the("refresh") });
    world.post("/auth/refresh", &refresh).send().await.ok(200);
    let reset = json!({ "token": held.the("password link"), "new_password": "another horse battery" });
    world.post("/auth/password/reset", &reset).send().await.ok(204);
    let enrol = crate::world::register_body("TC-200-002", held.the("enrolment code"));
    world.post("/agent/register", &enrol).send().await.ok(201);
}

#[tokio::test]
async fn a_token_goes_in_its_header_and_nowhere_else() {
    let held = Held::new().await;
    let (world, access) = (&held.world, held.the("access"));
    for name in ["access_token", "token", "authorization", "api_key"] {
        let answer = world.get(&format!("/terminals?{name}={access}")).send().await;
        answer.problem(401, "AUTH_002");
    }
    for cookie in [
        "tms_session",
        "__Host-tms_session",
        "__Host-tms_device",
        "access_token",
        "Authorization",
    ] {
        let answer = world.get("/terminals").header("cookie", &format!("{cookie}={access}"));
        answer.send().await.problem(401, "AUTH_002");
    }
    let both = world.get("/terminals").token(access).token("tms_at_other").send().await;
    both.problem(401, "AUTH_002");
}

/// Lists every route that pages, as the document names them.
async fn lists(world: &World) -> Vec<String> {
    let document = world.get("/openapi.json").send().await.ok(200);
    let paths = document["paths"].as_object().unwrap().iter();
    let pages = |details: &Value| {
        let parameters = details["get"]["parameters"].as_array();
        parameters.is_some_and(|all| all.iter().any(|parameter| parameter["name"] == "cursor"))
    };
    let lists: Vec<String> = paths
        .filter(|(_, details)| pages(details))
        .map(|(path, _)| path.replace("{id}", "1"))
        .collect();
    assert!(lists.len() > 8, "{lists:?}");
    lists
}

#[tokio::test]
async fn every_list_refuses_forged_cursors_wild_pages_and_foreign_sorts() {
    let held = Held::new().await;
    let world = &held.world;
    for path in lists(world).await {
        for (query, field) in [
            ("cursor=AAAA", "cursor"),
            ("cursor=%00", "cursor"),
            ("cursor=..%2F..%2Fetc", "cursor"),
            (&format!("cursor={}", "A".repeat(4_000)), "cursor"),
            ("page=0", "page"),
            ("page=-1", "page"),
            ("page=1e9", "page"),
            ("page=4294967296", "page"),
            ("page=18446744073709551616", "page"),
            ("page=1000000", "page"),
            ("per_page=0", "per_page"),
            ("per_page=-5", "per_page"),
            ("per_page=101", "per_page"),
            ("per_page=99999999999999999999", "per_page"),
        ] {
            let answer = world.get(&format!("{path}?{query}")).by("admin").send().await;
            answer.wrong_fields(&[field]);
        }
        for sort in [
            "password_hash",
            "id;DROP TABLE x",
            "(SELECT 1)",
            "serial_number,id",
            "1",
        ] {
            let call = world.get(&format!("{path}?sort={}", sort.replace(' ', "%20").replace(';', "%3B")));
            call.by("admin").send().await.wrong_fields(&["sort"]);
        }
        for order in ["up", "asc,desc", "asc;", "1"] {
            let call = world.get(&format!("{path}?order={}", order.replace(';', "%3B")));
            call.by("admin").send().await.wrong_fields(&["order"]);
        }
    }
}

#[tokio::test]
async fn a_cursor_with_any_part_changed_is_refused() {
    let world = World::new().await;
    for name in ["ABC", "DEF", "GHI"] {
        world.customer(name).await;
    }
    let list = world.get("/customers?per_page=1").by("viewer").send().await.ok(200);
    let cursor = list["meta"]["next_cursor"].as_str().unwrap();
    let with = |cursor: String| world.get(&format!("/customers?cursor={cursor}")).by("viewer").send();
    with(cursor.to_owned()).await.ok(200);
    for place in 0..cursor.len() {
        let mut forged = cursor.to_owned().into_bytes();
        forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
        let answer = with(String::from_utf8(forged).unwrap()).await;
        answer.wrong_fields(&["cursor"]);
    }
    for forged in [
        &cursor[1..],
        &cursor[..cursor.len() - 1],
        &format!("{cursor}AAAA"),
        &cursor.repeat(2),
    ] {
        with(forged.to_owned()).await.wrong_fields(&["cursor"]);
    }
}

/// Asks as a socket of this address would.
async fn from(world: &World, peer: &str, request: http::request::Builder, body: &Value) -> (u16, String) {
    let mut request = request
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let peer: std::net::SocketAddr = format!("{peer}:4711").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    let answer = world.router.clone().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let head = format!("{:?}", answer.headers());
    let body = axum::body::to_bytes(answer.into_body(), 1_000_000).await.unwrap();
    (status, head + &String::from_utf8_lossy(&body))
}

#[tokio::test]
async fn whoever_writes_headers_gains_neither_guesses_nor_another_address() {
    let world = World::with(|settings| settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()]).await;
    let guess = json!({ "username": "admin-san", "password": "wrong horse battery" });
    let attempt = |peer: &'static str, n: u32| {
        let forwarded = format!("203.0.113.{n}");
        let request = Request::post("/api/v1/auth/login")
            .header("x-forwarded-for", &forwarded)
            .header("forwarded", format!("for={forwarded}"))
            .header("x-real-ip", &forwarded)
            .header("true-client-ip", &forwarded);
        from(&world, peer, request, &guess)
    };
    for n in 0..10 {
        assert_eq!(attempt("198.51.100.7", n).await.0, 401);
    }
    assert_eq!(
        attempt("198.51.100.7", 11).await.0,
        429,
        "ten guesses, whatever the headers say"
    );
    world.tick().await;
    let seen = world.store.audit_entries();
    let addresses: Vec<String> = seen
        .iter()
        .filter(|entry| entry.action == "user.sign_in" && entry.actor == "anonymous")
        .filter_map(|entry| entry.ip_address.clone())
        .collect();
    assert!(
        !addresses.is_empty() && addresses.iter().all(|seen| seen == "198.51.100.7"),
        "{addresses:?}"
    );
}

#[tokio::test]
async fn a_host_that_was_made_up_is_repeated_nowhere() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    for n in 0..3 {
        world.customer(&format!("XYZ {n}")).await;
    }
    let token = world.token("operator").to_owned();
    for (method, path, body) in [
        ("GET", "/api/v1/customers?per_page=1", json!(null)),
        ("POST", "/api/v1/customers", json!({ "company_name": "New" })),
        ("POST", "/api/v1/enrollment-codes", json!({ "customer_id": customer })),
        ("GET", "/api/v1/openapi.json", json!(null)),
        ("GET", "/api/v1/nothing", json!(null)),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "gopher")
            .header("x-original-url", "/evil.example")
            .header("x-http-method-override", "DELETE")
            .header("authorization", format!("Bearer {token}"));
        let (status, answer) = from(&world, "198.51.100.7", request, &body).await;
        assert!(status < 500 && !answer.contains("evil"), "{path}: {status} {answer}");
    }
    let left = world.get("/customers").by("viewer").send().await.ok(200);
    assert_eq!(left["meta"]["total"], 5, "nothing was deleted by a header");
}

#[tokio::test]
async fn what_another_site_can_post_changes_nothing() {
    let world = World::new().await;
    let mine = world.post("/auth/login", &json!({ "username": "admin-san", "password": PASSWORD }));
    let cookie = mine
        .send()
        .await
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let before = world.store.audit_entries().len();
    // The kinds of body that a form or a simple request of another site may carry, with whatever cookies the browser has.
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        for (path, body) in [
            ("/customers", r#"{"company_name":"Evil"}"#),
            ("/users", r#"{"username":"evil","role":"admin"}"#),
            ("/auth/logout", "{}"),
            ("/auth/mfa/disable", "{}"),
            ("/alerts/bulk", r#"{"filter":{},"action":"resolve"}"#),
        ] {
            let call = world.call("POST", path).untyped(body);
            let call = call.header("content-type", kind).header("cookie", &cookie);
            let answer = call
                .header("origin", "https://evil.example")
                .header("sec-fetch-site", "cross-site");
            answer.send().await.problem(401, "AUTH_002");
        }
        let call = world.call("POST", "/auth/login").header("content-type", kind);
        let login = format!(r#"{{"username":"admin-san","password":"{PASSWORD}"}}"#);
        let answer = call
            .header("origin", "https://evil.example")
            .untyped(login)
            .send()
            .await;
        answer.problem(415, "VAL_004");
    }
    assert_eq!(world.store.audit_entries().len(), before, "nothing happened");
    let answer = world
        .call("OPTIONS", "/customers")
        .header("origin", "https://evil.example");
    let answer = answer.header("access-control-request-method", "POST").send().await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_cookie_that_somebody_else_set_is_worth_nothing() {
    let world = World::new().await;
    let login = |name: &str, cookie: &str| {
        let body = json!({ "username": name, "password": PASSWORD });
        world.post("/auth/login", &body).header("cookie", cookie).send()
    };
    let evil = login("viewer-san", "").await;
    let evil = evil.header("set-cookie").split(';').next().unwrap().to_owned();
    // The device of the attacker in the browser of another: she gets one of her own, so his is not hers afterwards.
    let answer = login("support-san", &evil).await;
    answer.ok(200);
    let own = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(own.starts_with("__Host-tms_device=") && own != evil, "{own}");
    for preset in [
        "__Host-tms_device=",
        "__Host-tms_device=x; __Host-tms_device=y",
        "tms_device=tms_dev_x",
    ] {
        login("support-san", preset).await.ok(200);
    }
}

#[tokio::test]
async fn how_long_an_answer_takes_tells_nothing_of_a_name() {
    let world = World::new().await;
    let gone = format!("/users/{}", world.first("/users?search=operator-san").await);
    let change = world
        .patch(&gone, &json!({ "is_disabled": true }))
        .by("admin")
        .if_match("*");
    change.send().await.ok(200);
    for (name, password) in [
        ("viewer-san", "wrong horse battery"),
        ("nobody-san", PASSWORD),
        ("operator-san", PASSWORD),
        ("viewer-san", ""),
        ("viewer-san", "x".repeat(5_000).as_str()),
        ("n".repeat(5_000).as_str(), PASSWORD),
        ("' OR 1=1 --", PASSWORD),
    ] {
        let before = world.tms.operators().password_work();
        let login = json!({ "username": name, "password": password });
        world.post("/auth/login", &login).send().await.problem(401, "AUTH_001");
        let after = world.tms.operators().password_work();
        // The work is what takes time; nothing else differs but a row that was found or was not.
        assert_eq!(after.hashes - before.hashes, 1, "{name:.20} {password:.20}");
        assert_eq!(after.foreign_rounds, before.foreign_rounds);
    }
}
