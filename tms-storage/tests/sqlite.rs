//! The SQLite store passes the conformance suite, and keeps what it has through everything that happens to a file.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test that finds the unexpected stops loudly")]

use std::{path::Path, sync::Arc, time::Duration};

use sqlx::{Connection, sqlite::SqliteConnectOptions};
use tms_core::{
    StoreError,
    event::EventPosition,
    heartbeat::{Answer, plan::BatchRules},
    testkit::{
        Fresh,
        build::{self, NOW, at},
        given,
    },
    upkeep::SchemaState,
};
use tms_storage::sqlite::{OpenError, SqliteStore};

async fn open(folder: &Path) -> Arc<SqliteStore> {
    SqliteStore::open(&folder.join("tms.db")).await.unwrap()
}

async fn fresh() -> Option<Fresh> {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    Some(Fresh::new(store.stores(), (store, folder)))
}

tms_core::store_conformance!(fresh);

/// A connection beside the store, as a backup or a person's shell has one.
async fn shell(folder: &Path) -> sqlx::SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.join("tms.db"));
    sqlx::SqliteConnection::connect_with(&options).await.unwrap()
}

#[tokio::test]
async fn a_second_server_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).await;
    let second = SqliteStore::open(&folder.path().join("tms.db")).await;
    assert!(matches!(second, Err(OpenError::InUse(_))), "{second:?}");
    first.close().await;
    drop(first);
    open(folder.path()).await;
}

#[tokio::test]
async fn a_folder_that_is_missing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    open(&folder.path().join("deep/er")).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let stores = store.stores();
    let customer = given::customer(&stores, "ABC").await;
    let terminal = given::enrolled(&stores, customer.id, 1).await;
    for seq in 0..5 {
        given::beats(&stores, &[build::counted(terminal, at(10 + seq), "boot", seq)]).await;
    }
    let before = given::view(&stores, terminal).await;
    // Copied while it is open, without a checkpoint: what a crash leaves behind.
    let crashed = tempfile::tempdir().unwrap();
    for name in ["tms.db", "tms.db-wal"] {
        std::fs::copy(folder.path().join(name), crashed.path().join(name)).unwrap();
    }
    drop((store, stores));
    for folder in [&folder, &crashed] {
        let stores = open(folder.path()).await.stores();
        assert_eq!(given::view(&stores, terminal).await, before);
        assert_eq!(given::history(&stores, terminal).await.len(), 5);
        let answers = given::beats(&stores, &[build::counted(terminal, at(60), "boot", 4)]).await;
        assert!(matches!(answers[..], [Answer::Repeated(_)]), "{answers:?}");
        given::beats(&stores, &[build::counted(terminal, at(70), "boot", 5)]).await;
        assert_eq!(given::history(&stores, terminal).await.len(), 6, "the chain goes on");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).await.close().await;
    let mut shell = shell(folder.path()).await;
    sqlx::raw_sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, x'00', 0);
         ALTER TABLE customer ADD COLUMN colour TEXT;",
    )
    .execute(&mut shell)
    .await
    .unwrap();
    let stores = open(folder.path()).await.stores();
    assert_eq!(stores.upkeep.health().await.unwrap().schema, SchemaState::Newer);
    given::customer(&stores, "ABC").await;
}

#[tokio::test]
async fn writes_are_safe_and_readers_only_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let health = store.stores().upkeep.health().await.unwrap();
    assert_eq!(health.hazards, Vec::<String>::new());
    assert!(health.version.starts_with("SQLite 3."), "{}", health.version);
}

#[tokio::test]
async fn another_writer_makes_it_unavailable_and_goes_again() {
    let folder = tempfile::tempdir().unwrap();
    let stores = open(folder.path()).await.stores();
    let mut shell = shell(folder.path()).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut shell).await.unwrap();
    let refused = stores
        .customers
        .insert(&build::customer("ABC"), NOW, build::act())
        .await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(
        stores.customers.find_by_name("ABC").await.unwrap(),
        None,
        "reading goes on"
    );
    sqlx::raw_sql("ROLLBACK").execute(&mut shell).await.unwrap();
    given::customer(&stores, "ABC").await;
}

/// The server keeps presence rows in memory; a command beside it must not be overwritten from there.
#[tokio::test]
async fn what_a_command_writes_beside_a_server_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let server = open(folder.path()).await.stores();
    let customer = given::customer(&server, "ABC").await;
    let terminal = given::enrolled(&server, customer.id, 1).await;
    given::beats(&server, &[build::counted(terminal, at(10), "boot", 0)]).await;

    let beside = SqliteStore::open_beside(&folder.path().join("tms.db")).await.unwrap();
    let command = beside.stores();
    let mut edited = given::view(&command, terminal).await.terminal;
    edited.draft.heartbeat_interval_s = 60;
    let saved = command.terminals.save(&edited, edited.revision, build::act());
    saved.await.unwrap();
    given::beats(&command, &[build::counted(terminal, at(20), "boot", 1)]).await;

    let answers = given::beats(&server, &[build::counted(terminal, at(30), "boot", 1)]).await;
    assert!(matches!(answers[..], [Answer::Repeated(_)]), "{answers:?}");
    given::beats(&server, &[build::counted(terminal, at(40), "boot", 2)]).await;
    assert_eq!(given::presence(&server, terminal).await.interval_s, 60);
    assert_eq!(given::history(&command, terminal).await.len(), 3);
}

/// Callers that give up at any moment leave whole transactions or none, and a writer that works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_write_leaves_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stores = open(folder.path()).await.stores();
    let customer = given::customer(&stores, "ABC").await;
    let fleet = given::fleet(&stores, customer.id, 8).await;
    let mut acknowledged = 0;
    for round in 0..300_i64 {
        let batch: Vec<_> = fleet
            .iter()
            .map(|id| build::counted(*id, at(10 + round), "boot", round))
            .collect();
        let rules = BatchRules::default();
        let patience = Duration::from_micros(u64::try_from(round * 7).unwrap());
        let record = stores.heartbeats.record_batch(&batch, &rules);
        if tokio::time::timeout(patience, record).await.is_ok() {
            acknowledged += 1;
        }
        let name = format!("customer {round}");
        let draft = build::customer(&name);
        let insert = stores.customers.insert(&draft, NOW, build::act_with_event(round));
        let _ = tokio::time::timeout(patience, insert).await;
    }
    given::customer(&stores, "the writer works").await;
    let lengths: Vec<_> = futures::future::join_all(fleet.iter().map(|id| given::history(&stores, *id)))
        .await
        .iter()
        .map(Vec::len)
        .collect();
    assert!(lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
    assert!(lengths[0] >= acknowledged, "{} of {acknowledged}", lengths[0]);
    for id in &fleet {
        let newest = given::history(&stores, *id).await[0].seq;
        assert_eq!(
            given::presence(&stores, *id).await.seq,
            newest,
            "presence agrees with history"
        );
    }
    let mut events = 0;
    for stored in given::events_after(&stores, EventPosition::default()).await {
        let Some(n) = stored.event.data["n"].as_i64() else {
            continue;
        };
        events += 1;
        let found = stores.customers.find_by_name(&format!("customer {n}")).await.unwrap();
        assert!(found.is_some(), "event {n} has its change");
    }
    let mut shell = shell(folder.path()).await;
    let customers: i64 = sqlx::query_scalar("SELECT count(*) FROM customer WHERE company_name LIKE 'customer %'")
        .fetch_one(&mut shell)
        .await
        .unwrap();
    assert_eq!(events, customers);
}
