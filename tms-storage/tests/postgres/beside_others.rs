//! What the server does while somebody else is in its way: a person with a shell, a report, another node.

use sqlx::{AssertSqlSafe, Connection, PgConnection, Transaction};
use tms_core::{
    Stores,
    id::TerminalId,
    presence::Device,
    settings::Retention,
    testkit::{
        build::{self, NOW, at},
        given,
    },
};
use tms_storage::postgres::PgStore;

use crate::database::Database;

const DAY: i64 = 86_400;

/// A store with one terminal that was heard.
async fn heard(database: &Database) -> (Stores, TerminalId) {
    let stores = PgStore::connect(&database.settings()).unwrap().stores();
    stores.upkeep.ensure_partitions(NOW).await.unwrap();
    let customer = given::customer(&stores, "ABC").await;
    let id = given::enrolled(&stores, customer.id, 1).await;
    given::beats(&stores, &[build::beat(id, at(1))]).await;
    (stores, id)
}

/// Begins a transaction and runs a statement in it.
async fn holding<'a>(shell: &'a mut PgConnection, statement: &'static str) -> Transaction<'a, sqlx::Postgres> {
    let mut tx = shell.begin().await.unwrap();
    sqlx::query(statement).fetch_all(&mut *tx).await.unwrap();
    tx
}

async fn count(shell: &mut PgConnection, what: &str) -> i64 {
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM {what}"));
    sqlx::query_scalar(sql).fetch_one(shell).await.unwrap()
}

/// Old events go in several steps, the lowest places first.
#[tokio::test]
async fn many_old_events_are_dropped_in_steps() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let stores = PgStore::connect(&database.settings()).unwrap().stores();
    let mut shell = database.shell().await;
    // Each statement that drops some leaves a line, so that steps can be counted.
    for statement in [
        "INSERT INTO event (transaction, kind, at, data) \
         SELECT n / 7 + 1, 'settings', to_timestamp(n / 1000), '{}' FROM generate_series(1, 50000) AS n",
        "CREATE TABLE step (events bigint)",
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN INSERT INTO step SELECT count(*) FROM gone; RETURN NULL; END'",
        "CREATE TRIGGER note AFTER DELETE ON event REFERENCING OLD TABLE AS gone \
         FOR EACH STATEMENT EXECUTE FUNCTION note()",
    ] {
        sqlx::query(statement).execute(&mut shell).await.unwrap();
    }
    let kept = given::customer(&stores, "ABC").await;
    let with = build::act_with_event(1);
    stores.customers.save(&kept, kept.revision, with).await.unwrap();
    assert_eq!(stores.events.drop_before(NOW).await.unwrap(), 50_000);
    let steps: i64 = count(&mut shell, "step WHERE events > 0").await;
    assert!(steps > 1, "{steps}");
    let floor: (i64, i64) = sqlx::query_as("SELECT transaction, row_id FROM event_floor")
        .fetch_one(&mut shell)
        .await
        .unwrap();
    assert_eq!(floor.0, 50_000 / 7 + 1);
    assert!(count(&mut shell, "event").await >= 1, "young ones stay");
}

/// Who reads history holds up neither retention nor heartbeats; what it needs goes the next time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_passes_by_a_reader() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let (stores, id) = heard(&database).await;
    stores.upkeep.ensure_partitions(at(-DAY * 500)).await.unwrap();
    let mut shell = database.shell().await;
    let reading = holding(&mut shell, "SELECT count(*) FROM status_change").await;
    let keep = Retention::default();
    let mut failing = build::beat(id, at(2));
    failing.device = Device::Error(7);
    let beats = [failing];
    let (dropped, answers) = tokio::join!(stores.upkeep.drop_history(&keep, NOW), given::beats(&stores, &beats));
    let first = dropped.expect("a reader is no failure").partitions;
    assert_eq!(answers.len(), 1);
    reading.rollback().await.unwrap();
    let rest = stores.upkeep.drop_history(&keep, NOW).await.unwrap().partitions;
    assert!(first > 0, "the tables that nobody reads lose theirs at once");
    assert!(rest > 0, "those that were read lose theirs then");
    let again = stores.upkeep.drop_history(&keep, NOW).await.unwrap();
    assert_eq!(again.partitions, 0);
}
