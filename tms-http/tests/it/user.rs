//! People, as administrators manage them.

use serde_json::{Value, json};

use crate::world::{PASSWORD, World};

async fn create(world: &World, name: &str, more: Value) -> Value {
    let mut body = json!({ "username": name, "role": "viewer" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.post("/users", &body).by("admin").send().await.ok(201)
}

#[tokio::test]
async fn a_person_is_created_changed_and_deleted() {
    let world = World::new().await;
    let body =
        json!({ "username": " Yamada.T ", "role": "support", "full_name": "山田 太郎", "email": "yamada@example.com" });
    let made = world.post("/users", &body).by("admin").send().await;
    let (location, tag) = (made.location(), made.header("etag").to_owned());
    let made = made.ok(201);
    assert_eq!(made["password_link"]["expires_at"], "2026-01-27T10:00:00Z");
    assert!(made["password_link"]["token"].as_str().unwrap().starts_with("tms_pw_"));
    let read = world.get(&location).by("admin").send().await;
    assert_eq!(read.header("etag"), tag);
    let read = read.ok(200);
    insta::assert_json_snapshot!("user", read, { ".id" => "[id]" });
    let change = |body: Value| world.patch(&location, &body).by("admin");
    change(json!({ "email": null })).send().await.problem(428, "PRE_002");
    let changed = change(json!({ "email": null, "role": "operator" }))
        .if_match(&tag)
        .send()
        .await;
    assert_ne!(changed.header("etag"), tag);
    let changed = changed.ok(200);
    assert_eq!(
        (&changed["email"], &changed["role"]),
        (&Value::Null, &json!("operator"))
    );
    change(json!({ "role": "viewer" }))
        .if_match(&tag)
        .send()
        .await
        .problem(412, "PRE_001");
    world
        .call("DELETE", &location)
        .by("admin")
        .send()
        .await
        .problem(428, "PRE_002");
    world
        .call("DELETE", &location)
        .by("admin")
        .if_match(&tag)
        .send()
        .await
        .problem(412, "PRE_001");
    world
        .call("DELETE", &location)
        .by("admin")
        .if_match("*")
        .send()
        .await
        .ok(204);
    world.get(&location).by("admin").send().await.problem(404, "RES_001");
    let entries = world.store.audit_entries();
    let told = format!("{entries:?}");
    assert!(
        !told.contains("tms_pw_") && !told.contains("argon2"),
        "no secret is in the audit trail"
    );
    let update = entries.iter().find(|entry| entry.action == "user.update").unwrap();
    assert_eq!(
        update.changes["role"],
        json!({ "before": "support", "after": "operator" })
    );
    assert_eq!(update.changes.get("full_name"), None);
}

#[tokio::test]
async fn wrong_people_are_refused() {
    let world = World::new().await;
    for (body, fields) in [
        (
            json!({ "username": "x y", "role": "viewer", "email": "nobody" }),
            &["email", "username"][..],
        ),
        (json!({ "username": "new-san", "role": "root" }), &["role"]),
        (
            json!({ "username": "new-san", "role": "viewer", "customer_id": 0 }),
            &["customer_id"],
        ),
        (
            json!({ "username": "new-san", "role": "viewer", "customer_id": 4_711 }),
            &["customer_id"],
        ),
        (
            json!({ "username": "new-san", "role": "viewer", "password": PASSWORD }),
            &["password"],
        ),
        (json!({ "username": "new-san" }), &["role"]),
    ] {
        world
            .post("/users", &body)
            .by("admin")
            .send()
            .await
            .wrong_fields(fields);
    }
    let taken = json!({ "username": "Viewer-San", "role": "viewer" });
    world
        .post("/users", &taken)
        .by("admin")
        .send()
        .await
        .problem(409, "VAL_002");
    let id = world.first("/users?search=viewer-san").await;
    for (body, field) in [
        (json!({ "role": "root" }), "role"),
        (json!({ "customer_id": 4_711 }), "customer_id"),
        (json!({ "full_name": "x".repeat(101) }), "full_name"),
        (json!({ "username": "other" }), "username"),
        (json!({ "is_disabled": null }), "is_disabled"),
    ] {
        let call = world.patch(&format!("/users/{id}"), &body).by("admin").if_match("*");
        call.send().await.wrong_fields(&[field]);
    }
    for (method, path) in [
        ("GET", "/users/4711"),
        ("POST", "/users/4711/password-reset"),
        ("DELETE", "/users/4711/mfa"),
    ] {
        world
            .call(method, path)
            .by("admin")
            .send()
            .await
            .problem(404, "RES_001");
    }
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let id = world.first("/users?role=admin").await;
    let path = format!("/users/{id}");
    let endings = [
        json!({ "role": "operator" }),
        json!({ "is_disabled": true }),
        json!({ "customer_id": customer }),
    ];
    for body in &endings {
        world
            .patch(&path, body)
            .by("admin")
            .if_match("*")
            .send()
            .await
            .problem(409, "VAL_002");
    }
    world
        .call("DELETE", &path)
        .by("admin")
        .if_match("*")
        .send()
        .await
        .problem(409, "VAL_002");
    create(&world, "second-san", json!({ "role": "admin" })).await;
    world
        .patch(&path, &endings[0])
        .by("admin")
        .if_match("*")
        .send()
        .await
        .ok(200);
    world.get("/users").by("admin").send().await.problem(403, "AUTH_003");
}

#[tokio::test]
async fn disabling_and_demoting_act_at_once() {
    let world = World::new().await;
    let id = world.first("/users?search=operator-san").await;
    let path = format!("/users/{id}");
    let change = async |body: Value| world.patch(&path, &body).by("admin").if_match("*").send().await.ok(200);
    let write = async || {
        let body = json!({ "company_name": "ABC" });
        world.post("/customers", &body).by("operator").send().await
    };
    change(json!({ "role": "support" })).await;
    write().await.problem(403, "AUTH_003");
    change(json!({ "is_disabled": true })).await;
    write().await.problem(401, "AUTH_002");
    let login = json!({ "username": "operator-san", "password": PASSWORD });
    world.post("/auth/login", &login).send().await.problem(401, "AUTH_001");
    world
        .call("POST", &format!("{path}/password-reset"))
        .by("admin")
        .send()
        .await
        .problem(409, "VAL_002");
    change(json!({ "is_disabled": false, "role": "operator" })).await;
    write().await.problem(401, "AUTH_002");
    world.post("/auth/login", &login).send().await.ok(200);
}

#[tokio::test]
async fn people_are_listed_by_name() {
    let world = World::new().await;
    let names = async |path: &str| {
        let list = world.get(path).by("admin").send().await.ok(200);
        let rows = list["data"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| row["username"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all = ["admin-san", "operator-san", "support-san", "viewer-san"];
    assert_eq!(names("/users").await, all);
    assert_eq!(names("/users?order=desc&per_page=1&page=2").await, ["support-san"]);
    assert_eq!(names("/users?role=viewer").await, ["viewer-san"]);
    assert_eq!(names("/users?search=THE%20SUP").await, ["support-san"]);
    assert_eq!(names("/users?is_disabled=true").await, [""; 0]);
    world
        .get("/users?role=root")
        .by("admin")
        .send()
        .await
        .wrong_fields(&["role"]);
    world
        .get("/users?colour=red")
        .by("admin")
        .send()
        .await
        .wrong_fields(&["colour"]);
}

#[tokio::test]
async fn a_lost_second_factor_is_removed_by_an_administrator() {
    let world = World::new().await;
    let id = world.first("/users?search=viewer-san").await;
    let path = format!("/users/{id}/mfa");
    world.call("DELETE", &path).by("admin").send().await.ok(204);
    world
        .call("DELETE", &path)
        .by("operator")
        .send()
        .await
        .problem(403, "AUTH_003");
}

#[tokio::test]
async fn a_password_link_is_mailed_where_a_channel_for_mail_is_set_up() {
    let world = World::new().await;
    let address = |made: &Value| {
        let token = made["token"].as_str().unwrap();
        assert_eq!(
            made["address"],
            format!("https://tms.example.com/password-reset#token={token}")
        );
        made["address"].as_str().unwrap().to_owned()
    };
    let hanako = json!({ "email": "hanako@example.com" });
    let made = create(&world, "hanako", hanako).await;
    address(&made["password_link"]);
    assert_eq!(made["password_link"]["mailed_to"], Value::Null);
    assert_eq!(world.sent(), [], "there is no channel");

    let mail = json!({ "host": "mail.example.com", "sender": "tms@example.com", "receivers": ["ops@example.com"] });
    for (name, is_enabled, language) in [("off", false, "en"), ("on", true, "ja")] {
        let channel = json!({ "name": name, "mail": mail, "is_enabled": is_enabled, "language": language });
        let channel = world.post("/notification-channels", &channel).by("admin");
        channel.send().await.ok(201);
    }
    let reset = async |user: &Value| {
        let path = format!("/users/{}/password-reset", user["id"]);
        world.call("POST", &path).by("admin").send().await.ok(201)
    };
    let link = reset(&made).await;
    assert_eq!(link["mailed_to"], "hanako@example.com");
    let [(to, letter)] = <[_; 1]>::try_from(world.sent()).unwrap();
    assert_eq!(to, "hanako@example.com");
    assert!(letter.text.contains(&address(&link)) && letter.subject.contains("パスワード"));
    assert!(!letter.facts.to_string().contains("tms_pw_"));
    let nameless = create(&world, "nameless", json!({})).await;
    assert_eq!(
        nameless["password_link"]["mailed_to"],
        Value::Null,
        "nobody knows where to"
    );

    // The administrator has the link whatever the mail server says, and what it said of one mailbox tells nothing of
    // the channel: alerts would wait for it to rest.
    world.fail_sending(Some("550 no such mailbox"));
    let link = reset(&made).await;
    assert_eq!(link["mailed_to"], Value::Null);
    let password = json!({ "token": link["token"], "new_password": PASSWORD });
    world.post("/auth/password/reset", &password).send().await.ok(204);
    let channels = world.get("/notification-channels").by("admin").send().await.ok(200);
    assert_eq!(channels["data"][0]["state"]["status"], "unused", "{channels}");
    assert_eq!(world.sent().len(), 1);
    let audit = world
        .get("/audit?action=password_link.mail")
        .by("admin")
        .send()
        .await
        .ok(200);
    assert_eq!(audit["data"].as_array().unwrap().len(), 2);
    assert_eq!(audit["data"][0]["changes"]["error"], "550 no such mailbox");
    assert!(!audit.to_string().contains("tms_pw_"));
}

#[tokio::test]
async fn mailboxes_that_are_not_there_hold_no_alert_back() {
    let world = World::new().await;
    let mail = json!({ "host": "mail.example.com", "sender": "tms@example.com", "receivers": ["ops@example.com"] });
    let channel = json!({ "name": "mail", "mail": mail });
    world
        .post("/notification-channels", &channel)
        .by("admin")
        .send()
        .await
        .ok(201);
    world.fail_sending(Some("550 no such mailbox"));
    for n in 0..5 {
        create(&world, &format!("person{n}"), json!({ "email": "nobody@example.com" })).await;
    }
    world.fail_sending(None);
    let agent = world.agent(world.customer("ABC").await, "TC-200-001").await;
    world.beat(&agent, json!({ "status": "error" })).send().await.ok(200);
    world.tick().await;
    world.advance(6);
    world.tick().await;
    let sent: Vec<_> = world.sent().into_iter().map(|(to, _)| to).collect();
    assert_eq!(sent, ["ops@example.com"]);
}
