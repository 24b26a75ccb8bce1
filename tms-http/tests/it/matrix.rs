//! Every route against every role: the file `matrix.txt` says who may, and a route that is not in the file fails.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::{Agent, World, register_body};

const MATRIX: &str = include_str!("matrix.txt");
const CALLERS: [&str; 6] = ["anonymous", "agent", "viewer", "support", "operator", "admin"];

/// What a row says: method, path, and one letter for each of [`CALLERS`].
fn rows() -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let lines = MATRIX.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let (method, path) = (words.next().unwrap(), words.next().unwrap());
            let letters: Vec<_> = words.collect();
            assert_eq!(letters.len(), CALLERS.len(), "{line}");
            (method, path, letters)
        })
        .collect()
}

#[tokio::test]
async fn every_route_is_in_the_file() {
    let world = World::new().await;
    let known: BTreeSet<_> = rows()
        .iter()
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    let routes = tms_http::routes(&world.tms);
    let there: BTreeSet<_> = routes
        .iter()
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(known, there);
}

#[tokio::test]
async fn every_caller_gets_what_the_file_says() {
    // Streams have no end here, and nobody follows events in a world that stands still: `event` looks at these two.
    let walked = rows()
        .into_iter()
        .filter(|(_, path, _)| !["/events", "/ws/monitoring"].contains(path));
    for (method, path, letters) in walked {
        // A world of its own for each route, so that one caller's change is no other's surprise.
        for (caller, letter) in CALLERS.iter().zip(letters) {
            let world = World::new().await;
            let customer = world.customer("ABC").await;
            let agent = world.agent(customer, "TC-200-001").await;
            world.beat(&agent, json!({ "status": "error" })).send().await.ok(200);
            world.tick().await;
            let plan = json!({ "terminal_id": agent.id, "reason": "cable" });
            world.post("/maintenance", &plan).by("support").send().await.ok(201);
            let code = world.code(customer, json!({})).await;
            let call = world.call(method, &named(&world, path, caller).await).if_match("*");
            let call = match *caller {
                "agent" => call.token(&agent.token),
                role => call.by(role),
            };
            let call = match body(method, path, &agent, customer, &code) {
                Some(body) => call.json(&body),
                None if path == "/terminals/import" => call.header("content-type", "text/csv").untyped(format!(
                    "serial_number,customer_id,model\nTC-200-009,{customer},TC-200\n"
                )),
                None => call,
            };
            let audited = done(&world);
            let answer = call.send().await;
            let who = format!("{caller}: {method} {path}: {} {}", answer.status, answer.text);
            match letter {
                "ok" => assert!(answer.status.is_success() || answer.status == 409, "{who}"),
                "401" => drop(answer.problem(401, "AUTH_002")),
                "403" => drop(answer.problem(403, "AUTH_003")),
                other => panic!("{other} in the row of {method} {path}"),
            }
            // Every single resource has a tag, and so has the answer that made it.
            let is_single = (method == "GET" && path.ends_with("{id}")) || answer.headers.contains_key("location");
            let is_single = is_single && !path.starts_with("/agent/");
            if is_single && answer.status.is_success() {
                assert!(!answer.header("etag").is_empty(), "no ETag: {who}");
            }
            let changed = done(&world) > audited;
            if letter == "ok" && answer.status.is_success() {
                assert_eq!(changed, is_audited(method, path), "an entry of the audit trail: {who}");
            } else {
                assert!(!changed, "{who}");
            }
        }
    }
}

/// Counts the entries of what was done; what is refused is noted later.
fn done(world: &World) -> usize {
    let entries = world.store.audit_entries();
    entries.iter().filter(|entry| entry.result == "done").count()
}

/// Puts the id of the one thing there is into a path.
async fn named(world: &World, path: &str, caller: &str) -> String {
    match path.split_once("/{id}") {
        // What belongs to a person is the caller's own; a caller who is none tries that of another.
        Some((list, _)) if list.starts_with("/auth/") => {
            let owner = if matches!(caller, "anonymous" | "agent") {
                "admin"
            } else {
                caller
            };
            let token = json!({ "name": "x", "scopes": ["terminal.read"] });
            world.post("/auth/tokens", &token).by(owner).send().await.ok(201);
            let own = world.get(list).by(owner).send().await.ok(200);
            format!("{list}/{}", own["data"][0]["id"])
        }
        Some((list @ "/notification-channels", rest)) => {
            world.post(list, &channel()).by("admin").send().await.ok(201);
            format!("{list}/{}{rest}", world.first(list).await)
        }
        // Not the last administrator.
        Some(("/users", rest)) => format!("/users/{}{rest}", world.first("/users?order=desc").await),
        Some((list, rest)) => format!("{list}/{}{rest}", world.first(list).await),
        None => path.to_owned(),
    }
}

/// Tells whether success leaves an entry: all that changes something, but for what machines do every minute.
fn is_audited(method: &str, path: &str) -> bool {
    let leaves_none = [
        "/agent/heartbeat",
        "/agent/logs",
        "/auth/refresh",
        "/auth/confirm",
        // Nothing is set up until it is confirmed, so that nothing is removed either.
        "/auth/mfa/setup",
        "/auth/mfa/disable",
        "/users/{id}/mfa",
    ];
    method != "GET" && !leaves_none.contains(&path)
}

fn body(method: &str, path: &str, agent: &Agent, customer: i64, code: &str) -> Option<Value> {
    Some(match (method, path) {
        ("POST", "/agent/heartbeat") => {
            json!({ "serial_number": "TC-200-001", "timestamp": "2026-01-24T10:00:00Z", "status": "online" })
        }
        ("POST", "/agent/logs") => {
            json!({ "serial_number": "TC-200-001", "logs": [{ "event_id": "1", "timestamp": "2026-01-24T10:00:00Z", "level": "INFO", "type": "x", "message": "" }] })
        }
        ("POST", "/agent/register") => register_body("TC-200-009", code),
        ("POST", "/auth/login") => json!({ "username": "viewer-san", "password": crate::world::PASSWORD }),
        ("POST", "/auth/refresh") => json!({ "refresh_token": "tms_rt_unknown" }),
        ("POST", "/auth/confirm") => json!({ "password": crate::world::PASSWORD }),
        ("POST", "/auth/mfa/confirm") => json!({ "mfa_code": "123456" }),
        ("POST", "/auth/password") => {
            json!({ "current_password": crate::world::PASSWORD, "new_password": "another horse battery" })
        }
        ("POST", "/auth/password/reset") => json!({ "token": "tms_pw_unknown", "new_password": "x" }),
        ("POST", "/auth/tokens") => json!({ "name": "x", "scopes": ["terminal.read"] }),
        ("POST", "/users") => json!({ "username": "new-san", "role": "viewer" }),
        ("PATCH", "/users/{id}") => json!({ "full_name": "x" }),
        ("POST", "/customers") => json!({ "company_name": "New" }),
        ("POST", "/terminals") => json!({ "serial_number": "TC-200-009", "customer_id": customer, "model": "TC-200" }),
        ("POST", "/enrollment-codes") => json!({ "customer_id": customer }),
        ("POST", "/maintenance") => json!({ "terminal_id": agent.id, "reason": "cable" }),
        ("PATCH", "/customers/{id}") => json!({ "notes": "x" }),
        ("PATCH", "/terminals/{id}") => json!({ "store_code": "x" }),
        ("PATCH", "/alerts/{id}") => json!({ "is_acknowledged": true }),
        ("POST", "/alerts/bulk") => json!({ "filter": {}, "action": "resolve" }),
        ("PUT", "/settings") => json!({}),
        ("POST", "/alert-rules") => json!({ "alert_type": "offline", "customer_id": customer, "severity": "LOW" }),
        ("PUT", "/alert-rules/{id}") => json!({ "is_enabled": true, "severity": "LOW" }),
        ("POST", "/notification-channels") => channel(),
        ("PATCH", "/notification-channels/{id}" | "/alert-rules/{id}") => json!({ "is_enabled": false }),
        _ => return None,
    })
}

fn channel() -> Value {
    json!({ "name": "x", "slack": { "url": "https://hooks.example.com/x" } })
}
