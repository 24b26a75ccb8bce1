//! Reports: availability of the fleet and of a terminal, figures of a time, as JSON and as tables.

use serde_json::{Value, json};

use crate::world::{Answer, World};

/// Two customers with a terminal each, heard at 10:00. The first is in error from 11:00, the second retired then. It is
/// 12:00 (UTC; 21:00 in Tokyo) in the end.
async fn world() -> (World, [i64; 2], [i64; 2]) {
    let world = World::new().await;
    let customers = [world.customer("=ABC").await, world.customer("XYZ").await];
    let agents = [
        world.agent(customers[0], "TC-200-001").await,
        world.agent(customers[1], "TC-200-002").await,
    ];
    for agent in &agents {
        world.beat(agent, json!({})).send().await.ok(200);
    }
    live(&world, 3_600).await;
    let error = json!({ "status": "error" });
    world.beat(&agents[0], error).send().await.ok(200);
    let (system, terminals) = (world.tms.system_ctx(), world.tms.terminals());
    let second = agents[1].id.to_string().parse().unwrap();
    let revision = terminals.get(&system, second).await.unwrap().terminal.revision;
    terminals.retire(&system, second, revision).await.unwrap();
    world.tick().await;
    live(&world, 3_600).await;
    (world, customers, agents.map(|agent| agent.id))
}

/// Signs somebody in who was signed in too long ago.
async fn token(world: &World, role: &str) -> String {
    let login = json!({ "username": format!("{role}-san"), "password": crate::world::PASSWORD });
    let pair = world.post("/auth/login", &login).send().await.ok(200);
    pair["access_token"].as_str().unwrap().to_owned()
}

/// Lets time pass in which the server is there: a longer silence of its own would be an outage.
async fn live(world: &World, seconds: u64) {
    for _ in 0..seconds / 10 {
        world.advance(10);
        let presence = &world.tms.stores().presence;
        presence.stamp_alive(world.tms.now()).await.unwrap();
    }
}

async fn answer(world: &World, path: &str) -> Answer {
    let token = token(world, "viewer").await;
    world.get(path).token(&token).send().await
}

async fn get(world: &World, path: &str) -> Value {
    answer(world, path).await.ok(200)
}

#[tokio::test]
async fn availability_is_reckoned_from_changes_of_status() {
    let (world, customers, terminals) = world().await;
    let fleet = get(&world, "/reports/availability").await;
    assert_eq!(
        (&fleet["time_zone"], &fleet["granularity"]),
        (&json!("Asia/Tokyo"), &json!("day"))
    );
    assert_eq!(
        (&fleet["from"], &fleet["to"]),
        (&json!("2026-01-17T15:00:00Z"), &json!("2026-01-24T12:00:00Z"))
    );
    let days = fleet["data"].as_array().unwrap();
    assert_eq!(
        (days.len(), &days[0]["period"], &days[6]["period"]),
        (7, &json!("2026-01-18"), &json!("2026-01-24"))
    );
    assert_eq!(
        (&days[0]["availability_percent"], &days[0]["online_seconds"]),
        (&Value::Null, &json!(0))
    );
    let all = json!({ "availability_percent": 66.6667, "online_seconds": 7_200, "offline_seconds": 0,
        "error_seconds": 3_600, "maintenance_seconds": 0, "unheard_seconds": 0, "retired_seconds": 3_600, "outage_seconds": 0 });
    assert_eq!(fleet["summary"], all);
    let one = get(&world, &format!("/reports/availability?customer_id={}", customers[0])).await;
    assert_eq!(one["summary"]["availability_percent"], 50.0);
    let hours = "granularity=hour&from=2026-01-24T09:30:00Z&to=2026-01-24T11:30:00Z";
    let of_one = get(&world, &format!("/terminals/{}/availability?{hours}", terminals[0])).await;
    let hours: Vec<_> = of_one["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hour| {
            (
                hour["period"].as_str().unwrap(),
                hour["online_seconds"].as_i64(),
                hour["error_seconds"].as_i64(),
            )
        })
        .collect();
    assert_eq!(
        hours,
        [
            ("2026-01-24T18:30+09:00", Some(0), Some(0)),
            ("2026-01-24T19:00+09:00", Some(3_600), Some(0)),
            ("2026-01-24T20:00+09:00", Some(0), Some(1_800)),
        ]
    );
    let of_other = get(&world, &format!("/terminals/{}/availability", terminals[1])).await;
    assert_eq!(
        of_other["summary"]["availability_percent"], 100.0,
        "retirement counts for nothing"
    );
}

#[tokio::test]
async fn the_time_zone_is_a_setting() {
    let (world, ..) = world().await;
    let admin = token(&world, "admin").await;
    let put = async |zone: &str| {
        let body = json!({ "reports": { "time_zone": zone } });
        let put = world.call("PUT", "/settings").json(&body).token(&admin);
        put.if_match("*").send().await
    };
    put("Mars/Olympus").await.wrong_fields(&["reports.time_zone"]);
    let saved = put("Pacific/Auckland").await.ok(200);
    assert_eq!(saved["reports"]["time_zone"], "Pacific/Auckland");
    // It is one o'clock of the next day there.
    let fleet = get(&world, "/reports/availability?from_date=2026-01-25").await;
    assert_eq!(
        (&fleet["time_zone"], &fleet["from"]),
        (&json!("Pacific/Auckland"), &json!("2026-01-24T11:00:00Z"))
    );
    assert_eq!(fleet["summary"]["error_seconds"], 3_600);
    assert_eq!(fleet["summary"]["online_seconds"], 0);
}

#[tokio::test]
async fn the_figures_of_a_time_add_up() {
    let (world, customers, _) = world().await;
    let week = get(&world, "/reports/summary").await;
    assert_eq!(
        (&week["period"], &week["from"]),
        (&json!("7d"), &json!("2026-01-17T15:00:00Z"))
    );
    assert_eq!(
        week["statistics"],
        json!({ "terminals": { "total": 1, "online": 0, "offline": 0, "error": 1, "maintenance": 0 },
            "availability_percent": 66.6667, "alerts_raised": 1, "alerts_open": 1, "alerts_resolved": 0,
            "mean_resolution_seconds": null })
    );
    assert_eq!(
        week["top_issues"],
        json!([{ "alert_type": "device_error", "alerts_raised": 1, "terminals": 1, "alerts_open": 1,
            "alerts_resolved": 0, "mean_resolution_seconds": null }])
    );
    let customer = &week["customer_breakdown"][0];
    assert_eq!(
        (&customer["customer"]["id"], &customer["alerts_raised"]),
        (&json!(customers[0]), &json!(1))
    );
    assert_eq!(week["customer_breakdown"][1]["availability_percent"], 100.0);
    let yesterday = get(&world, "/reports/summary?period=yesterday").await;
    assert_eq!(yesterday["statistics"]["alerts_raised"], 0);
    assert_eq!(yesterday["top_issues"], json!([]));
    let other = get(
        &world,
        &format!("/reports/summary?period=today&customer_id={}", customers[1]),
    )
    .await;
    assert_eq!(other["statistics"]["alerts_raised"], 0);
    assert_eq!(other["customer_breakdown"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn tables_say_the_same() {
    let (world, _, terminals) = world().await;
    let table = async |path: &str| {
        let answer = answer(&world, path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
        answer
            .text
            .trim_start_matches('\u{feff}')
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let fleet = table("/reports/availability.csv?from_date=2026-01-23").await;
    assert_eq!(
        fleet,
        [
            "period,from,to,availability_percent,online_seconds,offline_seconds,error_seconds,maintenance_seconds,\
             unheard_seconds,retired_seconds,outage_seconds",
            "2026-01-23,2026-01-22T15:00:00Z,2026-01-23T15:00:00Z,,0,0,0,0,0,0,0",
            "2026-01-24,2026-01-23T15:00:00Z,2026-01-24T12:00:00Z,66.6667,7200,0,3600,0,0,3600,0",
            "total,2026-01-22T15:00:00Z,2026-01-24T12:00:00Z,66.6667,7200,0,3600,0,0,3600,0",
        ]
    );
    let one = table(&format!("/terminals/{}/availability.csv", terminals[0])).await;
    assert!(one[8].starts_with("total,") && one[8].contains(",50,"), "{one:?}");
    let summary = table("/reports/summary.csv?period=30d").await;
    assert_eq!(
        summary[1..],
        [
            "statistics,30d,1,66.6667,1,1,0,",
            "top_issues,device_error,1,,1,1,0,",
            "customer_breakdown,'=ABC,1,50,1,1,0,",
            "customer_breakdown,XYZ,0,100,0,0,0,",
        ]
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let (world, _, terminals) = world().await;
    let one = format!("/terminals/{}/availability", terminals[0]);
    for (path, fields) in [
        ("/reports/availability?granularity=minute", &["granularity"][..]),
        (
            "/reports/availability?from_date=2026-01-24&to_date=2026-01-20",
            &["to_date"],
        ),
        ("/reports/availability?from_date=2020-01-24", &["from_date"]),
        (
            "/reports/availability?from_date=24.1.2026&to_date=2026-01-24T25:00:00Z",
            &["from_date", "to_date"],
        ),
        (
            "/reports/availability?from_date=2025-09-01&granularity=hour",
            &["granularity"],
        ),
        (
            "/reports/availability?customer_id=x&colour=red",
            &["colour", "customer_id"],
        ),
        (&format!("{one}?from=2026-01-24&to=2026-01-20"), &["to"]),
        (&format!("{one}?from_date=2026-01-24"), &["from_date"]),
        ("/reports/summary?period=fortnight", &["period"]),
        ("/reports/summary.csv?period=", &[]),
    ] {
        let answer = answer(&world, path).await;
        if fields.is_empty() {
            assert_eq!(answer.status, 200, "{path}: an empty value counts as absent");
        } else {
            answer.wrong_fields(fields);
        }
    }
    for path in [
        "/reports/availability?customer_id=999999",
        "/reports/summary?customer_id=999999",
        "/terminals/999999/availability",
        "/terminals/x/availability.csv",
    ] {
        answer(&world, path).await.problem(404, "RES_001");
    }
}

#[tokio::test]
async fn who_is_bound_sees_figures_of_their_own_customer_only() {
    let (world, customers, _) = world().await;
    let body = json!({ "username": "bound-san", "role": "viewer", "customer_id": customers[1] });
    let made = world
        .post("/users", &body)
        .token(&token(&world, "admin").await)
        .send()
        .await
        .ok(201);
    let password = json!({ "token": made["password_link"]["token"], "new_password": crate::world::PASSWORD });
    world.post("/auth/password/reset", &password).send().await.ok(204);
    let login = json!({ "username": "bound-san", "password": crate::world::PASSWORD });
    let pair = world.post("/auth/login", &login).send().await.ok(200);
    let token = pair["access_token"].as_str().unwrap();
    let get = |path: &str| world.get(path).token(token).send();
    let fleet = get("/reports/availability").await.ok(200);
    assert_eq!(
        (&fleet["summary"]["error_seconds"], &fleet["summary"]["online_seconds"]),
        (&json!(0), &json!(3_600))
    );
    let summary = get("/reports/summary").await.ok(200);
    assert_eq!(summary["statistics"]["alerts_raised"], 0);
    assert_eq!(summary["customer_breakdown"].as_array().unwrap().len(), 1);
    assert_eq!(summary["customer_breakdown"][0]["customer"]["id"], customers[1]);
    for path in [
        "/reports/availability",
        "/reports/availability.csv",
        "/reports/summary",
        "/reports/summary.csv",
    ] {
        let other = get(&format!("{path}?customer_id={}", customers[0])).await;
        other.problem(404, "RES_001");
        let own = get(&format!("{path}?customer_id={}", customers[1])).await;
        assert_eq!(own.status, 200);
    }
}

#[tokio::test]
async fn metrics_are_rolled_up_by_hour_and_day() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    // From 19:00 to 00:30 in Tokyo, every half an hour.
    for n in 0..12 {
        let beat = json!({ "metrics": { "cpu_usage": n * 5 } });
        world.beat(&agent, beat).send().await.ok(200);
        world.advance(1_800);
    }
    let path = format!("/terminals/{}/metrics", agent.id);
    let rows = async |query: &str| {
        get(&world, &format!("{path}?{query}")).await["data"]
            .as_array()
            .unwrap()
            .clone()
    };
    let from_heartbeats = (rows("resolution=hour").await, rows("resolution=day").await);
    world.tick().await;
    let hours = rows("resolution=hour").await;
    assert_eq!(
        (&hours, &rows("resolution=day").await),
        (&from_heartbeats.0, &from_heartbeats.1),
        "rolled up or not"
    );
    assert_eq!(hours.len(), 6);
    assert_eq!(
        hours[5],
        json!({ "period": "2026-01-24T19:00+09:00", "from": "2026-01-24T10:00:00Z", "to": "2026-01-24T11:00:00Z",
            "heartbeats": 2, "metrics": { "cpu_usage": { "min": 0, "avg": 2.5, "max": 5, "count": 2 },
                "memory_usage": null, "disk_usage": null, "temperature": null } })
    );
    let days: Vec<_> = rows("resolution=day")
        .await
        .iter()
        .map(|day| (day["period"].clone(), day["heartbeats"].clone(), day["from"].clone()))
        .collect();
    assert_eq!(
        days,
        [
            (json!("2026-01-25"), json!(2), json!("2026-01-24T15:00:00Z")),
            (json!("2026-01-24"), json!(10), json!("2026-01-23T15:00:00Z")),
        ]
    );
    let some = rows("resolution=hour&from=2026-01-24T11:30:00Z&to=2026-01-24T12:30:00Z").await;
    let periods: Vec<_> = some.iter().map(|row| row["period"].as_str().unwrap()).collect();
    assert_eq!(
        periods,
        ["2026-01-24T21:00+09:00", "2026-01-24T20:00+09:00"],
        "each as a whole"
    );
    assert_eq!(
        rows("resolution=hour&from=2026-01-24T12:00:00Z&to=2026-01-24T12:00:00Z").await,
        [Value::Null; 0]
    );
    let first = get(&world, &format!("{path}?resolution=hour&per_page=4")).await;
    assert_eq!(
        (first["data"].as_array().unwrap().len(), &first["meta"]["total"]),
        (4, &json!(6))
    );
    let cursor = first["meta"]["next_cursor"].as_str().unwrap();
    assert_eq!(
        rows(&format!("resolution=hour&per_page=4&cursor={cursor}")).await,
        hours[4..]
    );
    assert_eq!(rows("resolution=hour&per_page=4&page=2").await, hours[4..]);
    let refused = answer(&world, &format!("{path}?resolution=minute")).await;
    refused.wrong_fields(&["resolution"]);
}
