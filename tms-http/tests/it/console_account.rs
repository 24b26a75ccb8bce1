//! The account: password, second factor, sessions, API tokens.

use serde_json::json;
use tms_core::operator::totp::Seed;

use crate::{
    browser::Browser,
    world::{PASSWORD, World},
};

/// Sets up a second factor in a browser and returns its seed and the recovery codes.
async fn set_up(browser: &Browser<'_>, world: &World) -> (Seed, Vec<String>) {
    let page = browser.post("/account/second-factor", &[]).await;
    let seed = page
        .page(200)
        .split("id=\"seed\">")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap();
    let seed = read_seed(seed);
    browser
        .post("/account/second-factor/confirm", &[("code", "000000")])
        .await
        .page(422);
    let code = seed.code_at(world.tms.now());
    let page = browser.post("/account/second-factor/confirm", &[("code", &code)]).await;
    let codes = page
        .page(200)
        .split("id=\"recovery-codes\">")
        .nth(1)
        .unwrap()
        .split("</pre>")
        .next()
        .unwrap();
    (seed, codes.split_whitespace().map(str::to_owned).collect())
}

fn read_seed(text: &str) -> Seed {
    let mut bits = Vec::new();
    for letter in text.bytes().filter(u8::is_ascii_alphanumeric) {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
            .iter()
            .position(|known| *known == letter)
            .unwrap();
        bits.extend((0..5).rev().map(|bit| value >> bit & 1));
    }
    let mut seed = [0_u8; 20];
    for (byte, bits) in seed.iter_mut().zip(bits.chunks(8)) {
        *byte = bits.iter().fold(0, |byte, bit| byte << 1 | u8::try_from(*bit).unwrap());
    }
    Seed::from_bytes(seed)
}

#[tokio::test]
async fn a_second_factor_is_set_up_asked_for_and_removed() {
    let world = World::new().await;
    let browser = Browser::of(&world, "support").await;
    let (seed, recovery) = set_up(&browser, &world).await;
    assert_eq!(recovery.len(), 10);
    let other = Browser::new(&world);
    let fields = [
        ("username", "support-san"),
        ("password", PASSWORD),
        ("next", "/terminals"),
    ];
    assert_eq!(
        other.post("/login", &fields).await.leads_to(),
        "/login/code?next=%2Fterminals"
    );
    assert_eq!(other.cookie("__Host-tms_session"), None, "half a sign-in is none");
    other.get("/terminals").await.leads_to();
    assert!(
        other
            .get("/login/code?next=%2Fterminals")
            .await
            .page(200)
            .contains("value=\"/terminals\"")
    );
    assert!(
        other
            .post("/login/code", &[("code", "000000")])
            .await
            .page(401)
            .contains("That code is wrong")
    );
    let used = seed.code_at(world.tms.now());
    other.post("/login/code", &[("code", &used)]).await.page(401);
    world.advance(30);
    let code = seed.code_at(world.tms.now());
    assert_eq!(
        other
            .post("/login/code", &[("code", &code), ("next", "/terminals")])
            .await
            .leads_to(),
        "/terminals"
    );
    other.get("/terminals").await.page(200);
    let third = Browser::new(&world);
    third.post("/login", &fields).await.leads_to();
    third.post("/login/code", &[("code", &recovery[0])]).await.leads_to();
    third.post("/account/second-factor/disable", &[]).await.leads_to();
    assert_eq!(
        Browser::new(&world).sign_in("support-san", PASSWORD).await.leads_to(),
        "/dashboard"
    );
}

#[tokio::test]
async fn half_a_sign_in_ends_soon_and_with_the_password_it_was_for() {
    let world = World::new().await;
    let browser = Browser::of(&world, "support").await;
    let (seed, _) = set_up(&browser, &world).await;
    let half = Browser::new(&world);
    half.sign_in("support-san", PASSWORD).await.leads_to();
    let cookie = half.cookie("__Host-tms_half").unwrap();
    world.advance(301);
    let code = seed.code_at(world.tms.now());
    assert_eq!(half.post("/login/code", &[("code", &code)]).await.leads_to(), "/login");
    for forged in [
        "",
        "00",
        "zz",
        &cookie[..cookie.len() - 2],
        &format!("{cookie}00"),
        &"f".repeat(2_000),
    ] {
        half.set_cookie("__Host-tms_half", forged);
        assert_eq!(
            half.post("/login/code", &[("code", &code)]).await.leads_to(),
            "/login",
            "{forged}"
        );
    }
    half.sign_in("support-san", PASSWORD).await.leads_to();
    let fields = [
        ("current_password", PASSWORD),
        ("new_password", "another horse battery"),
        ("repeated", "another horse battery"),
    ];
    browser.post("/account/password", &fields).await.leads_to();
    assert_eq!(
        half.post("/login/code", &[("code", &code)]).await.leads_to(),
        "/login",
        "that password is no more"
    );
}

#[tokio::test]
async fn a_role_that_needs_a_second_factor_sets_one_up_first() {
    let world = World::new().await;
    let settings = world.get("/settings").by("admin").send().await;
    let mut next = settings.ok(200);
    next["security"]["second_factor_roles"] = json!(["viewer"]);
    for gone in ["revision", "updated_at"] {
        next.as_object_mut().unwrap().remove(gone);
    }
    world
        .call("PUT", "/settings")
        .json(&next)
        .by("admin")
        .if_match("*")
        .send()
        .await
        .ok(200);
    let browser = Browser::of(&world, "viewer").await;
    for path in ["/dashboard", "/terminals"] {
        assert_eq!(browser.get(path).await.leads_to(), "/account/second-factor");
    }
    assert!(
        browser
            .get("/account/second-factor")
            .await
            .page(200)
            .contains("Your role needs a second factor.")
    );
    set_up(&browser, &world).await;
    browser.get("/terminals").await.page(200);
}

#[tokio::test]
async fn what_is_dangerous_asks_for_a_fresh_proof() {
    let world = World::new().await;
    let browser = Browser::of(&world, "operator").await;
    browser.get("/account/tokens/new").await.page(200);
    world.advance(601);
    assert_eq!(
        browser.get("/account/tokens/new").await.leads_to(),
        "/confirm?next=%2Faccount%2Ftokens%2Fnew"
    );
    let answer = browser
        .post(
            "/account/tokens/new",
            &[("name", "x"), ("days", "1"), ("scopes", "terminal.read")],
        )
        .await;
    assert!(answer.leads_to().starts_with("/confirm?next="));
    browser.get("/confirm?next=%2Faccount%2Ftokens%2Fnew").await.page(200);
    browser
        .post("/confirm", &[("password", "wrong"), ("next", "/account/tokens/new")])
        .await
        .page(422);
    let fields = [("password", PASSWORD), ("next", "/account/tokens/new")];
    assert_eq!(
        browser.post("/confirm", &fields).await.leads_to(),
        "/account/tokens/new"
    );
    browser.get("/account/tokens/new").await.page(200);
}

#[tokio::test]
async fn a_token_is_shown_once_and_deleted() {
    let world = World::new().await;
    let browser = Browser::of(&world, "viewer").await;
    let page = browser
        .post(
            "/account/tokens/new",
            &[("name", ""), ("days", "9999"), ("scopes", "user.write")],
        )
        .await;
    for field in ["name", "days", "scopes"] {
        assert!(
            page.page(422).contains(&format!("id=\"{field}-error\"")),
            "{field}: {}",
            page.text
        );
    }
    let page = browser
        .post("/account/tokens/new", &[("name", "x"), ("days", "soon")])
        .await;
    assert!(page.page(422).contains("Must be 1 to 366"), "{}", page.text);
    assert!(
        !page.text.contains("user.write"),
        "what is not theirs to give is not offered"
    );
    let fields = [
        ("name", "robot"),
        ("days", "30"),
        ("scopes", "terminal.read"),
        ("scopes", "alert.read"),
    ];
    let page = browser.post("/account/tokens/new", &fields).await;
    let token = page
        .page(200)
        .split("id=\"token\">")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap()
        .to_owned();
    world.get("/alerts").token(&token).send().await.ok(200);
    let page = browser.get("/account").await;
    assert!(page.page(200).contains("robot") && !page.text.contains(&token));
    for shown in ["Read terminals and their history", "terminal.read"] {
        let is_name = shown.contains(' ');
        assert_eq!(page.text.contains(shown), is_name, "{shown} in {}", page.text);
    }
    let id = page
        .text
        .split("/account/tokens/")
        .nth(2)
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    assert_eq!(
        browser
            .post(&format!("/account/tokens/{id}/delete"), &[])
            .await
            .leads_to(),
        "/account"
    );
    world.get("/alerts").token(&token).send().await.problem(401, "AUTH_002");
}

#[tokio::test]
async fn sessions_are_ended_by_their_owner() {
    let world = World::new().await;
    let (one, two) = (Browser::of(&world, "viewer").await, Browser::of(&world, "viewer").await);
    let page = one.get("/account").await;
    let id = page
        .page(200)
        .split("/account/sessions/")
        .nth(2)
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let other = Browser::of(&world, "support").await;
    other.post(&format!("/account/sessions/{id}/end"), &[]).await.page(404);
    assert_eq!(
        one.post(&format!("/account/sessions/{id}/end"), &[]).await.leads_to(),
        "/account"
    );
    two.get("/terminals").await.leads_to();
    one.post("/account/sessions/end-others", &[]).await.leads_to();
    assert!(
        one.get("/account")
            .await
            .page(200)
            .contains("1 other sessions have ended.")
    );
}

#[tokio::test]
async fn a_wrong_password_stands_beside_its_field() {
    let world = World::new().await;
    let browser = Browser::of(&world, "viewer").await;
    for (present, next, repeated, part) in [
        (PASSWORD, "short", "short", "Must be 12 to 128 characters"),
        (PASSWORD, "another horse battery", "another", "id=\"repeated-error\""),
        (
            "wrong",
            "another horse battery",
            "another horse battery",
            "id=\"form-fault\"",
        ),
        (PASSWORD, PASSWORD, PASSWORD, "Must differ from the present one"),
    ] {
        let fields = [
            ("current_password", present),
            ("new_password", next),
            ("repeated", repeated),
        ];
        let page = browser.post("/account/password", &fields).await;
        assert!(page.page(422).contains(part), "{part}: {}", page.text);
        assert!(!page.text.contains("horse"), "no password is shown again");
    }
}
