//! Measures how many heartbeats a second PostgreSQL stores, durably and alone: `record_batch_bench URL [terminals]`.
//!
//! The URL names a database that the program may fill: it migrates it, adds a fleet once, and heartbeats it in batches of
//! several sizes over one and two lanes.

#![allow(clippy::expect_used, reason = "a bench that cannot begin has nothing to say")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program for a person"
)]

use std::{sync::Arc, time::Instant};

use sqlx::{Connection, PgConnection};
use tms_core::{
    heartbeat::{Heartbeat, HeartbeatStore, Metrics, Sequence, plan::BatchRules},
    id::TerminalId,
    presence::{BootId, Counters, Device, Reported},
    time::{Clock, SystemClock},
};
use tms_storage::postgres::{self, PgSettings, PgStore};

fn beat(terminal: i64, seq: i64, boot: &BootId) -> Heartbeat {
    let now = SystemClock.now();
    let percent = |shift: i64| i16::try_from((terminal + seq * 7 + shift) % 60).ok();
    Heartbeat {
        terminal: TerminalId::new(terminal).unwrap(),
        received_at: now,
        agent_time: now,
        sequence: Some(Sequence {
            boot: boot.clone(),
            seq,
        }),
        device: Device::Ok,
        metrics: Metrics {
            cpu_percent: percent(0),
            memory_percent: percent(1),
            disk_percent: percent(2),
            temperature_c: percent(3),
        },
        reported: Reported {
            firmware_version: Some("2.0.0".to_owned()),
            agent_version: Some("1.0.0".to_owned()),
            ip_address: Some([192, 168, 1, 100].into()),
            config_version: Some(1),
        },
        counters: Counters {
            uptime_s: Some(seq * 300),
            last_transaction: Some(now),
            transaction_count: Some(seq),
        },
    }
}

async fn add_fleet(url: &str, count: i64) {
    let mut db = PgConnection::connect(url).await.unwrap();
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM terminal")
        .fetch_one(&mut db)
        .await
        .unwrap();
    if known >= count {
        return;
    }
    let steps = [
        "INSERT INTO customer (company_name, contract_type, is_active, search_key, created_at, updated_at, revision)
         SELECT 'Customer ' || n, 'standard', true, 'customer ' || n, now(), now(), 1 FROM generate_series(1, 100) n
         ON CONFLICT DO NOTHING",
        "INSERT INTO terminal (id, serial_number, customer_id, model, store_name, store_code, heartbeat_interval_s,
             auto_update_enabled, lifecycle, status, created_at, updated_at, revision)
         SELECT n, 'TC-' || lpad(n::text, 8, '0'), 1 + n % 100, 'TC-' || (2 + n % 3) || '00', 'Store ' || n % 5000,
             lpad((n % 5000)::text, 4, '0'), 300, true, 'active', 'offline', now(), now(), 1
         FROM generate_series($1, $2) n",
        "INSERT INTO terminal_search SELECT id, lower(serial_number || ' ' || store_name || ' ' || store_code)
         FROM terminal WHERE id BETWEEN $1 AND $2",
        "INSERT INTO terminal_presence (terminal_id, customer_id, version, interval_s, is_active, in_maintenance,
             config_version, next_s, is_lost, device, device_code, past_boots, status, status_since, breaches, breached,
             raised, alerted)
         SELECT id, customer_id, 1, 300, true, false, 1, 300, false, 'unknown', 0, '', 'offline', now(), '', 0, 0, 0
         FROM terminal WHERE id BETWEEN $1 AND $2",
        "INSERT INTO terminal_count_delta SELECT customer_id, status, count(*) FROM terminal
         WHERE id BETWEEN $1 AND $2 GROUP BY 1, 2",
    ];
    for step in steps {
        let query = sqlx::query(step);
        let query = if step.contains("$1") {
            query.bind(known + 1).bind(count)
        } else {
            query
        };
        query.execute(&mut db).await.unwrap();
    }
    for table in ["terminal", "terminal_presence", "terminal_search"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("VACUUM ANALYZE {table}")))
            .execute(&mut db)
            .await
            .unwrap();
    }
}

/// Heartbeats the fleet in a scattered order for about `seconds`; returns heartbeats a second.
async fn measure(store: &Arc<PgStore>, fleet: i64, batch: i64, lanes: i64, from: i64, seconds: u64) -> (f64, i64) {
    let boot = BootId::parse("1f0c9d6e-83cf-4ea2-9c8e-0d6f4b1a7c55").unwrap();
    let rules = Arc::new(BatchRules::default());
    let begun = Instant::now();
    let workers = (0..lanes).map(|lane| {
        let (store, boot, rules) = (Arc::clone(store), boot.clone(), Arc::clone(&rules));
        tokio::spawn(async move {
            let per_lane = fleet / lanes;
            let (mut stored, mut step) = (0_i64, 0_i64);
            while begun.elapsed().as_secs() < seconds {
                // 7919 is prime: each terminal comes once before any comes again.
                let member = |i: i64| lane * per_lane + 1 + (step + i) * 7_919 % per_lane;
                let beats: Vec<_> = (0..batch)
                    .map(|i| beat(member(i), from + (step + i) / per_lane, &boot))
                    .collect();
                step += batch;
                stored += i64::try_from(store.record_batch(&beats, &rules).await.unwrap().len()).unwrap();
            }
            (stored, from + step / per_lane + 1)
        })
    });
    let done: Vec<_> = futures::future::join_all(workers)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let stored: i64 = done.iter().map(|(stored, _)| stored).sum();
    #[expect(clippy::cast_precision_loss, reason = "a figure for a person")]
    let rate = stored as f64 / begun.elapsed().as_secs_f64();
    (rate, done.iter().map(|(_, next)| *next).max().unwrap_or(from))
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let url = arguments.get(1).expect("record_batch_bench URL [terminals]");
    let fleet: i64 = arguments.get(2).map_or(10_000, |count| count.parse().unwrap());
    let remembered = arguments.get(3).map_or(200_000, |count| count.parse().unwrap());
    let settings = PgSettings {
        remembered_terminals: remembered,
        ..PgSettings::new(url)
    };
    postgres::migrate(&settings).await.unwrap();
    add_fleet(url, fleet).await;
    let store = PgStore::connect(&settings).unwrap();
    let mut next = SystemClock.now().as_micros() / 1_000_000;
    let (rate, after) = measure(&store, fleet, 1_000, 2, next, 5).await;
    println!("warming up: {rate:.0}/s");
    next = after;
    for lanes in [1, 2] {
        for batch in [1, 100, 500, 1_000] {
            let (rate, after) = measure(&store, fleet, batch, lanes, next, 5).await;
            println!("terminals {fleet}, lanes {lanes}, batch {batch}: {rate:.0}/s");
            next = after;
        }
    }
}
