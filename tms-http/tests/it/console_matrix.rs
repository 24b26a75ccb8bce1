//! Every page and form of the console against every role: `console_matrix.txt` says who may.

use std::collections::BTreeSet;

use serde_json::json;

use crate::{browser::Browser, world::World};

const MATRIX: &str = include_str!("console_matrix.txt");
const CALLERS: [&str; 5] = ["anonymous", "viewer", "support", "operator", "admin"];

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

#[test]
fn every_page_is_in_the_file() {
    let known: BTreeSet<_> = rows()
        .iter()
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    let routes = tms_http::console_routes();
    let there: BTreeSet<_> = routes
        .iter()
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(known, there);
}

#[tokio::test]
async fn everybody_gets_what_the_file_says() {
    for (method, path, letters) in rows() {
        let world = World::new().await;
        let customer = world.customer("ABC").await;
        let agent = world.agent(customer, "TC-200-001").await;
        world.beat(&agent, json!({ "status": "error" })).send().await.ok(200);
        world.tick().await;
        for (caller, letter) in CALLERS.iter().zip(letters) {
            let browser = Browser::of(&world, caller).await;
            let path = named(&world, path, caller).await;
            let answer = match method {
                "GET" => browser.get(&path).await,
                _ => browser.post(&path, &[]).await,
            };
            let who = format!("{caller}: {method} {path}: {} {}", answer.status, answer.text);
            let to = answer.header("location");
            match letter {
                "in" => assert!(answer.status == 303 && to.starts_with("/login"), "{who}"),
                "403" => drop(answer.page(403)),
                "ok" => {
                    let is_shown = answer.status.is_success() || [401, 409, 422].contains(&answer.status.as_u16());
                    let is_in = to.starts_with("/login?next");
                    assert!(is_shown || answer.status == 303 && !is_in, "{who}");
                }
                other => panic!("{other} in the row of {method} {path}"),
            }
        }
    }
}

/// Puts the id of the one thing there is into a path; what belongs to a person is the caller's own.
async fn named(world: &World, path: &str, caller: &str) -> String {
    let owner = if caller == "anonymous" { "admin" } else { caller };
    let own = async |list: &str| world.get(list).by(owner).send().await.ok(200)["data"][0]["id"].to_string();
    match path {
        "/account/sessions/{id}/end" => return path.replace("{id}", &own("/auth/sessions").await),
        "/account/tokens/{id}/delete" => {
            let token = json!({ "name": "x", "scopes": ["terminal.read"] });
            world.post("/auth/tokens", &token).by(owner).send().await.ok(201);
            return path.replace("{id}", &own("/auth/tokens").await);
        }
        "/terminals/{id}/maintenance/{maintenance}/end" => {
            let id = world.first("/terminals").await;
            let plan = json!({ "terminal_id": id, "reason": "cable" });
            let made = world.post("/maintenance", &plan).by("support").send().await.ok(201);
            let path = path.replace("{id}", &id.to_string());
            return path.replace("{maintenance}", &made["id"].to_string());
        }
        _ => {}
    }
    if path.starts_with("/notification-channels/{id}") {
        let hook = json!({ "url": "https://example.com/hook", "secret": "a key of the signature" });
        let channel = json!({ "name": caller, "web_hook": hook });
        world
            .post("/notification-channels", &channel)
            .by("admin")
            .send()
            .await
            .ok(201);
    }
    if let Some(rest) = path.strip_prefix("/settings/rules/{id}") {
        return format!("/settings/rules/{}{rest}", world.first("/alert-rules").await);
    }
    match path.split_once("/{id}") {
        Some((list, rest)) => format!("{list}/{}{rest}", world.first(list).await),
        None => path.to_owned(),
    }
}
