//! The pages of terminals and the dashboard.

use serde_json::json;

use crate::{
    browser::{Browser, between},
    world::World,
};

const HOSTILE: &str = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>";

#[tokio::test]
async fn an_unplugged_reader_is_found_and_understood() {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    let (one, two) = (
        world.agent(customer, "TC-200-001").await,
        world.agent(customer, "TC-200-002").await,
    );
    world
        .beat(
            &one,
            json!({ "metrics": { "cpu_usage": 45, "memory_usage": 60, "disk_usage": 30, "temperature": 35 } }),
        )
        .send()
        .await
        .ok(200);
    world
        .beat(&two, json!({ "device": { "state": "absent" } }))
        .send()
        .await
        .ok(200);
    world.tick().await;
    world.advance(5);
    let browser = Browser::of(&world, "support").await;
    let page = browser.get("/dashboard").await;
    assert!(
        page.page(200).contains("Card reader is not attached") && page.text.contains("TC-200-002"),
        "{}",
        page.text
    );
    assert!(page.text.contains("Fleet of 2 terminals"));
    let page = browser.get("/terminals?status=error").await;
    let list = page.page(200).split("id=\"terminals\"").nth(1).unwrap();
    assert!(list.contains("TC-200-002") && !list.contains("TC-200-001") && list.contains("reader not attached"));
    let page = browser.get(&format!("/terminals/{}", two.id)).await;
    let text = page.page(200);
    let deadline = deadline_in_tokyo(&world, two.id).await;
    let deadline = format!("If it stays silent it counts as offline at {deadline}, after ");
    for part in [
        "The PC is heard, but no card reader is attached to it.",
        "Ask the shop to check the USB cable",
        &deadline,
        "It was last heard at 2026-01-24 19:00:00, 5 s ago.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    browser.post("/preferences", &[("language", "ja")]).await.leads_to();
    let page = browser.get(&format!("/terminals/{}", two.id)).await;
    assert!(page.page(200).contains("カードリーダーが接続されていません"));
    let page = browser.get(&format!("/terminals/{}?span=24h", one.id)).await;
    assert!(page.page(200).contains("<td class=\"number\">45</td><td class=\"number\">60</td><td class=\"number\">30</td><td class=\"number\">35</td>"), "the numbers behind the chart");
}

#[tokio::test]
async fn silence_is_explained_with_its_deadline() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let browser = Browser::of(&world, "viewer").await;
    let path = format!("/terminals/{}", agent.id);
    assert!(
        browser
            .get(&path)
            .await
            .page(200)
            .contains("no heartbeat has come so far")
    );
    world.beat(&agent, json!({})).send().await.ok(200);
    let deadline = deadline_in_tokyo(&world, agent.id).await;
    // Without a gap: a time in which nobody was there to hear would not count.
    for _ in 0..12 * 6 {
        world.advance(10);
        world.tick().await;
    }
    let page = browser.get(&path).await;
    assert!(
        page.page(200)
            .contains("Nothing has been heard since 2026-01-24 19:00:00, for 12 min."),
        "{}",
        page.text
    );
    assert!(page.text.contains(&format!("since the deadline at {deadline}")));
}

/// Returns until when a terminal must be heard, as the API says it, spelled as the console does nine hours to the east.
async fn deadline_in_tokyo(world: &World, id: i64) -> String {
    let view = world.get(&format!("/terminals/{id}")).by("viewer").send().await.ok(200);
    let deadline = view["status_reason"]["next_deadline"].as_str().unwrap();
    deadline.replace("T10:", " 19:").trim_end_matches('Z').to_owned()
}

#[tokio::test]
async fn of_two_editors_the_second_is_told_and_shown() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let (one, two) = (
        Browser::of(&world, "operator").await,
        Browser::of(&world, "admin").await,
    );
    let path = format!("/terminals/{}/edit", agent.id);
    let page = one.get(&path).await;
    let revision = page
        .page(200)
        .split("name=\"revision\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let fields = |shop| {
        [
            ("revision", revision),
            ("serial_number", "TC-200-001"),
            ("customer", "ABC"),
            ("model", "TC-200"),
            ("store_name", shop),
            ("heartbeat_interval", "300"),
        ]
    };
    assert_eq!(
        one.post(&path, &fields("First")).await.leads_to(),
        format!("/terminals/{}", agent.id)
    );
    let page = two.post(&path, &fields("Second")).await;
    let text = page.page(412);
    assert!(
        text.contains("Somebody else has changed this meanwhile.") && text.contains("value=\"Second\""),
        "{text}"
    );
    assert!(text.contains("id=\"store_name-theirs\">At present: First<"), "{text}");
    assert!(!text.contains("id=\"model-theirs\""), "where nothing differs: {text}");
    assert_eq!(world.terminal(agent.id).await["store_name"], "First");
    let retire = format!("/terminals/{}/retire", agent.id);
    two.post(&retire, &[("revision", revision), ("confirmed", "true")])
        .await
        .leads_to();
    assert_eq!(
        world.terminal(agent.id).await["lifecycle"],
        "active",
        "not as it was seen"
    );
}

#[tokio::test]
async fn a_terminal_is_registered_maintained_and_retired() {
    let world = World::new().await;
    world.customer("ABC").await;
    let browser = Browser::of(&world, "operator").await;
    let page = browser
        .post(
            "/terminals/new",
            &[
                ("serial_number", "-"),
                ("customer", "XYZ"),
                ("heartbeat_interval", "x"),
                ("installed_date", "1"),
            ],
        )
        .await;
    let text = page.page(422);
    for field in ["serial_number", "customer", "heartbeat_interval", "installed_date"] {
        assert!(text.contains(&format!("id=\"{field}-error\"")), "{field}: {text}");
    }
    assert!(!text.contains("nvalid digit"), "in words of people: {text}");
    let fields = [
        ("serial_number", "tc-200-007"),
        ("customer", "ABC"),
        ("model", "TC-200"),
        ("heartbeat_interval", "300"),
    ];
    let to = browser.post("/terminals/new", &fields).await.leads_to().to_owned();
    assert!(browser.get(&to).await.page(200).contains("TC-200-007 is registered."));
    assert!(
        browser
            .post("/terminals/new", &fields)
            .await
            .page(422)
            .contains("already exists")
    );
    let page = browser
        .post(&format!("{to}/maintenance"), &[("reason", ""), ("until", "yesterday")])
        .await;
    assert!(page.page(422).contains("id=\"until-error\""), "{}", page.text);
    assert_eq!(
        browser
            .post(&format!("{to}/maintenance"), &[("reason", "cable")])
            .await
            .leads_to(),
        to
    );
    let page = browser.get(&to).await;
    let text = page.page(200);
    assert!(text.contains("It has been in maintenance since"), "{text}");
    let end = text.split("/maintenance/").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(
        browser.post(&format!("{to}/maintenance/{end}"), &[]).await.leads_to(),
        to
    );
    let page = browser.get(&format!("{to}/edit")).await;
    let revision = page
        .page(200)
        .split("name=\"revision\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let retire = format!("{to}/retire");
    assert_eq!(
        browser.post(&retire, &[("revision", &revision)]).await.leads_to(),
        format!("{to}/edit"),
        "not without the box"
    );
    assert_eq!(
        browser
            .post(&retire, &[("revision", &revision), ("confirmed", "true")])
            .await
            .leads_to(),
        to
    );
    let page = browser.get(&to).await;
    assert!(page.page(200).contains("The terminal is retired") && !page.text.contains("id=\"edit\""));
    browser
        .post(&retire, &[("revision", "9"), ("confirmed", "true")])
        .await
        .page(409);
}

#[tokio::test]
async fn hostile_text_shows_as_text() {
    let world = World::new().await;
    let customer = world.customer(HOSTILE).await;
    let made = json!({ "serial_number": "TC-200-001", "customer_id": customer, "model": "<b>\"M\"</b>",
        "store_name": HOSTILE, "store_code": "<i>1</i>", "installation_address": HOSTILE });
    let id = world.post("/terminals", &made).by("operator").send().await.ok(201)["id"]
        .as_i64()
        .unwrap();
    let code = world.code(customer, json!({ "serial_number": "TC-200-001" })).await;
    let mut register = crate::world::register_body("TC-200-001", &code);
    register["hostname"] = json!(HOSTILE);
    register["firmware_version"] = json!("<u>2</u>");
    let token = world.post("/agent/register", &register).send().await.ok(201)["agent_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let log = json!({ "serial_number": "TC-200-001", "logs": [{ "event_id": "1", "timestamp": "2026-01-24T10:00:00Z",
        "level": "INFO", "type": "<x>", "message": HOSTILE, "details": { "<k>": HOSTILE } }] });
    world.post("/agent/logs", &log).token(&token).send().await.ok(200);
    let plan = json!({ "terminal_id": id, "reason": HOSTILE });
    world.post("/maintenance", &plan).by("support").send().await.ok(201);
    let mut browser = Browser::of(&world, "operator").await;
    browser.headers.push(("user-agent", "<script>agent</script>"));
    browser.sign_in("operator-san", crate::world::PASSWORD).await.leads_to();
    let search = "search=%3Cscript%3Ealert(1)%3C/script%3E%22";
    for path in [
        "/dashboard".to_owned(),
        "/terminals".to_owned(),
        format!("/terminals?{search}&model={search}&store_code=%3Ci%3E1"),
        format!("/terminals/{id}"),
        format!("/terminals/{id}?text=%3Cscript%3E%22&type=%3Cx%3E"),
        format!("/terminals/{id}/edit"),
        "/terminals/new".to_owned(),
        "/account".to_owned(),
        "/login?next=%22%3E%3Cscript%3E".to_owned(),
        "/password-reset".to_owned(),
    ] {
        let page = browser.get(&path).await;
        if page.status == 303 {
            continue;
        }
        let text = page.page(200);
        for raw in ["<script>", "<img", "<b>\"", "<i>1", "<u>", "<x>", "<k>", "\"'&"] {
            assert!(!text.contains(raw), "{raw} in {path}: {text}");
        }
    }
    let page = browser.get(&format!("/terminals/{id}")).await;
    assert!(page.page(200).contains("&#60;script&#62;alert(1)"), "{}", page.text);
    let link = [("token", "\"><script>"), ("new_password", "a"), ("repeated", "b")];
    let page = browser.post("/password-reset", &link).await;
    assert!(!page.page(422).contains("<script>"), "{}", page.text);
}

#[tokio::test]
async fn who_is_bound_to_a_customer_sees_that_ones_only() {
    let world = World::new().await;
    let (own, other) = (world.customer("Own").await, world.customer("Other").await);
    world.agent(own, "TC-200-001").await;
    let foreign = world.agent(other, "TC-200-002").await;
    let person = json!({ "username": "bound-san", "role": "operator", "customer_id": own });
    let made = world.post("/users", &person).by("admin").send().await.ok(201);
    let token = made["password_link"]["token"].as_str().unwrap();
    let browser = Browser::new(&world);
    let fields = [
        ("token", token),
        ("new_password", "another horse battery"),
        ("repeated", "another horse battery"),
    ];
    assert_eq!(browser.post("/password-reset", &fields).await.leads_to(), "/login");
    browser.sign_in("bound-san", "another horse battery").await.leads_to();
    let page = browser.get("/terminals").await;
    assert!(page.page(200).contains("TC-200-001") && !page.text.contains("TC-200-002") && !page.text.contains("Other"));
    for path in ["", "/edit"] {
        browser.get(&format!("/terminals/{}{path}", foreign.id)).await.page(404);
    }
    assert!(!browser.get("/terminals/new").await.page(200).contains("Other"));
    let path = format!("/customers/{own}");
    let form = browser.get(&path).await;
    assert!(form.page(200).contains("id=\"agreed\" disabled"), "{}", form.text);
    let typed = [
        ("revision", "1"),
        ("company_name", "Own"),
        ("contact_phone", "03-0000-0000"),
    ];
    browser.post(&path, &typed).await.leads_to();
    let saved = world.get(&path).by("admin").send().await.ok(200);
    assert_eq!(
        (&saved["contact_phone"], &saved["is_active"]),
        (&json!("03-0000-0000"), &json!(true))
    );
    let export = browser.get("/terminals/export.csv").await;
    assert!(
        export.text.contains("TC-200-001") && !export.text.contains("TC-200-002"),
        "{}",
        export.text
    );
}

#[tokio::test]
async fn links_begin_with_the_base_path_and_assets_are_served() {
    let world = World::with(|settings| settings.base_path = "/tms".parse().unwrap()).await;
    let browser = Browser::new(&world);
    assert_eq!(
        browser.get("/tms/terminals").await.leads_to(),
        "/tms/login?next=%2Ftms%2Fterminals"
    );
    let page = browser.get("/tms/login").await;
    let mut text = page.page(200).to_owned();
    // It loads one more.
    text.push_str(browser.get("/tms/password-reset").await.page(200));
    for link in text
        .split(['"', '='])
        .filter(|part| part.starts_with('/') && !part.starts_with("/>"))
    {
        assert!(link.starts_with("/tms/"), "{link}");
    }
    for asset in tms_http::assets() {
        let answer = browser.get(&format!("/tms/static/{}", asset.hashed_name)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), asset.content_type);
        assert!(answer.header("cache-control").contains("immutable"));
        assert_eq!(answer.text.as_bytes(), asset.bytes);
        assert!(text.contains(&asset.hashed_name), "{}", asset.name);
        assert_eq!(browser.get(&format!("/tms/static/{}", asset.name)).await.status, 404);
    }
    let elsewhere =
        World::with(|settings| settings.static_url = Some("https://cdn.example.com/x/".parse().unwrap())).await;
    let page = Browser::new(&elsewhere).get("/login").await;
    assert!(page.page(200).contains("href=\"https://cdn.example.com/x/console."));
    assert!(
        page.header("content-security-policy")
            .contains("script-src 'self' https://cdn.example.com;")
    );
    let without = World::with(|settings| settings.console = false).await;
    let answer = Browser::new(&without).get("/login").await;
    answer.problem(404, "RES_001");
}

#[tokio::test]
async fn the_language_is_chosen_on_a_page_that_answers_a_form() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let mut browser = Browser::of(&world, "operator").await;
    let terminal = format!("/terminals/{}", agent.id);
    let form = format!("{terminal}/maintenance");
    let refused = browser.post(&form, &[("reason", ""), ("until", "yesterday")]).await;
    let back = between(refused.page(422), "name=\"back\" value=\"", "\"");
    let chosen = browser
        .post("/preferences", &[("language", "ja"), ("back", back)])
        .await;
    let on = browser.get(chosen.leads_to()).await;
    assert_eq!(on.leads_to(), terminal);
    assert!(browser.get(on.leads_to()).await.page(200).contains("<html lang=\"ja\""));
    // An open page renews itself from there too.
    browser.headers.push(("x-tms-live", "1"));
    assert_eq!(browser.get(&form).await.leads_to(), terminal);
    let below = World::with(|settings| settings.base_path = "/tms".parse().unwrap()).await;
    let browser = Browser::new(&below);
    let on = browser.get("/tms/terminals/1/maintenance").await;
    assert_eq!(on.leads_to(), "/tms/terminals/1");
    browser.get("/tms/logout").await.page(405);
}

#[tokio::test]
async fn what_a_heartbeat_changes_is_renewed() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let browser = Browser::of(&world, "viewer").await;
    let regions = async || {
        let page = browser.get(&format!("/terminals/{}", agent.id)).await;
        ["facts-panel", "timeline-panel"].map(|id| {
            let begin = format!("id=\"{id}\" data-live=\"terminal_status_change\">");
            between(page.page(200), &begin, "</section>").to_owned()
        })
    };
    world.beat(&agent, json!({})).send().await.ok(200);
    let [facts, timeline] = regions().await;
    assert!(!facts.contains("not attached"), "{facts}");
    world.advance(60);
    let unplugged = world.beat(&agent, json!({ "device": { "state": "absent" } }));
    unplugged.send().await.ok(200);
    let [facts_then, timeline_then] = regions().await;
    assert!(facts_then.contains("not attached"), "{facts_then}");
    assert!(!timeline.contains("is-error") && timeline_then.contains("is-error"));
}

#[tokio::test]
async fn the_time_and_the_logs_are_chosen_apart() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let line = |n: u32| {
        json!({ "event_id": n.to_string(), "timestamp": "2026-01-24T10:00:00Z", "level": "ERROR", "type": "device",
            "message": "cable & plug" })
    };
    let logs = json!({ "serial_number": "TC-200-001", "logs": (0..25).map(line).collect::<Vec<_>>() });
    world
        .post("/agent/logs", &logs)
        .token(&agent.token)
        .send()
        .await
        .ok(200);
    let browser = Browser::of(&world, "viewer").await;
    let path = format!("/terminals/{}", agent.id);
    let narrowed = "level=ERROR&type=device&text=%26%20plug";
    let page = browser.get(&format!("{path}?span=7d&{narrowed}")).await;
    let text = page.page(200).replace("&#38;", "&");
    for part in [
        "<input type=\"hidden\" name=\"span\" value=\"7d\">".to_owned(),
        format!("href=\"{path}?span=24h&{narrowed}\" id=\"span-24h\""),
        format!("id=\"page-next\" href=\"{path}?span=7d&{narrowed}&page=2&per_page=20#logs\""),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
}

#[tokio::test]
async fn a_list_says_no_counts_that_are_not_its_own_and_can_always_be_taken_away() {
    let world = World::new().await;
    let (one, two) = (world.customer("ABC").await, world.customer("XYZ").await);
    for (customer, serial) in [(one, "TC-200-001"), (two, "TC-200-002"), (two, "TC-200-003")] {
        world.agent(customer, serial).await;
    }
    let gone = format!("/terminals/{}", world.first("/terminals?search=TC-200-003").await);
    let retired = world.call("DELETE", &gone).by("operator").if_match("*").send().await;
    retired.ok(204);
    world.advance(10);
    let browser = Browser::of(&world, "viewer").await;
    let chips = |page: &str| between(page, "<ul class=\"chips\"", "</ul>").to_owned();
    for (query, has_counts) in [
        ("", true),
        ("?status=offline", true),
        ("?search=TC", false),
        ("?lifecycle=active", false),
        (&*format!("?customer_id={one}"), false),
    ] {
        let answer = browser.get(&format!("/terminals{query}")).await;
        let chips = chips(answer.page(200));
        assert_eq!(chips.contains("<b>"), has_counts, "{query}: {chips}");
    }
    let answer = browser
        .get("/terminals?lifecycle=retired&sort=last_heartbeat&order=asc")
        .await;
    let page = answer.page(200);
    assert!(page.contains("TC-200-003") && !page.contains("TC-200-001"), "{page}");
    assert!(page.contains("<option value=\"retired\" selected>"), "{page}");
    assert!(chips(page).contains("lifecycle=retired"), "{page}");
    let export = between(page, "id=\"export\" href=\"", "\"").replace("&#38;", "&");
    let table = browser.get(&export).await;
    assert_eq!(table.status, 200, "{}", table.text);
    assert!(
        table.text.contains("TC-200-003") && !table.text.contains("TC-200-001"),
        "{}",
        table.text
    );
}
