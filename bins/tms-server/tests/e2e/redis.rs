//! Two servers that share a Redis: it may be killed, flushed and started again under load, and nobody outside notices.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tms_core::time::{Clock, SystemClock};

use crate::{
    redis_server::RedisServer,
    server::{Operator, Server, Setting, beat, enrol, psql, until},
    two_nodes,
};

/// A prepared database with a Redis of its own.
fn prepared(name: &str) -> Option<(Setting, RedisServer)> {
    let redis = RedisServer::start()?;
    let setting = Setting::postgres(name)?.with("REDIS_URL", &redis.url());
    setting.prepare();
    Some((setting, redis))
}

async fn page(server: &Server, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("{}{path}", server.url())).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Returns how readiness shows Redis; the server itself must be ready whatever happens to it.
async fn redis_status(server: &Server) -> String {
    let (status, body) = page(server, "/health/ready").await;
    let ready: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &ready["status"]), (200, &json!("ready")));
    let all = ready["dependencies"].as_array().unwrap();
    let redis = all.iter().find(|one| one["name"] == "redis").unwrap();
    redis["status"].as_str().unwrap().to_owned()
}

async fn until_redis_is(status: &str, servers: &[&Server]) {
    for server in servers {
        until(Duration::from_secs(10), status, async || {
            redis_status(server).await == status
        })
        .await;
        let up = format!("tms_redis_up {}", u8::from(status == "ok"));
        assert!(page(server, "/metrics").await.1.contains(&up), "{up}");
    }
}

/// What clients saw: statuses, and the longest wait.
#[derive(Debug, Default)]
struct Seen {
    statuses: BTreeMap<u16, u64>,
    longest: Duration,
}

/// Sends requests of a person and heartbeats of an agent to both servers by turns until told to stop.
async fn load(clients: Vec<(Operator, Operator, String)>, stop: Arc<AtomicBool>) -> Seen {
    let mut seen = Seen::default();
    for seq in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        for (person, agent, serial) in &clients {
            for is_beat in [true, false] {
                let begun = Instant::now();
                let status = if is_beat {
                    beat(agent, serial, seq).await
                } else {
                    person.status("/terminals").await
                };
                *seen.statuses.entry(status).or_default() += 1;
                seen.longest = seen.longest.max(begun.elapsed());
            }
        }
    }
    seen
}

#[tokio::test]
async fn redis_is_killed_flushed_and_started_again_under_load() {
    let Some((setting, mut redis)) = prepared("redis_load") else {
        return;
    };
    let setting = setting.with("TMS_RATE_LIMITS", "off");
    let (a, b) = (setting.start().await, setting.start().await);
    until_redis_is("ok", &[&a, &b]).await;
    let mut clients = Vec::new();
    for (server, serial) in [(&a, "TC-200-001"), (&b, "TC-200-002")] {
        let agent = Operator::holding(server, &enrol(&setting, server, serial).await);
        clients.push((server.sign_in().await, agent, serial.to_owned()));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let running = tokio::spawn(load(clients, stop.clone()));
    for _ in 0..3 {
        redis.kill();
        until_redis_is("away", &[&a, &b]).await;
        redis.again();
        until_redis_is("ok", &[&a, &b]).await;
        redis.command(&["FLUSHALL"]);
        redis.signal("STOP");
        until_redis_is("away", &[&a, &b]).await;
        redis.signal("CONT");
        until_redis_is("ok", &[&a, &b]).await;
    }
    stop.store(true, Ordering::Relaxed);
    let seen = running.await.unwrap();
    assert_eq!(seen.statuses.keys().collect::<Vec<_>>(), [&200], "{seen:?}");
    assert!(seen.statuses[&200] > 100, "{seen:?}");
    assert!(seen.longest < Duration::from_secs(2), "{seen:?}");
    let metrics = page(&a, "/metrics").await.1;
    let losses = metrics
        .lines()
        .find_map(|line| line.strip_prefix("tms_redis_losses_total "));
    // A busy machine takes a slow answer for another loss.
    assert!(losses.unwrap().parse::<u32>().unwrap() >= 6, "{metrics}");
    assert!(metrics.contains("tms_redis_sessions_total{found=\"yes\"}"), "{metrics}");
}

/// Times of this century are exact in such numbers.
#[expect(clippy::cast_precision_loss, reason = "fewer than 53 bits")]
fn precise(micros: i64) -> f64 {
    micros as f64
}

/// Tries to sign in wrongly so often on each server; returns when all of that has flowed back at the earliest, microseconds.
async fn guess(servers: [&Server; 2], times: i64) -> i64 {
    let begun = SystemClock.now().as_micros();
    for server in servers {
        for _ in 0..times {
            // Each about somebody else: guesses about one person have a limit of their own.
            let name = format!("nobody-{}", SystemClock.now().as_micros());
            let wrong = json!({ "username": name, "password": "not a password" });
            let (status, _) = Operator::holding(server, "").post("/auth/login", &wrong).await;
            assert_eq!(status, 401);
        }
    }
    begun + 2 * times * 2_000_000
}

#[tokio::test]
async fn nodes_count_sign_ins_together_through_redis_and_without_it() {
    let Some((setting, mut redis)) = prepared("redis_limits") else {
        return;
    };
    let url = setting.value("DATABASE_URL");
    let (a, b) = (setting.start().await, setting.start().await);
    until_redis_is("ok", &[&a, &b]).await;
    let full_at = guess([&a, &b], 3).await;
    until(Duration::from_secs(10), "one bucket in Redis", async || {
        let bucket = redis.command(&["ZRANGE", "tms:limits", "-1", "-1", "WITHSCORES"]);
        let score = bucket.lines().nth(1).and_then(|score| score.parse::<f64>().ok());
        score.is_some_and(|score| score >= precise(full_at))
    })
    .await;
    assert_eq!(psql(&url, "SELECT count(*) FROM shared_limit"), "0");

    redis.kill();
    until_redis_is("away", &[&a, &b]).await;
    let full_at = guess([&a, &b], 3).await;
    until(Duration::from_secs(10), "one bucket in the database", async || {
        let counted = psql(&url, "SELECT coalesce(max(full_at), 0) FROM shared_limit");
        counted.parse::<i64>().unwrap() >= full_at
    })
    .await;
}

#[tokio::test]
async fn a_person_who_is_disabled_is_refused_within_a_second_with_redis_too() {
    let Some((setting, _redis)) = prepared("redis_people") else {
        return;
    };
    two_nodes::a_disabled_person_is_refused_by_the_other_node(setting).await;
}

/// Looks with `tms check`, and returns the finding about Redis.
fn checked(setting: &Setting) -> Value {
    let output = setting.run(&["check", "--json"], "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .find(|finding| finding["name"] == "Redis")
        .unwrap()
        .clone()
}

#[test]
fn a_check_says_whether_redis_can_be_used_and_what_helps() {
    let Some((setting, mut redis)) = prepared("redis_check") else {
        return;
    };
    let found = checked(&setting);
    assert!(found["note"].as_str().unwrap().contains("is reached"), "{found}");
    assert_eq!(setting.json(&["check", "--json"], "")["ok"], true);
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let found = checked(&setting);
    assert!(found["fix"].as_str().unwrap().contains("allkeys-lru"), "{found}");
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    redis.command(&["CONFIG", "SET", "requirepass", "hidden-from-everybody"]);
    let found = checked(&setting);
    assert!(found["fix"].as_str().unwrap().contains("REDIS_PASSWORD"), "{found}");
    redis.kill();
    let found = checked(&setting);
    let advice = found["advice"].as_str().unwrap();
    assert!(
        advice.contains("servers do without it") && found["fix"].is_string(),
        "{found}"
    );
    // A server is as ready as before; who asks about production wants to hear of it.
    assert_eq!(setting.json(&["check", "--json"], "")["ok"], true);
    assert_eq!(setting.run(&["check", "--deploy"], "").status.code(), Some(1));
    let folder = tempfile::tempdir().unwrap();
    let found = checked(&Setting::sqlite(folder.path()));
    assert!(found["note"].as_str().unwrap().contains("not set up"), "{found}");
}
