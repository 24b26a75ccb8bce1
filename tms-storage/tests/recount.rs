//! What reports say of availability equals an independent recount: the database itself, in its own calendar, looks at each
//! interval in each day or hour (PostgreSQL) or at each minute (SQLite). The reports add up sums instead. What they say of
//! alerts equals what is counted here, row by row.

#![cfg(all(feature = "postgres", feature = "sqlite"))]
#![allow(
    unreachable_pub,
    reason = "nothing of a test is public; pub says what a module offers"
)]
#![allow(clippy::unwrap_used, reason = "a test that finds the unexpected stops loudly")]
#![allow(clippy::indexing_slicing, reason = "a test that finds the unexpected stops loudly")]

#[path = "recount/alerts.rs"]
mod alerts;
#[path = "recount/availability.rs"]
mod availability;
#[path = "postgres/database.rs"]
mod database;
#[path = "recount/life.rs"]
mod life;

use alerts::{alert_row, compare_figures};
use availability::{SPANS, recounted_by_postgres, recounted_by_sqlite, reported};
use database::Database;
use life::{OUTAGES, live, minute, trouble};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tms_core::report::Granularity;
use tms_storage::{postgres::PgStore, sqlite::SqliteStore};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_counts_the_same() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let store = PgStore::connect(&database.settings()).unwrap();
    let stores = store.stores();
    let [first, second] = live(&stores).await;
    let mut shell = database.shell().await;
    for (from, to) in OUTAGES {
        sqlx::query("INSERT INTO outage (from_at, to_at) VALUES ($1, $2)")
            .bind(minute(from).to_chrono())
            .bind(minute(to).to_chrono())
            .execute(&mut shell)
            .await
            .unwrap();
    }
    let mut seen = 0;
    for zone in ["Asia/Tokyo", "Europe/Berlin"] {
        for span in SPANS {
            for by in Granularity::ALL {
                let (by, is_long) = (*by, span == SPANS[0]);
                if by == Granularity::Hour && is_long {
                    continue;
                }
                for customer in [None, Some(first), Some(second)] {
                    let recount = recounted_by_postgres(&mut shell, zone, span, by, customer).await;
                    let report = reported(&stores, zone, span, by, customer).await;
                    assert_eq!(report, recount, "{zone} {span:?} {by} {customer:?}");
                    seen += recount.len();
                }
            }
        }
    }
    assert!(seen > 500, "there was something to count: {seen}");
    trouble(&stores).await;
    let rows = sqlx::query(
        "SELECT customer_id, terminal_id, cause, (extract(epoch FROM created_at) * 1000000)::bigint, \
         (extract(epoch FROM resolved_at - created_at) * 1000000)::bigint FROM alert",
    );
    let rows = rows.fetch_all(&mut shell).await.unwrap();
    let rows: Vec<_> = rows.iter().map(alert_row).collect();
    assert!(compare_figures(&stores, &rows, [first, second]).await > 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_counts_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tms.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let stores = store.stores();
    let [first, second] = live(&stores).await;
    let options = SqliteConnectOptions::new().filename(path);
    let mut shell = SqliteConnection::connect_with(&options).await.unwrap();
    for (from, to) in OUTAGES {
        sqlx::query("INSERT INTO outage (from_at, to_at) VALUES (?, ?)")
            .bind(minute(from).as_micros())
            .bind(minute(to).as_micros())
            .execute(&mut shell)
            .await
            .unwrap();
    }
    let mut seen = 0;
    for zone in ["Asia/Tokyo", "Europe/Berlin"] {
        for span in SPANS {
            for by in [Granularity::Day, Granularity::Hour] {
                for customer in [None, Some(first), Some(second)] {
                    let recount = recounted_by_sqlite(&mut shell, zone, span, by, customer).await;
                    let report = reported(&stores, zone, span, by, customer).await;
                    assert_eq!(report, recount, "{zone} {span:?} {by} {customer:?}");
                    seen += recount.len();
                }
            }
        }
    }
    assert!(seen > 200, "there was something to count: {seen}");
    trouble(&stores).await;
    let rows = sqlx::query("SELECT customer_id, terminal_id, cause, created_at, resolved_at - created_at FROM alert");
    let rows = rows.fetch_all(&mut shell).await.unwrap();
    let rows: Vec<_> = rows.iter().map(alert_row).collect();
    assert!(compare_figures(&stores, &rows, [first, second]).await > 100);
}
