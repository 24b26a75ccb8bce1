//! The pages of people: added with a link that is shown once, changed, shut out, let in again.

use serde_json::json;

use crate::{
    browser::{Browser, between},
    world::{PASSWORD, World},
};

async fn add<'w>(world: &'w World, browser: &Browser<'w>, name: &str) -> (String, String) {
    let fields = [
        ("username", name),
        ("role", "viewer"),
        ("full_name", "<i>New</i>"),
        ("email", "new@example.com"),
    ];
    let answer = browser.post("/users/new", &fields).await;
    let link = between(answer.page(201), "data-address=\"", "\"").to_owned();
    let id = world.first(&format!("/users?search={name}")).await;
    (link, format!("/users/{id}"))
}

#[tokio::test]
async fn somebody_is_added_with_a_link_that_is_shown_once() {
    let world = World::new().await;
    let browser = Browser::of(&world, "admin").await;
    let wrong = [("username", "x"), ("role", "viewer"), ("email", "no address")];
    let answer = browser.post("/users/new", &wrong).await;
    let page = answer.page(422);
    for part in ["id=\"username-error\"", "id=\"email-error\"", "value=\"no address\""] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let nobody = [
        ("username", "new-san"),
        ("role", "viewer"),
        ("only_customer", "<b>Nobody"),
    ];
    let answer = browser.post("/users/new", &nobody).await;
    let page = answer.page(422);
    assert!(
        page.contains("id=\"only_customer-error\"") && page.contains("value=\"&#60;b&#62;Nobody\""),
        "{page}"
    );
    let (link, path) = add(&world, &browser, "new-san").await;
    assert!(link.starts_with("/password-reset#token=tms_pw_"), "{link}");
    let answer = browser.get(&path).await;
    let page = answer.page(200);
    assert!(page.contains("&#60;i&#62;New") && !page.contains("tms_pw_"), "{page}");
    let again = [("username", "new-san"), ("role", "viewer")];
    assert!(
        browser
            .post("/users/new", &again)
            .await
            .page(422)
            .contains("already exists")
    );
    let person = Browser::new(&world);
    let token = link.split_once("token=").unwrap().1;
    let set = [("token", token), ("new_password", PASSWORD), ("repeated", PASSWORD)];
    assert_eq!(person.post("/password-reset", &set).await.leads_to(), "/login");
    assert_eq!(person.sign_in("new-san", PASSWORD).await.status, 303);
    let answer = browser.get("/users?search=new-san&role=viewer&is_disabled=false").await;
    assert!(answer.page(200).contains("new@example.com"), "{}", answer.text);
    assert!(browser.get("/users?role=admin").await.page(200).contains("admin-san"));
    browser.get("/users?role=king").await.page(422);
    browser.get("/users/999999").await.page(404);
}

#[tokio::test]
async fn two_administrators_at_the_same_person_do_not_overwrite_each_other() {
    let world = World::new().await;
    let (one, two) = (Browser::of(&world, "admin").await, Browser::of(&world, "admin").await);
    let (_, path) = add(&world, &one, "new-san").await;
    let revision = between(one.get(&path).await.page(200), "name=\"revision\" value=\"", "\"").to_owned();
    let change = |full_name: &'static str, role: &'static str| {
        [
            ("revision", revision.clone()),
            ("full_name", full_name.to_owned()),
            ("role", role.to_owned()),
        ]
    };
    let send = async |browser: &Browser<'_>, fields: [(&str, String); 3]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post(&path, &fields).await
    };
    assert_eq!(send(&one, change("First", "support")).await.leads_to(), path);
    let late = send(&two, change("Second", "operator")).await;
    let page = late.page(412);
    assert!(
        page.contains("Somebody else has changed this meanwhile") && page.contains("value=\"Second\""),
        "{page}"
    );
    assert!(page.contains("id=\"full_name-theirs\">At present: First<"), "{page}");
    assert!(page.contains("id=\"role-theirs\">At present: Support<"), "{page}");
    let mut again = change("Second", "operator");
    again[0].1 = between(page, "name=\"revision\" value=\"", "\"").to_owned();
    assert_eq!(
        send(&two, again).await.leads_to(),
        path,
        "a second try, of the revision that was shown"
    );
    let back = [
        (
            "revision",
            between(two.get(&path).await.page(200), "name=\"revision\" value=\"", "\"").to_owned(),
        ),
        ("full_name", "First".to_owned()),
        ("role", "support".to_owned()),
    ];
    assert_eq!(send(&two, back).await.leads_to(), path);
    let forgotten = one.post(&path, &[("full_name", "Third"), ("role", "viewer")]).await;
    forgotten.page(422);
    let stored = world.get(&path).by("admin").send().await.ok(200);
    assert_eq!(
        (&stored["full_name"], &stored["role"]),
        (&json!("First"), &json!("support"))
    );
}

#[tokio::test]
async fn somebody_is_shut_out_at_once_and_let_in_again() {
    let world = World::new().await;
    let browser = Browser::of(&world, "admin").await;
    let person = Browser::of(&world, "viewer").await;
    let path = format!("/users/{}", world.first("/users?search=viewer-san").await);
    let revision = async || between(browser.get(&path).await.page(200), "name=\"revision\" value=\"", "\"").to_owned();
    browser.post(&format!("{path}/disable"), &[]).await.page(422);
    let seen = revision().await;
    let disabled = browser.post(&format!("{path}/disable"), &[("revision", &seen)]).await;
    assert_eq!(disabled.leads_to(), path);
    assert!(
        browser
            .get(&path)
            .await
            .page(200)
            .contains("is disabled and signed out everywhere")
    );
    assert!(person.get("/alerts").await.leads_to().starts_with("/login"));
    assert_eq!(person.sign_in("viewer-san", PASSWORD).await.status, 401);
    browser
        .post(&format!("{path}/enable"), &[("revision", &seen)])
        .await
        .page(412);
    browser.post(&format!("{path}/password-reset"), &[]).await.page(409);
    let seen = revision().await;
    browser
        .post(&format!("{path}/enable"), &[("revision", &seen)])
        .await
        .leads_to();
    assert_eq!(person.sign_in("viewer-san", PASSWORD).await.status, 303);
    // The person has an address of mail, and somebody has set up a channel for mail.
    let mail = json!({ "host": "mail.example.com", "sender": "tms@example.com", "receivers": ["ops@example.com"] });
    let channel = json!({ "name": "mail", "mail": mail });
    let channel = world.post("/notification-channels", &channel).by("admin");
    channel.send().await.ok(201);
    let link = browser.post(&format!("{path}/password-reset"), &[]).await;
    assert!(link.page(200).contains("/password-reset#token=tms_pw_"));
    assert!(link.page(200).contains("It was mailed to viewer@example.com as well."));
    browser.post(&format!("{path}/second-factor"), &[]).await.leads_to();
    let seen = revision().await;
    let gone = browser.post(&format!("{path}/delete"), &[("revision", &seen)]).await;
    assert_eq!(gone.leads_to(), "/users");
    browser.get(&path).await.page(404);
}

#[tokio::test]
async fn the_last_administrator_stays_and_dangerous_acts_ask_for_a_fresh_proof() {
    let world = World::new().await;
    let browser = Browser::of(&world, "admin").await;
    let path = format!("/users/{}", world.first("/users?search=admin-san").await);
    let answer = browser.get(&path).await;
    let seen = between(answer.page(200), "name=\"revision\" value=\"", "\"");
    for act in ["disable", "delete"] {
        let refused = browser.post(&format!("{path}/{act}"), &[("revision", seen)]).await;
        assert_eq!(refused.leads_to(), path);
        assert!(
            browser
                .get(&path)
                .await
                .page(200)
                .contains("The last administrator can")
        );
    }
    let demoted = browser.post(&path, &[("revision", seen), ("role", "viewer")]).await;
    assert!(demoted.page(422).contains("last administrator"), "{}", demoted.text);
    world.advance(601);
    let answer = browser.post(&format!("{path}/password-reset"), &[]).await;
    assert!(answer.leads_to().starts_with("/confirm?next="), "{}", answer.text);
    assert!(browser.get("/users/new").await.leads_to().starts_with("/confirm?next="));
    browser.get("/users").await.page(200);
}

#[tokio::test]
async fn what_was_typed_comes_back_after_the_proof() {
    let world = World::new().await;
    world.customer("ABC").await;
    let browser = Browser::of(&world, "admin").await;
    world.advance(601);
    let typed = [
        ("username", "new-san"),
        ("role", "support"),
        ("full_name", "<i>New</i>\r\nName"),
        ("only_customer", "ABC"),
    ];
    let question = browser.post("/users/new", &typed).await;
    let page = question.page(403);
    for part in [
        "Is it still you?",
        "What you typed is kept",
        "name=\"kept_to\" value=\"/users/new\"",
        "name=\"kept.full_name\" value=\"&#60;i&#62;New&#60;/i&#62;\nName\"",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let kept = [
        ("kept_to", "/users/new"),
        ("kept.username", "new-san"),
        ("kept.role", "support"),
        ("kept.full_name", "<i>New</i>"),
        ("kept.only_customer", "ABC"),
    ];
    let with = |password| [&[("next", "/dashboard"), ("password", password)][..], &kept].concat();
    let refused = browser.post("/confirm", &with("wrong horse battery")).await;
    assert!(
        refused.page(422).contains("name=\"kept.username\" value=\"new-san\""),
        "{}",
        refused.text
    );
    let proven = browser.post("/confirm", &with(PASSWORD)).await;
    assert_eq!((proven.status.as_u16(), proven.header("location")), (307, "/users/new"));
    // The browser sends the same again to there, and nothing is done so far.
    let back = browser.post("/users/new", &with(PASSWORD)).await;
    let page = back.page(200);
    for part in [
        "value=\"new-san\"",
        "value=\"&#60;i&#62;New&#60;/i&#62;\"",
        "value=\"ABC\"",
        "value=\"support\" selected",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(
        !page.contains(PASSWORD) && !page.contains("id=\"form-fault\""),
        "{page}"
    );
    let list = world.get("/users?search=new-san").by("admin").send().await.ok(200);
    assert_eq!(list["data"], json!([]));
    browser.post("/users/new", &typed[..2]).await.page(201);
}

#[tokio::test]
async fn a_person_is_bound_to_a_customer_by_name() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let browser = Browser::of(&world, "admin").await;
    let (_, path) = add(&world, &browser, "new-san").await;
    let answer = browser.get(&path).await;
    let page = answer.page(200);
    assert!(page.contains("<option value=\"ABC\">"), "{page}");
    let seen = between(page, "name=\"revision\" value=\"", "\"");
    let change = [("revision", seen), ("role", "viewer"), ("only_customer", " ABC ")];
    assert_eq!(browser.post(&path, &change).await.leads_to(), path);
    let stored = world.get(&path).by("admin").send().await.ok(200);
    assert_eq!(stored["customer_id"], json!(customer), "{stored}");
    assert!(browser.get(&path).await.page(200).contains("value=\"ABC\""));
}
