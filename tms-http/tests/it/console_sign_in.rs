//! Signing in and out at the console, and what keeps others from it.

use serde_json::json;

use crate::{
    browser::Browser,
    world::{PASSWORD, World},
};

const SESSION: &str = "__Host-tms_session";

#[tokio::test]
async fn somebody_signs_in_looks_around_and_signs_out() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    assert_eq!(
        browser.get("/terminals?status=error").await.leads_to(),
        "/login?next=%2Fterminals%3Fstatus%3Derror"
    );
    let page = browser.get("/login?next=%2Fterminals%3Fstatus%3Derror").await;
    assert!(
        page.page(200)
            .contains("name=\"next\" value=\"/terminals?status=error\"")
    );
    let fields = [
        ("username", "viewer-san"),
        ("password", PASSWORD),
        ("next", "/terminals?status=error"),
    ];
    let answer = browser.post("/login", &fields).await;
    assert_eq!(answer.leads_to(), "/terminals?status=error");
    let cookies: Vec<_> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|c| c.to_str().unwrap())
        .collect();
    let session = cookies.iter().find(|cookie| cookie.starts_with(SESSION)).unwrap();
    assert!(
        session.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"),
        "{session}"
    );
    assert!(browser.get("/terminals").await.page(200).contains("viewer-san"));
    assert_eq!(
        browser.get("/login").await.leads_to(),
        "/dashboard",
        "who is inside goes on"
    );
    let token = browser.cookie(SESSION).unwrap();
    assert_eq!(browser.post("/logout", &[]).await.leads_to(), "/login");
    assert_eq!(browser.cookie(SESSION), None);
    assert!(browser.get("/login").await.page(200).contains("You have signed out."));
    assert!(
        !browser.get("/login").await.page(200).contains("You have signed out."),
        "said once"
    );
    browser.set_cookie(SESSION, &token);
    browser.get("/terminals").await.leads_to();
}

#[tokio::test]
async fn wrong_guesses_look_alike_and_are_limited() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    for (name, password) in [
        ("viewer-san", "wrong password"),
        ("nobody", "wrong password"),
        ("<b>", ""),
    ] {
        let page = browser.sign_in(name, password).await;
        let page = page.page(401);
        assert!(page.contains("Name, password or code is wrong."), "{page}");
        assert!(!page.contains("wrong password") && !page.contains("<b>"));
    }
    for _ in 0..9 {
        browser.sign_in("viewer-san", "wrong password").await.page(401);
    }
    let page = browser.sign_in("viewer-san", PASSWORD).await;
    assert!(
        page.page(429)
            .contains("Too many attempts. Please try again in 30 min.")
    );
    assert_eq!(browser.cookie(SESSION), None);
}

#[tokio::test]
async fn a_session_ends_unused_and_after_half_a_day_in_any_case() {
    let world = World::new().await;
    let browser = Browser::of(&world, "viewer").await;
    world.advance(14 * 60);
    browser.get("/terminals").await.page(200);
    world.advance(14 * 60);
    browser.get("/terminals").await.page(200);
    world.advance(15 * 60);
    assert_eq!(browser.get("/terminals").await.leads_to(), "/login?next=%2Fterminals");
    let browser = Browser::of(&world, "viewer").await;
    for _ in 0..71 {
        world.advance(600);
        browser.get("/terminals").await.page(200);
    }
    world.advance(600);
    browser.get("/terminals").await.leads_to();
}

#[tokio::test]
async fn a_page_that_is_left_open_keeps_nobody_signed_in() {
    let world = World::new().await;
    let mut browser = Browser::of(&world, "viewer").await;
    browser.headers.push(("x-tms-live", "1"));
    for _ in 0..2 {
        world.advance(7 * 60);
        browser.get("/terminals").await.page(200);
    }
    world.advance(60);
    assert_eq!(
        browser.get("/terminals").await.status,
        401,
        "told to the script, not sent to the sign-in"
    );
}

#[tokio::test]
async fn a_cookie_that_was_put_there_before_never_becomes_a_session() {
    let world = World::new().await;
    let preset = "tms_cs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let browser = Browser::new(&world);
    browser.set_cookie(SESSION, preset);
    browser.get("/terminals").await.leads_to();
    browser.sign_in("viewer-san", PASSWORD).await.leads_to();
    assert_ne!(browser.cookie(SESSION).unwrap(), preset);
    let other = Browser::new(&world);
    for foreign in [
        preset,
        "",
        "tms_at_x",
        "x",
        &browser.cookie("__Host-tms_device").unwrap(),
    ] {
        other.set_cookie(SESSION, foreign);
        other.get("/terminals").await.leads_to();
    }
    // The token of a program is no session of the console, and the other way round.
    let login = json!({ "username": "viewer-san", "password": PASSWORD });
    let access = world.post("/auth/login", &login).send().await.ok(200)["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    other.set_cookie(SESSION, &access);
    other.get("/terminals").await.leads_to();
    let session = browser.cookie(SESSION).unwrap();
    world
        .get("/auth/me")
        .token(&session)
        .send()
        .await
        .problem(401, "AUTH_002");
    let answer = world
        .get("/auth/me")
        .header("cookie", &format!("{SESSION}={session}"))
        .send()
        .await;
    answer.problem(401, "AUTH_002");
}

#[tokio::test]
async fn the_way_on_never_leads_elsewhere() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    for evil in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "evil",
        "",
    ] {
        let fields = [("username", "viewer-san"), ("password", PASSWORD), ("next", evil)];
        assert_eq!(browser.post("/login", &fields).await.leads_to(), "/dashboard", "{evil}");
        let fields = [("theme", "dark"), ("back", evil)];
        assert_eq!(
            browser.post("/preferences", &fields).await.leads_to(),
            "/dashboard",
            "{evil}"
        );
    }
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let world = World::new().await;
    for (header, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("x-nothing", "said"),
    ] {
        let mut browser = Browser::of(&world, "admin").await;
        browser.headers.retain(|(name, _)| *name != "sec-fetch-site");
        browser.headers.push((header, value));
        for path in ["/logout", "/login", "/preferences", "/confirm"] {
            let answer = browser.post(path, &[("theme", "dark")]).await;
            assert!(answer.page(403).contains("Not allowed"), "{header}: {value}: {path}");
            assert!(answer.headers.get("set-cookie").is_none());
        }
        browser.get("/terminals").await.page(200);
    }
    let mut browser = Browser::of(&world, "admin").await;
    browser.headers.retain(|(name, _)| *name != "sec-fetch-site");
    browser.headers.push(("origin", "https://tms.example"));
    browser.post("/logout", &[]).await.leads_to();
}

#[tokio::test]
async fn disabling_somebody_ends_their_session_at_once() {
    let world = World::new().await;
    let browser = Browser::of(&world, "viewer").await;
    let users = world.get("/users?search=viewer").by("admin").send().await.ok(200);
    let path = format!("/users/{}", users["data"][0]["id"]);
    let off = json!({ "is_disabled": true });
    world.patch(&path, &off).by("admin").if_match("*").send().await.ok(200);
    browser.get("/terminals").await.leads_to();
    browser.sign_in("viewer-san", PASSWORD).await.page(401);
}

#[tokio::test]
async fn language_and_colours_are_kept() {
    let world = World::new().await;
    let browser = Browser::of(&world, "viewer").await;
    let fields = [("language", "ja"), ("back", "/terminals")];
    assert_eq!(browser.post("/preferences", &fields).await.leads_to(), "/terminals");
    let page = browser.get("/terminals").await;
    assert!(
        page.page(200).contains("<html lang=\"ja\" data-theme=\"auto\">")
            && page.text.contains("端末を検索") | page.text.contains("シリアル番号")
    );
    browser
        .post("/preferences", &[("theme", "dark"), ("back", "/terminals")])
        .await
        .leads_to();
    assert!(
        browser
            .get("/terminals")
            .await
            .page(200)
            .contains("data-theme=\"dark\"")
    );
    browser
        .post("/preferences", &[("theme", "<x>"), ("language", "xx")])
        .await
        .leads_to();
    assert!(
        browser
            .get("/terminals")
            .await
            .page(200)
            .contains("<html lang=\"ja\" data-theme=\"dark\">")
    );
    let mut other = Browser::new(&world);
    other.headers.retain(|(name, _)| *name != "accept-language");
    other.headers.push(("accept-language", "ja-JP,ja;q=0.9,en;q=0.8"));
    assert!(other.get("/login").await.page(200).contains("<html lang=\"ja\""));
}

#[tokio::test]
async fn what_goes_wrong_looks_like_the_rest() {
    let world = World::new().await;
    let browser = Browser::of(&world, "viewer").await;
    for (path, status) in [
        ("/nothing", 404),
        ("/terminals/export.csv/x", 404),
        ("/logout", 405),
        ("/terminals?page=x", 422),
    ] {
        let page = browser.get(path).await;
        let text = page.page(status);
        assert!(text.contains(page.header("x-request-id")), "{path}");
    }
    assert!(browser.get("/terminals").await.page(200).contains("viewer-san"));
    // A program gets what the contract says.
    world
        .get("http://tms.example/nothing")
        .send()
        .await
        .problem(404, "RES_001");
    world
        .get("http://tms.example/terminals")
        .send()
        .await
        .problem(401, "AUTH_002");
}
