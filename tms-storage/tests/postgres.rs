//! The PostgreSQL store passes the conformance suite, and does what only PostgreSQL can be asked for.
//!
//! `TMS_TEST_POSTGRES_URL` names a server of `scripts/postgres`; without it the cases skip, unless
//! `TMS_REQUIRE_POSTGRES=1` forbids that.

#![allow(
    unreachable_pub,
    reason = "nothing of a test is public; pub says what a module offers"
)]
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "a test that finds the unexpected stops loudly")]

#[path = "postgres/beside_others.rs"]
mod beside_others;
#[path = "postgres/database.rs"]
mod database;
#[path = "postgres/large_list.rs"]
mod large_list;

use std::{collections::BTreeSet, path::Path, time::Duration};

use database::Database;
use sqlx::{AssertSqlSafe, Row};
use tms_core::{
    StoreError,
    alert::{Cause, store::AlertFilter},
    heartbeat::{Answer, plan::BatchRules},
    page::Order,
    presence::{Device, sweep},
    secret::Secret,
    settings::PresenceSettings,
    testkit::{
        Fresh,
        build::{self, NOW, at},
        given,
    },
    upkeep::SchemaState,
};
use tms_storage::postgres::{self, PgSettings, PgStore};

async fn fresh() -> Option<Fresh> {
    let database = Database::migrated().await?;
    let store = PgStore::connect(&database.settings()).unwrap();
    Some(Fresh::new(store.stores(), (store, database)))
}

tms_core::store_conformance!(fresh);

#[test]
fn both_folders_of_migrations_have_the_same_steps() {
    let stems = |name: &str| -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(name);
        let files = std::fs::read_dir(folder).unwrap();
        files
            .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(stems("postgres"), stems("sqlite"));
}

/// Heartbeats rewrite their row within its page and touch no index.
#[tokio::test]
async fn heartbeats_are_hot_updates() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let store = PgStore::connect(&database.settings()).unwrap();
    let stores = store.stores();
    stores.upkeep.ensure_partitions(NOW).await.unwrap();
    let customer = given::customer(&stores, "ABC").await;
    let fleet = given::fleet(&stores, customer.id, 8).await;
    let beat = |n: i64| {
        fleet
            .iter()
            .map(move |id| build::counted(*id, at(n), "boot", n))
            .collect::<Vec<_>>()
    };
    given::beats(&stores, &beat(0)).await;
    // Sessions tell what they did when they end, if not before.
    store.close().await;
    let mut shell = database.shell().await;
    sqlx::query("VACUUM terminal_presence")
        .execute(&mut shell)
        .await
        .unwrap();
    let before = updates(&mut shell).await;
    let store = PgStore::connect(&database.settings()).unwrap();
    // A page has room for eight rows three times over, so that this holds even while another database of the cluster
    // keeps old rows from being pruned.
    for n in 1..=2 {
        for part in beat(n).chunks(4) {
            given::beats(&store.stores(), part).await;
        }
    }
    store.close().await;
    let mut after = updates(&mut shell).await;
    for _ in 0..1_000 {
        if after.0 - before.0 >= 16 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        after = updates(&mut shell).await;
    }
    assert_eq!(after.0 - before.0, 16, "one update a heartbeat");
    assert_eq!(after.1 - before.1, 16, "all of them within their page");
}

/// Reads how many rows of presence were updated, and how many of them within their page.
async fn updates(shell: &mut sqlx::PgConnection) -> (i64, i64) {
    let count = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'terminal_presence'";
    let row = sqlx::query(count).fetch_one(shell).await.unwrap();
    (row.get(0), row.get(1))
}

/// Two nodes that remember the same terminals leave what one would have left.
#[tokio::test]
async fn two_nodes_share_a_fleet() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let one = PgStore::connect(&database.settings()).unwrap().stores();
    let two = PgStore::connect(&database.settings()).unwrap().stores();
    one.upkeep.ensure_partitions(NOW).await.unwrap();
    let customer = given::customer(&one, "ABC").await;
    let fleet = given::fleet(&one, customer.id, 7).await;
    for n in 0..30 {
        let node = if n % 3 == 0 { &two } else { &one };
        let mut batch: Vec<_> = fleet.iter().map(|id| build::counted(*id, at(n), "boot", n)).collect();
        if n % 5 == 0 {
            batch[0].device = Device::Error(7);
        }
        let answers = given::beats(node, &batch).await;
        assert!(
            answers.iter().all(|answer| matches!(answer, Answer::Recorded(_))),
            "{n}: {answers:?}"
        );
        let answers = given::beats(node, &batch).await;
        assert!(
            answers.iter().all(|answer| matches!(answer, Answer::Repeated(_))),
            "{n}: {answers:?}"
        );
    }
    for id in &fleet {
        assert_eq!(given::history(&two, *id).await.len(), 30);
        assert_eq!(given::presence(&one, *id).await, given::presence(&two, *id).await);
    }
    assert!(!one.upkeep.recount().await.unwrap());
}

/// What a node remembers of a row never outlives what others do to it.
#[tokio::test]
async fn what_is_remembered_never_undoes_what_is_stored() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let node = PgStore::connect(&database.settings()).unwrap().stores();
    let other = PgStore::connect(&database.settings()).unwrap().stores();
    node.upkeep.ensure_partitions(NOW).await.unwrap();
    let customer = given::customer(&node, "ABC").await;
    let id = given::enrolled(&node, customer.id, 1).await;
    given::beats(&node, &[build::counted(id, at(1), "boot", 1)]).await;
    let mut next = given::view(&other, id).await.terminal;
    let seen = next.revision;
    next.draft.heartbeat_interval_s = 60;
    other.terminals.save(&next, seen, build::act()).await.unwrap();
    let answers = given::beats(&node, &[build::counted(id, at(2), "boot", 2)]).await;
    assert!(
        matches!(answers[..], [Answer::Recorded(next)] if next.next_s <= 60),
        "{answers:?}"
    );
    assert_eq!(given::presence(&node, id).await.interval_s, 60);

    let fence = given::fence(&other).await;
    let outages = [];
    let due = other.presence.due(at(10_000), &outages, 10).await.unwrap();
    let rules = BatchRules::default();
    let input = sweep::SweepInput {
        now: at(10_000),
        outages: &outages,
        rules: &rules.alerts,
        hold_losses: false,
    };
    assert_eq!(
        other
            .presence
            .apply_sweep(&sweep::plan(due.rows, &input), fence)
            .await
            .unwrap(),
        1
    );
    given::beats(&node, &[build::counted(id, at(10_001), "boot", 3)]).await;
    let row = given::presence(&node, id).await;
    assert!(!row.is_lost && row.raised.is_empty(), "{row:?}");
    assert_eq!(given::counts(&node).await.online, 1);
}

/// Everything the server does works for a role that owns nothing, and audit entries are out of its reach.
#[tokio::test]
async fn the_application_role_needs_no_more_than_it_was_granted() {
    let Some(database) = Database::empty().await else {
        return;
    };
    let role = "tms_app";
    let settings = PgSettings {
        application_role: Some(role.to_owned()),
        ..database.settings()
    };
    postgres::migrate(&settings).await.unwrap();
    let app = database.settings_as(role);
    let stores = PgStore::connect(&app).unwrap().stores();
    stores.upkeep.ensure_partitions(NOW).await.unwrap();
    let customer = given::customer(&stores, "ABC").await;
    let id = given::enrolled(&stores, customer.id, 1).await;
    given::beats(&stores, &[build::beat(id, at(1))]).await;
    stores
        .upkeep
        .drop_history(&tms_core::settings::Retention::default(), at(86_400 * 500))
        .await
        .unwrap();
    assert!(given::history(&stores, id).await.is_empty());
    assert_eq!(stores.upkeep.health().await.unwrap().schema, SchemaState::Current);
    let mut shell = database.shell_as(role).await;
    for forbidden in [
        "UPDATE audit_entry SET actor = 'nobody'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "DELETE FROM tms_migration",
        "DROP TABLE terminal",
        "CREATE TABLE mine (id int)",
    ] {
        assert!(sqlx::query(forbidden).execute(&mut shell).await.is_err(), "{forbidden}");
    }
}

/// The role is made with its password, of which the database only gets a verifier; again, the password is set anew.
#[tokio::test]
async fn the_migration_makes_the_application_role() {
    let Some(database) = Database::empty().await else {
        return;
    };
    let role = "tms_app_made";
    let with = |password: &str| PgSettings {
        application_role: Some(role.to_owned()),
        application_password: Some(Secret::new(password.to_owned())),
        ..database.settings()
    };
    let mut shell = database.shell().await;
    let mut verifiers = Vec::new();
    for password in ["first-password", "second-password"] {
        postgres::migrate(&with(password)).await.unwrap();
        let verifier: String =
            sqlx::query_scalar("SELECT rolpassword FROM pg_authid WHERE rolname = $1 AND rolcanlogin")
                .bind(role)
                .fetch_one(&mut shell)
                .await
                .unwrap();
        assert!(verifier.starts_with("SCRAM-SHA-256$4096:"), "{verifier}");
        verifiers.push(verifier);
    }
    assert_ne!(verifiers[0], verifiers[1]);
    let refused = postgres::migrate(&with("pässword")).await.unwrap_err();
    assert!(refused.to_string().contains("printable ASCII"), "{refused}");
    let mut app = database.shell_as(role).await;
    let _: i64 = sqlx::query_scalar("SELECT count(*) FROM terminal")
        .fetch_one(&mut app)
        .await
        .unwrap();
}

/// A schema and a table of migrations of one's own leave `public` alone.
#[tokio::test]
async fn the_schema_is_where_the_settings_say() {
    let Some(database) = Database::empty().await else {
        return;
    };
    let settings = PgSettings {
        schema: Some("fleet".to_owned()),
        migrations_table: "fleet_steps".to_owned(),
        ..database.settings()
    };
    let store = PgStore::connect(&settings).unwrap();
    assert_eq!(store.stores().upkeep.health().await.unwrap().schema, SchemaState::Older);
    let plan = postgres::migration_plan(&settings).await.unwrap();
    assert_eq!(plan.first().map(String::as_str), Some("0001 customer"));
    assert_eq!(postgres::migrate(&settings).await.unwrap().applied, plan);
    assert!(postgres::migrate(&settings).await.unwrap().applied.is_empty());
    assert!(postgres::migration_plan(&settings).await.unwrap().is_empty());
    assert_eq!(
        store.stores().upkeep.health().await.unwrap().schema,
        SchemaState::Current
    );
    let customer = given::customer(&store.stores(), "ABC").await;
    given::enrolled(&store.stores(), customer.id, 1).await;
    let mut shell = database.shell().await;
    let count = |schema: &str| {
        AssertSqlSafe(format!(
            "SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}' AND tablename = 'terminal'"
        ))
    };
    for (schema, expected) in [("fleet", 1), ("public", 0)] {
        let found: i64 = sqlx::query_scalar(count(schema)).fetch_one(&mut shell).await.unwrap();
        assert_eq!(found, expected, "{schema}");
    }
    sqlx::query("INSERT INTO fleet.fleet_steps VALUES (9999, 'later', now(), true, '', 0)")
        .execute(&mut shell)
        .await
        .unwrap();
    assert_eq!(store.stores().upkeep.health().await.unwrap().schema, SchemaState::Newer);
    postgres::migrate(&settings).await.unwrap();
}

/// A heartbeat of a day without partitions is stored all the same.
#[tokio::test]
async fn a_missing_partition_is_made_on_the_way() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let stores = PgStore::connect(&database.settings()).unwrap().stores();
    let customer = given::customer(&stores, "ABC").await;
    let id = given::enrolled(&stores, customer.id, 1).await;
    for n in 0..3 {
        let when = at(86_400 * (n + 100));
        given::beats(&stores, &[build::beat(id, when)]).await;
        assert_eq!(stores.logs.append(id, &[build::log(n)], when).await.unwrap(), 1);
    }
    assert_eq!(given::history(&stores, id).await.len(), 3);
}

/// Work is refused at once while the server is away, and goes on without a restart when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_cut_are_replaced() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let stores = PgStore::connect(&database.settings()).unwrap().stores();
    stores.upkeep.ensure_partitions(NOW).await.unwrap();
    let customer = given::customer(&stores, "ABC").await;
    let id = given::enrolled(&stores, customer.id, 1).await;
    let mut shell = database.shell().await;
    let mut failed = 0;
    for n in 0..20 {
        if n % 5 == 0 {
            let cut = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity \
                       WHERE datname = current_database() AND pid <> pg_backend_pid()";
            sqlx::query(cut).fetch_all(&mut shell).await.unwrap();
        }
        let beat = [build::counted(id, at(n), "boot", n)];
        match stores.heartbeats.record_batch(&beat, &BatchRules::default()).await {
            Ok(_) => {}
            Err(StoreError::Unavailable(_)) => failed += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(failed <= 4, "one at each cut at most: {failed}");
    assert_eq!(
        given::history(&stores, id).await.len(),
        usize::try_from(20 - failed).unwrap()
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_answered_in_time() {
    let settings = PgSettings::new("postgres://tms@127.0.0.1:9/tms");
    let stores = PgStore::connect(&settings).unwrap().stores();
    // Our own patience is a second, that of the pool below half a minute.
    let answer = tokio::time::timeout(Duration::from_secs(20), stores.upkeep.health()).await;
    assert!(matches!(answer, Ok(Err(StoreError::Unavailable(_)))), "{answer:?}");
}

#[test]
fn settings_that_cannot_be_read_are_refused() {
    let refused = |settings: PgSettings| PgStore::connect(&settings).unwrap_err().to_string();
    assert!(refused(PgSettings::new("mysql//x:geheim@y")).contains("postgres://"));
    let schema = |name: &str| PgSettings {
        schema: Some(name.to_owned()),
        ..PgSettings::new("postgres://a@b/c")
    };
    for name in ["", "a\"b", "A", "1a", "a;b"] {
        assert!(refused(schema(name)).contains("must be"), "{name}");
    }
}

/// Alerts of a sweep over many terminals at once are raised and told once each.
#[tokio::test]
async fn a_mass_of_alerts_is_raised_in_one_go() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let stores = PgStore::connect(&database.settings()).unwrap().stores();
    stores.upkeep.ensure_partitions(NOW).await.unwrap();
    let customer = given::customer(&stores, "ABC").await;
    let fleet = given::fleet(&stores, customer.id, 60).await;
    let batch: Vec<_> = fleet.iter().map(|id| build::beat(*id, at(1))).collect();
    given::beats(&stores, &batch).await;
    let fence = given::fence(&stores).await;
    let rules = BatchRules {
        presence: PresenceSettings::default(),
        ..BatchRules::default()
    };
    let due = stores.presence.due(at(5_000), &[], 100).await.unwrap();
    assert_eq!((due.connected, due.due_for_loss, due.rows.len()), (60, 60, 60));
    let input = sweep::SweepInput {
        now: at(5_000),
        outages: &[],
        rules: &rules.alerts,
        hold_losses: false,
    };
    stores
        .presence
        .apply_sweep(&sweep::plan(due.rows, &input), fence)
        .await
        .unwrap();
    let rows = stores.presence.unsettled(100).await.unwrap();
    let plans: Vec<_> = rows
        .iter()
        .map(|row| tms_core::alert::decide(row, &rules.alerts, at(5_001)))
        .collect();
    assert_eq!(stores.alerts.apply(&plans, fence).await.unwrap().raised, 60);
    assert_eq!(stores.alerts.apply(&plans, fence).await.unwrap().raised, 0);
    let filter = AlertFilter {
        cause: Some(Cause::Offline),
        ..AlertFilter::default()
    };
    let page = stores
        .alerts
        .list(&filter, Order::Ascending, &build::whole_page())
        .await
        .unwrap();
    assert_eq!(page.total, Some(60));
}
