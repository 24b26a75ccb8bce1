//! Who is bound to one customer: every route, with what is theirs and with what is another's.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::World;

/// What a route is to somebody who is bound to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// A list, with rows of the own customer only.
    List,
    /// One thing: the own is shown, another's is not there.
    One,
    /// Not for them at all.
    Denied,
    /// Neither customer's: one's own account, agents, counts that a test of their own looks at.
    Neither,
}

fn bound(method: &str, path: &str) -> Bound {
    let root = path.split('/').nth(1).unwrap_or_default();
    match (method, path) {
        // A test of its own looks at what these select.
        (
            _,
            "/summary"
            | "/reports/availability"
            | "/reports/availability.csv"
            | "/reports/summary"
            | "/reports/summary.csv"
            | "/openapi.json"
            | "/events"
            | "/ws/monitoring"
            | "/audit"
            | "/terminals/export.csv"
            | "/terminals/import"
            | "/alerts/bulk",
        ) => Bound::Neither,
        (_, "/audit/verify" | "/audit/export.jsonl") => Bound::Denied,
        _ if matches!(root, "auth" | "agent") => Bound::Neither,
        _ if matches!(root, "users" | "settings" | "alert-rules" | "notification-channels") => Bound::Denied,
        (_, path) if path.contains("{id}") => Bound::One,
        ("GET", _) => Bound::List,
        // What these make is looked at one by one.
        ("POST", "/customers" | "/terminals" | "/enrollment-codes" | "/maintenance") => Bound::Neither,
        other => panic!("say what {other:?} is to somebody who is bound to one customer"),
    }
}

/// Two customers with one of everything, and an operator who is bound to the first.
struct Two {
    world: World,
    token: String,
    customers: [i64; 2],
    terminals: [i64; 2],
}

impl Two {
    async fn new() -> Self {
        let world = World::new().await;
        let customers = [world.customer("ABC").await, world.customer("XYZ").await];
        let mut terminals = Vec::new();
        for (n, customer) in (1..).zip(customers) {
            let agent = world.agent(customer, &format!("TC-200-00{n}")).await;
            world.beat(&agent, json!({ "status": "error" })).send().await.ok(200);
            terminals.push(agent.id);
        }
        // What is in maintenance would raise no alert.
        world.tick().await;
        for terminal in &terminals {
            let plan = json!({ "terminal_id": terminal, "reason": "cable" });
            world.post("/maintenance", &plan).by("support").send().await.ok(201);
        }
        let channel = json!({ "name": "x", "slack": { "url": "https://hooks.example.com/x" } });
        world
            .post("/notification-channels", &channel)
            .by("admin")
            .send()
            .await
            .ok(201);
        let body = json!({ "username": "bound-san", "role": "admin", "customer_id": customers[0] });
        let made = world.post("/users", &body).by("admin").send().await.ok(201);
        let password = json!({ "token": made["password_link"]["token"], "new_password": crate::world::PASSWORD });
        world.post("/auth/password/reset", &password).send().await.ok(204);
        let login = json!({ "username": "bound-san", "password": crate::world::PASSWORD });
        let pair = world.post("/auth/login", &login).send().await.ok(200);
        Self {
            token: pair["access_token"].as_str().unwrap().to_owned(),
            terminals: terminals.try_into().unwrap(),
            world,
            customers,
        }
    }

    /// Returns the ids of the rows of a list that are of the first and of the second customer.
    async fn ids(&self, list: &str) -> [Vec<i64>; 2] {
        let rows = self.world.get(list).by("admin").send().await.ok(200)["data"].clone();
        let of = |n: usize| {
            let rows = rows.as_array().unwrap().iter();
            rows.filter(|row| self.is_of(list, row, n))
                .map(|row| row["id"].as_i64().unwrap())
                .collect::<Vec<_>>()
        };
        let ids = [of(0), of(1)];
        assert!(
            ids.iter().all(|ids| !ids.is_empty()),
            "each customer has a row in {list}: {rows}"
        );
        ids
    }

    fn is_of(&self, list: &str, row: &Value, n: usize) -> bool {
        if list == "/customers" {
            return row["id"] == self.customers[n];
        }
        let customer = row["customer"]["id"].as_i64().or_else(|| row["customer_id"].as_i64());
        let terminal = row["terminal"]["id"].as_i64().or_else(|| row["terminal_id"].as_i64());
        customer == Some(self.customers[n]) || terminal == Some(self.terminals[n])
    }
}

fn body(method: &str, path: &str) -> Option<Value> {
    match (method, path) {
        ("PATCH", "/customers/{id}") => Some(json!({ "notes": "x" })),
        ("PATCH", "/terminals/{id}") => Some(json!({ "store_code": "x" })),
        ("PATCH", "/alerts/{id}") => Some(json!({ "is_acknowledged": true })),
        ("PATCH", "/users/{id}") => Some(json!({ "full_name": "x" })),
        ("POST", "/notification-channels") => Some(json!({ "name": "y", "slack": { "url": "https://x.example" } })),
        ("PATCH", "/notification-channels/{id}" | "/alert-rules/{id}") => Some(json!({ "is_enabled": false })),
        ("POST", "/alert-rules") => Some(json!({ "alert_type": "offline", "customer_id": 1, "severity": "LOW" })),
        ("POST", "/users") => Some(json!({ "username": "new-san", "role": "viewer" })),
        ("PUT", _) => Some(json!({})),
        _ => None,
    }
}

#[tokio::test]
async fn every_route_keeps_to_the_own_customer() {
    let routes = tms_http::routes(&Two::new().await.world.tms);
    let mut seen = BTreeSet::new();
    for route in routes {
        let kind = bound(route.method, route.path);
        if kind == Bound::Neither {
            continue;
        }
        seen.insert(format!("{kind:?}"));
        let two = Two::new().await;
        let call = async |path: &str| {
            let call = two.world.call(route.method, path).token(&two.token).if_match("*");
            match body(route.method, route.path) {
                Some(body) => call.json(&body).send().await,
                None => call.send().await,
            }
        };
        match (kind, route.path.split_once("/{id}")) {
            (Bound::Denied, Some((list, rest))) => {
                let id = two.world.first(list).await;
                drop(call(&format!("{list}/{id}{rest}")).await.problem(403, "AUTH_003"));
            }
            (Bound::Denied, None) => drop(call(route.path).await.problem(403, "AUTH_003")),
            (_, None) => {
                let [own, _] = two.ids(route.path).await;
                let rows = call(route.path).await.ok(200);
                let shown: Vec<i64> = rows["data"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|row| row["id"].as_i64().unwrap())
                    .collect();
                assert_eq!(shown, own, "{} {}", route.method, route.path);
                assert_eq!(rows["meta"]["total"], own.len(), "{} {}", route.method, route.path);
            }
            (_, Some((list, rest))) => {
                let [own, others] = two.ids(list).await;
                let audited = two.world.store.audit_entries().len();
                call(&format!("{list}/{}{rest}", others[0]))
                    .await
                    .problem(404, "RES_001");
                assert_eq!(
                    two.world.store.audit_entries().len(),
                    audited,
                    "{} {}",
                    route.method,
                    route.path
                );
                let answer = call(&format!("{list}/{}{rest}", own[0])).await;
                let is_fine = answer.status.is_success() || matches!(answer.status.as_u16(), 403 | 409);
                assert!(
                    is_fine && (route.method != "GET" || answer.status == 200),
                    "{route:?}: {answer:?}"
                );
            }
        }
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[tokio::test]
async fn nothing_is_made_for_another_customer() {
    let two = Two::new().await;
    let (own, other) = (two.customers[0], two.customers[1]);
    let post = |path: &str, body: Value| two.world.post(path, &body).token(&two.token).send();
    let terminal = |customer: i64| json!({ "serial_number": "TC-200-009", "customer_id": customer, "model": "TC-200" });
    for (path, theirs, anothers) in [
        ("/terminals", terminal(own), terminal(other)),
        (
            "/enrollment-codes",
            json!({ "customer_id": own }),
            json!({ "customer_id": other }),
        ),
        (
            "/maintenance",
            json!({ "terminal_id": two.terminals[0], "reason": "x" }),
            json!({ "terminal_id": two.terminals[1], "reason": "x" }),
        ),
    ] {
        let refused = post(path, anothers).await;
        assert!(matches!(refused.status.as_u16(), 404 | 422), "{path}: {refused:?}");
        post(path, theirs).await.ok(201);
    }
    post("/customers", json!({ "company_name": "New" }))
        .await
        .problem(403, "AUTH_003");
    let moved = json!({ "customer_id": other });
    let path = format!("/terminals/{}", two.terminals[0]);
    let answer = two
        .world
        .patch(&path, &moved)
        .token(&two.token)
        .if_match("*")
        .send()
        .await;
    assert!(matches!(answer.status.as_u16(), 403 | 404 | 422), "{answer:?}");
}

#[tokio::test]
async fn nobody_lifts_their_own_customers_limits() {
    let two = Two::new().await;
    let path = format!("/customers/{}", two.customers[0]);
    let change = |body: Value| two.world.patch(&path, &body).token(&two.token).if_match("*").send();
    for body in [
        json!({ "max_terminals": 1_000 }),
        json!({ "contract_type": "premium" }),
        json!({ "contract_start_date": "2020-01-01" }),
        json!({ "contract_end_date": "2099-12-31" }),
        json!({ "is_active": false }),
        json!({ "notes": "pays well" }),
    ] {
        change(body).await.problem(403, "AUTH_003");
    }
    let contact = json!({ "contact_phone": "03-1234-5678", "is_active": true });
    assert_eq!(change(contact).await.ok(200)["contact_phone"], "03-1234-5678");
}

#[tokio::test]
async fn an_open_alert_goes_along_with_its_terminal() {
    let two = Two::new().await;
    let [own, _] = two.ids("/alerts").await;
    let alert = format!("/alerts/{}", own[0]);
    let look = || two.world.get(&alert).token(&two.token).send();
    look().await.ok(200);
    let terminal = format!("/terminals/{}", two.terminals[0]);
    let give = async |customer: i64| {
        let body = json!({ "customer_id": customer });
        two.world
            .patch(&terminal, &body)
            .by("admin")
            .if_match("*")
            .send()
            .await
            .ok(200);
    };
    give(two.customers[1]).await;
    look().await.problem(404, "RES_001");
    give(two.customers[0]).await;
    assert_eq!(look().await.ok(200)["customer"]["id"], two.customers[0]);
}

#[tokio::test]
async fn filters_and_counts_do_not_reach_beyond() {
    let two = Two::new().await;
    let get = async |path: &str| two.world.get(path).token(&two.token).send().await;
    for list in ["/terminals", "/alerts"] {
        let rows = get(&format!("{list}?customer_id={}", two.customers[1])).await;
        if rows.status == 200 {
            assert_eq!(rows.json()["data"], json!([]), "{list}");
        } else {
            rows.problem(404, "RES_001");
        }
    }
    let (all, own) = (
        two.world.get("/summary").by("admin").send().await.ok(200),
        get("/summary").await.ok(200),
    );
    let totals = (&all["terminals"]["total"], &own["terminals"]["total"]);
    assert_eq!(totals, (&json!(2), &json!(1)), "{all} {own}");
}

#[tokio::test]
async fn a_cursor_of_another_is_not_taken() {
    let two = Two::new().await;
    let page = two.world.get("/terminals?per_page=1").by("admin").send().await.ok(200);
    let cursor = page["meta"]["next_cursor"].as_str().unwrap();
    let taken = two
        .world
        .get(&format!("/terminals?per_page=1&cursor={cursor}"))
        .token(&two.token)
        .send()
        .await;
    taken.wrong_fields(&["cursor"]);
}

#[tokio::test]
async fn many_at_once_are_the_own_ones_only() {
    let two = Two::new().await;
    let [_, theirs] = two.ids("/alerts").await;
    let call = |method, path: &str| two.world.call(method, path).token(&two.token);

    let body = json!({ "action": "resolve", "alert_ids": theirs });
    let done = call("POST", "/alerts/bulk").json(&body).send().await.ok(200);
    assert_eq!((&done["changed"], &done["not_found"]), (&json!(0), &json!(theirs)));
    let body = json!({ "action": "resolve", "filter": { "customer_id": two.customers[1] } });
    let done = call("POST", "/alerts/bulk").json(&body).send().await.ok(200);
    assert_eq!(done["matched"], 0);

    let text = call("GET", "/terminals/export.csv").send().await.text;
    assert!(text.contains("TC-200-001") && !text.contains("TC-200-002"), "{text}");

    let import = async |list: &str| {
        let call = call("POST", "/terminals/import").header("content-type", "text/csv");
        call.untyped(list.to_owned()).send().await
    };
    let taken = import("serial_number,store_name\nTC-200-002,x\n").await;
    taken.wrong_fields(&["row 2: serial_number"]);
    let list = format!("serial_number,model,customer_id\nTC-9,TC-200,{}\n", two.customers[1]);
    import(&list).await.wrong_fields(&["row 2: customer_id"]);
}
