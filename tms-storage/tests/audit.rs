//! Whoever can write to the database, but lacks the key, changes nothing of the audit trail without being named: on
//! PostgreSQL and on SQLite, by plain SQL.

#![cfg(all(feature = "postgres", feature = "sqlite"))]
#![allow(
    unreachable_pub,
    reason = "nothing of a test is public; pub says what a module offers"
)]
#![allow(clippy::unwrap_used, reason = "a test that finds the unexpected stops loudly")]

#[path = "postgres/database.rs"]
mod database;

use std::time::Instant;

use database::Database;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use tms_core::{
    Ctx, Stores, Tms,
    audit::{
        AuditEntry, AuditKeys, AuditResult, AuditTarget, ChainHash,
        reconcile::{seal, trim},
        verify::{FindingKind, Verification},
    },
    envelope::Envelope,
    key::SecretKeys,
    permission::Role,
    testkit::{
        build::{self, NOW},
        given,
    },
    time::Timestamp,
};
use tms_storage::{
    postgres::{self, PgSettings, PgStore},
    sqlite::SqliteStore,
};

const SECRET: &str = "the secret key of the tests";
/// Everything of an entry but its id, as PostgreSQL and as SQLite name it.
const FIELDS: [&str; 2] = [
    "at, actor, role, action, target_kind, target_id, customer_id, changes, address, user_agent, request_id, result, signature",
    "at, actor, role, action, target_type, target_id, customer_id, changes, ip_address, user_agent, request_id, result, signature",
];

/// A shell beside the server, as somebody who has broken into the database has one.
enum Shell {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Shell {
    async fn run(&mut self, sql: &str) {
        let [postgres, sqlite] = FIELDS;
        let fields = if matches!(self, Self::Postgres(_)) {
            postgres
        } else {
            sqlite
        };
        let sql = AssertSqlSafe(sql.replace("{fields}", fields));
        match self {
            Self::Postgres(shell) => drop(sqlx::raw_sql(sql).execute(shell).await.unwrap()),
            Self::Sqlite(shell) => drop(sqlx::raw_sql(sql).execute(shell).await.unwrap()),
        }
    }
}

/// A store with ten entries in its chain.
struct World {
    stores: Stores,
    shell: Shell,
    _guard: Box<dyn std::any::Any>,
}

async fn on_postgres() -> Option<World> {
    let database = Database::migrated().await?;
    let store = PgStore::connect(&database.settings()).unwrap();
    let shell = Shell::Postgres(database.shell().await);
    Some(world(store.stores(), shell, (store, database)).await)
}

async fn on_sqlite() -> Option<World> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tms.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let options = SqliteConnectOptions::new().filename(path);
    let shell = Shell::Sqlite(SqliteConnection::connect_with(&options).await.unwrap());
    Some(world(store.stores(), shell, (store, folder)).await)
}

async fn world(stores: Stores, shell: Shell, guard: impl std::any::Any) -> World {
    stores.audit.use_keys(keys());
    let world = World {
        stores,
        shell,
        _guard: Box::new(guard),
    };
    world.record(10).await;
    world.seal().await;
    world
}

fn keys() -> AuditKeys {
    AuditKeys::new(&SecretKeys::new(SECRET))
}

fn entry(n: i64) -> AuditEntry {
    AuditEntry {
        at: Timestamp::from_micros(NOW.as_micros() + n),
        actor: format!("person {n}"),
        role: Some(Role::Operator),
        action: "test.act",
        target: AuditTarget::existing("test", n + 1),
        customer: None,
        changes: serde_json::json!({ "name": { "before": n, "after": n + 1 } }),
        result: AuditResult::Done,
        origin: build::origin(),
    }
}

impl World {
    async fn record(&self, count: i64) {
        let with = Envelope::entries((0..count).map(entry).collect());
        self.stores.audit.record(with).await.unwrap();
    }

    async fn seal(&self) {
        let fence = given::fence(&self.stores).await;
        seal(&*self.stores.audit, &keys(), fence).await.unwrap();
    }

    async fn verify(&self, expected: Option<ChainHash>) -> Verification {
        let tms = Tms::builder(self.stores.clone())
            .secret_keys(SecretKeys::new(SECRET))
            .build();
        tms.audit().verify(&Ctx::system(NOW), expected).await.unwrap()
    }

    /// Verifies, and returns what was found: the kind, the place, the entry, the other entry.
    async fn found(&self) -> (FindingKind, Option<i64>, Option<i64>, Option<i64>) {
        let seen = self.verify(None).await;
        let finding = seen.finding.unwrap();
        (finding.kind, finding.place, finding.entry, finding.other)
    }
}

/// What somebody does, and what is named.
type Manipulation = (&'static str, FindingKind, Option<i64>, Option<i64>, Option<i64>);

const MANIPULATIONS: [Manipulation; 14] = {
    use FindingKind as K;
    [
        (
            "UPDATE audit_entry SET actor = 'nobody' WHERE id = 4",
            K::Altered,
            Some(4),
            Some(4),
            None,
        ),
        (
            "UPDATE audit_entry SET changes = '{\"name\": {}}' WHERE id = 4",
            K::Altered,
            Some(4),
            Some(4),
            None,
        ),
        (
            "UPDATE audit_entry SET signature = NULL WHERE id = 4",
            K::Altered,
            Some(4),
            Some(4),
            None,
        ),
        (
            "UPDATE audit_entry SET result = 'refused', role = NULL WHERE id IN (4, 7)",
            K::Altered,
            Some(4),
            Some(4),
            None,
        ),
        (
            "DELETE FROM audit_entry WHERE id = 6",
            K::Missing,
            Some(6),
            Some(6),
            None,
        ),
        (
            "DELETE FROM audit_entry WHERE id = 6; DELETE FROM audit_seal WHERE entry_id = 6",
            K::Missing,
            Some(6),
            None,
            None,
        ),
        (
            "INSERT INTO audit_entry (id, {fields}) SELECT 99, {fields} FROM audit_entry WHERE id = 3",
            K::Inserted,
            None,
            Some(99),
            None,
        ),
        (
            "UPDATE audit_entry SET id = -1 WHERE id = 3; UPDATE audit_entry SET id = 3 WHERE id = 8;
             UPDATE audit_entry SET id = 8 WHERE id = -1",
            K::Swapped,
            Some(3),
            Some(3),
            Some(8),
        ),
        (
            "UPDATE audit_seal SET hash = (SELECT hash FROM audit_seal WHERE place = 2) WHERE place = 5",
            K::ChainAltered,
            Some(5),
            Some(5),
            None,
        ),
        (
            "UPDATE audit_seal SET signature = (SELECT signature FROM audit_seal WHERE place = 2) WHERE place = 5",
            K::ChainAltered,
            Some(5),
            Some(5),
            None,
        ),
        (
            "UPDATE audit_seal SET verdict = 'adopted' WHERE place = 5",
            K::ChainAltered,
            Some(5),
            Some(5),
            None,
        ),
        (
            "UPDATE audit_seal SET entry_id = -1 WHERE place = 3; UPDATE audit_seal SET entry_id = 3 WHERE place = 8;
             UPDATE audit_seal SET entry_id = 8 WHERE place = 3",
            K::ChainAltered,
            Some(3),
            Some(8),
            None,
        ),
        (
            "DELETE FROM audit_seal WHERE place < 4; DELETE FROM audit_entry WHERE id < 4",
            K::Missing,
            Some(1),
            None,
            None,
        ),
        (
            "DELETE FROM audit_seal WHERE place = 10; UPDATE audit_entry SET actor = 'x' WHERE id = 10",
            K::Inserted,
            None,
            Some(10),
            None,
        ),
    ]
};

async fn each_manipulation_is_named(fresh: impl AsyncFn() -> Option<World>) {
    for (sql, kind, place, entry, other) in MANIPULATIONS {
        let Some(mut world) = fresh().await else { return };
        let seen = world.verify(None).await;
        assert!(seen.is_intact() && seen.sealed == 10, "{seen:?}");
        world.shell.run(sql).await;
        assert_eq!(world.found().await, (kind, place, entry, other), "{sql}");
        // The sealer going on does not cover it up.
        world.record(3).await;
        world.seal().await;
        let later = world.found().await;
        assert_eq!(later.0, kind, "{sql}");
        assert!(kind == FindingKind::Inserted || later.2 == entry, "{sql}: {later:?}");
    }
}

async fn a_cut_end_is_named_by_the_head(fresh: impl AsyncFn() -> Option<World>) {
    let Some(mut world) = fresh().await else { return };
    let head = world.verify(None).await.head.hash;
    world.record(5).await;
    world.seal().await;
    let newer = world.verify(None).await.head.hash;
    let cut = "DELETE FROM audit_entry WHERE id > 10; DELETE FROM audit_seal WHERE place > 10;
               DELETE FROM audit_pending";
    world.shell.run(cut).await;
    assert!(world.verify(None).await.is_intact(), "without a head nobody can tell");
    assert!(
        world.verify(Some(head)).await.is_intact(),
        "an older head is in the chain"
    );
    assert_eq!(
        world.verify(Some(newer)).await.finding.unwrap().kind,
        FindingKind::EndCut
    );
    world.record(5).await;
    world.seal().await;
    let seen = world.verify(Some(newer)).await;
    assert_eq!(
        seen.finding.unwrap().kind,
        FindingKind::EndCut,
        "what came later is another end"
    );
}

async fn a_row_that_waits_is_safe_too(fresh: impl AsyncFn() -> Option<World>) {
    for (sql, kind) in [
        (
            "UPDATE audit_entry SET actor = 'nobody' WHERE id = 12",
            FindingKind::Inserted,
        ),
        ("DELETE FROM audit_entry WHERE id = 12", FindingKind::Missing),
        (
            "DELETE FROM audit_pending WHERE entry_id = 12; DELETE FROM audit_entry WHERE id = 11",
            FindingKind::Missing,
        ),
    ] {
        let Some(mut world) = fresh().await else { return };
        world.record(3).await;
        world.shell.run(sql).await;
        let (found, _, id, _) = world.found().await;
        assert_eq!((found, id.is_some()), (kind, true), "{sql}");
    }
}

async fn a_checkpoint_is_signed(fresh: impl AsyncFn() -> Option<World>) {
    for (sql, kind) in [
        ("UPDATE audit_checkpoint SET place = 8", FindingKind::CheckpointAltered),
        (
            "UPDATE audit_checkpoint SET hash = (SELECT hash FROM audit_seal WHERE place = 7)",
            FindingKind::CheckpointAltered,
        ),
        ("DELETE FROM audit_checkpoint", FindingKind::Missing),
        (
            "DELETE FROM audit_entry WHERE id = 6; DELETE FROM audit_seal WHERE place = 6",
            FindingKind::Missing,
        ),
    ] {
        let Some(mut world) = fresh().await else { return };
        let fence = given::fence(&world.stores).await;
        let before = entry(5).at;
        let dropped = trim(&*world.stores.audit, &keys(), before, NOW, fence).await.unwrap();
        assert_eq!(dropped, 5);
        let seen = world.verify(None).await;
        assert!(seen.is_intact(), "{seen:?}");
        assert_eq!((seen.sealed, seen.dropped_to), (5, 5));
        world.shell.run(sql).await;
        assert_eq!(world.found().await.0, kind, "{sql}");
    }
}

/// Rows of a release without signatures are taken into the beginning of the chain, and nowhere else.
async fn what_is_older_than_the_chain_is_adopted(fresh: impl AsyncFn() -> Option<World>) {
    let Some(mut world) = fresh().await else { return };
    let old = "DELETE FROM audit_seal; DELETE FROM audit_pending; UPDATE audit_entry SET signature = NULL;
               INSERT INTO audit_pending (entry_id) SELECT id FROM audit_entry";
    world.shell.run(old).await;
    assert!(world.verify(None).await.is_intact());
    world.record(2).await;
    world.seal().await;
    let seen = world.verify(None).await;
    assert!(seen.is_intact(), "{seen:?}");
    assert_eq!((seen.sealed, seen.adopted), (12, 10));
    // Retention may end in the middle of them.
    let fence = given::fence(&world.stores).await;
    let before = entry(5).at;
    assert_eq!(
        trim(&*world.stores.audit, &keys(), before, NOW, fence).await.unwrap(),
        5
    );
    let seen = world.verify(None).await;
    assert!(seen.is_intact(), "{seen:?}");
    assert_eq!((seen.dropped_to, seen.sealed, seen.adopted), (5, 7, 5));
    world.record(1).await;
    world
        .shell
        .run("UPDATE audit_entry SET signature = NULL WHERE id = 13")
        .await;
    assert_eq!(world.found().await.0, FindingKind::Inserted);
    world.seal().await;
    assert_eq!(world.found().await, (FindingKind::Inserted, Some(13), Some(13), None));
}

async fn many_entries_are_linked_and_verified(fresh: impl AsyncFn() -> Option<World>) {
    let Some(world) = fresh().await else { return };
    for _ in 0..20 {
        world.record(1_000).await;
    }
    let begun = Instant::now();
    world.seal().await;
    let sealed = begun.elapsed();
    let begun = Instant::now();
    let seen = world.verify(None).await;
    eprintln!(
        "20,000 entries: linked in {sealed:?}, verified in {:?}",
        begun.elapsed()
    );
    assert!(seen.is_intact(), "{seen:?}");
    assert_eq!(seen.sealed, 20_010);
}

macro_rules! on_both {
    ($($case:ident)+) => {
        mod with_postgres {
            $(#[tokio::test]
            async fn $case() {
                super::$case(super::on_postgres).await;
            })+
        }
        mod with_sqlite {
            $(#[tokio::test]
            async fn $case() {
                super::$case(super::on_sqlite).await;
            })+
        }
    };
}

on_both! {
    each_manipulation_is_named a_cut_end_is_named_by_the_head a_row_that_waits_is_safe_too a_checkpoint_is_signed
    what_is_older_than_the_chain_is_adopted many_entries_are_linked_and_verified
}

/// A transaction that commits late is linked late; it is never skipped.
#[tokio::test]
async fn a_late_commit_is_never_skipped() {
    let Some(world) = on_postgres().await else { return };
    let Shell::Postgres(mut shell) = world.shell else {
        return;
    };
    let mut late = shell.begin().await.unwrap();
    let id: i64 = sqlx::query_scalar("SELECT nextval('audit_entry_id_seq')")
        .fetch_one(&mut *late)
        .await
        .unwrap();
    let signed = keys().sign(entry(77).record(id, None));
    let statement = format!(
        "INSERT INTO audit_entry (id, {}) SELECT $1, $2::timestamptz, actor, role, action, target_kind, target_id, \
         customer_id, changes, address, user_agent, request_id, result, signature FROM audit_entry WHERE id = 3",
        FIELDS[0]
    );
    sqlx::query(AssertSqlSafe(statement))
        .bind(id)
        .bind(signed.record.at.to_string())
        .execute(&mut *late)
        .await
        .unwrap();
    world
        .stores
        .audit
        .record(Envelope::entries(vec![entry(78)]))
        .await
        .unwrap();
    let fence = given::fence(&world.stores).await;
    assert_eq!(seal(&*world.stores.audit, &keys(), fence).await.unwrap().linked, 1);
    late.commit().await.unwrap();
    let done = seal(&*world.stores.audit, &keys(), fence).await.unwrap();
    // It was copied from another row, so its signature is that of another id.
    assert_eq!((done.linked, done.forged), (1, 1));
    let links = world.stores.audit.links(11, 10).await.unwrap();
    assert_eq!(links[0].seal.entry, id, "it came later and has the lower id");
}

/// The role of the server can add to the trail and do nothing else to it; retention works all the same.
#[tokio::test]
async fn the_role_of_the_server_only_adds() {
    let Some(database) = Database::empty().await else {
        return;
    };
    let role = "tms_app";
    let settings = PgSettings {
        application_role: Some(role.to_owned()),
        ..database.settings()
    };
    postgres::migrate(&settings).await.unwrap();
    let store = PgStore::connect(&database.settings_as(role)).unwrap();
    let app = Shell::Postgres(database.shell_as(role).await);
    let world = world(store.stores(), app, ()).await;
    let Shell::Postgres(mut app) = world.shell else { return };
    let fence = given::fence(&world.stores).await;
    let dropped = trim(&*world.stores.audit, &keys(), entry(5).at, NOW, fence)
        .await
        .unwrap();
    assert_eq!(dropped, 5);
    for table in ["audit_entry", "audit_seal", "audit_checkpoint"] {
        for sql in ["DELETE FROM {}", "TRUNCATE {}", "UPDATE {} SET signature = NULL"] {
            let sql = sql.replace("{}", table);
            assert!(
                sqlx::query(AssertSqlSafe(&*sql)).execute(&mut app).await.is_err(),
                "{sql}"
            );
        }
    }
    let health = world.stores.upkeep.health().await.unwrap();
    assert_eq!(health.audit, tms_core::upkeep::store::AuditGrants::Right);
    assert_eq!(health.closed, [""; 0]);
    let mut owner = database.shell().await;
    let change = async |sql: &'static str, owner: &mut PgConnection| {
        sqlx::raw_sql(sql).execute(owner).await.unwrap();
        format!("{:?}", store.stores().upkeep.health().await.unwrap().audit)
    };
    let many = change("GRANT DELETE ON audit_seal TO tms_app", &mut owner).await;
    assert!(
        many.starts_with("TooMany") && many.contains("REVOKE UPDATE, DELETE"),
        "{many}"
    );
    let few = change("REVOKE INSERT ON audit_entry FROM tms_app", &mut owner).await;
    assert!(
        few.starts_with("TooFew") && few.contains("TMS_DB_APP_ROLE=tms_app"),
        "{few}"
    );
    change(
        "CREATE TABLE of_a_later_step (id bigint); REVOKE DELETE ON alert FROM tms_app",
        &mut owner,
    )
    .await;
    let closed = world.stores.upkeep.health().await.unwrap().closed;
    assert_eq!(closed, ["alert", "of_a_later_step"]);
}
