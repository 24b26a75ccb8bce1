//! The pages of people: added with a link that is shown once, changed, shut out, let in again.

use serde_json::json;

use crate::{
    browser::Browser,
    world::{PASSWORD, World},
};

/// Cuts what stands between two marks out of a page.
fn between<'p>(page: &'p str, before: &str, after: &str) -> &'p str {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("{before} in {page}"));
    rest.split_once(after).unwrap().0
}

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
    let wrong = [
        ("username", "x"),
        ("role", "viewer"),
        ("email", "no address"),
        ("customer_id", "77"),
    ];
    let answer = browser.post("/users/new", &wrong).await;
    let page = answer.page(422);
    for part in ["id=\"username-error\"", "id=\"email-error\"", "value=\"no address\""] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let (link, path) = add(&world, &browser, "new-san").await;
    assert!(link.starts_with("/password-reset?token=tms_pw_"), "{link}");
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
        page.contains("Somebody else has changed this meanwhile") && page.contains("value=\"First\""),
        "{page}"
    );
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
    let link = browser.post(&format!("{path}/password-reset"), &[]).await;
    assert!(link.page(200).contains("/password-reset?token=tms_pw_"));
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
    for form in ["/users/new", &*format!("{path}/password-reset")] {
        let answer = browser.post(form, &[("username", "new-san"), ("role", "viewer")]).await;
        assert!(answer.leads_to().starts_with("/confirm?next="), "{}", answer.text);
    }
    assert!(browser.get("/users/new").await.leads_to().starts_with("/confirm?next="));
    browser.get("/users").await.page(200);
}
