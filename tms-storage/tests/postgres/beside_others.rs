//! What the server does while somebody else is in its way: a person with a shell, a report, another node.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Transaction};
use tms_core::{
    StoreError, Stores,
    alert::{AlertPlan, Cause, CauseSet, store::AlertsApplied},
    envelope::Envelope,
    event::store::EventTail,
    id::TerminalId,
    lease::Fence,
    metric::Hour,
    presence::{Device, Outage},
    report::{store::Whose, tally::Cuts},
    settings::{Retention, Settings},
    testkit::{
        build::{self, NOW, at},
        given,
    },
    transfer::{Fixture, store::Ending},
};
use tms_storage::postgres::{PgSettings, PgStore};

use crate::database::Database;

const DAY: i64 = 86_400;

/// A store that waits for a lock longer than any test takes.
fn patient(database: &Database) -> Stores {
    waiting(database, Duration::from_secs(60))
}

/// A store that waits for a lock so long.
fn waiting(database: &Database, lock_timeout: Duration) -> Stores {
    let settings = PgSettings {
        lock_timeout,
        ..database.settings()
    };
    PgStore::connect(&settings).unwrap().stores()
}

/// Waits until some session waits for a lock.
async fn until_somebody_waits(shell: &mut PgConnection) {
    until_they_wait(shell, 1).await;
}

/// Waits until so many sessions wait for a lock.
async fn until_they_wait(shell: &mut PgConnection, sessions: i64) {
    for _ in 0..100_000 {
        let waiting = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        if count(shell, waiting).await >= sessions {
            return;
        }
        given::pause().await;
    }
    panic!("not so many wait");
}

/// A store with one terminal that was heard.
async fn heard(database: &Database) -> (Stores, TerminalId) {
    let stores = patient(database);
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

async fn lead(stores: &Stores, holder: &str, secs: i64) -> Option<Fence> {
    let ttl = Duration::from_secs(10);
    stores.leases.acquire("sweep", holder, at(secs), ttl).await.unwrap()
}

/// Writers under the fence hold up who takes the lead, but not who has it.
#[tokio::test]
async fn a_renewal_passes_by_those_who_write_under_the_fence() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let stores = waiting(&database, Duration::from_millis(50));
    let fence = lead(&stores, "one", 0).await.unwrap();
    let mut shell = database.shell().await;
    let writing = holding(&mut shell, "SELECT token FROM lease WHERE name = 'sweep' FOR KEY SHARE").await;
    assert_eq!(lead(&stores, "one", 5).await, Some(fence));
    assert_eq!(lead(&stores, "two", 60).await, None, "the leader before still writes");
    writing.rollback().await.unwrap();
    let next = lead(&stores, "two", 60).await.unwrap();
    assert!(next.token > fence.token);
}

/// Who writes under the fence of the leader before a takeover waits for it, and is refused then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_writes_past_a_takeover() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let stores = patient(&database);
    let fence = lead(&stores, "one", 0).await.unwrap();
    let (mut shell, mut other) = (database.shell().await, database.shell().await);
    let mut taking = holding(&mut shell, "SELECT FROM lease WHERE name = 'sweep' FOR UPDATE").await;
    sqlx::query("UPDATE lease SET holder = 'two', token = token + 1 WHERE name = 'sweep'")
        .execute(&mut *taking)
        .await
        .unwrap();
    let draft = build::customer("late");
    let (written, ()) = tokio::join!(stores.customers.insert(&draft, NOW, Envelope::fenced(fence)), async {
        until_somebody_waits(&mut other).await;
        taking.commit().await.unwrap();
    });
    assert!(matches!(written, Err(StoreError::Fenced)), "{written:?}");
    assert_eq!(stores.customers.find_by_name("late").await.unwrap(), None);
}

/// The reconciler of alerts, which holds rows of presence, waits for no alert that a person is at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_under_a_persons_hands_are_left_for_the_next_tick() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let (stores, id) = heard(&database).await;
    let fence = given::fence(&stores).await;
    let customer = given::view(&stores, id).await.terminal.draft.customer;
    let raising = AlertPlan {
        terminal: id,
        seen_raised: build::causes(&[Cause::HighCpu]),
        raise: vec![build::alert(id, customer, Cause::HighCpu, NOW)],
        resolve: CauseSet::EMPTY,
        at: NOW,
    };
    assert_eq!(stores.alerts.apply(&[raising], fence).await.unwrap().raised, 1);
    let ending = [AlertPlan {
        terminal: id,
        seen_raised: CauseSet::EMPTY,
        raise: Vec::new(),
        resolve: build::causes(&[Cause::HighCpu]),
        at: at(2),
    }];
    let mut shell = database.shell().await;
    let answering = holding(&mut shell, "SELECT FROM alert FOR NO KEY UPDATE").await;
    let beats = [build::beat(id, at(3))];
    // Without a bound of its own it would wait as long as the person does.
    let applied = tokio::time::timeout(Duration::from_secs(30), stores.alerts.apply(&ending, fence)).await;
    assert_eq!(applied.unwrap().unwrap(), AlertsApplied::default());
    given::beats(&stores, &beats).await;
    answering.rollback().await.unwrap();
    assert_eq!(stores.alerts.apply(&ending, fence).await.unwrap().resolved, 1);
}

/// Writes an event and expects that readers are told of it.
async fn is_told(stores: &Stores, name: &str) {
    let head = stores.events.head().await.unwrap();
    let draft = build::customer(name);
    let with = build::act_with_event(1);
    stores.customers.insert(&draft, NOW, with).await.unwrap();
    let tail = stores.events.tail(head, 10).await.unwrap();
    assert!(
        matches!(&tail, EventTail::Events(events) if events.len() == 1),
        "{tail:?}"
    );
}

/// Readers of events do not wait for our own transactions that take long and write none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_pass_by_long_work_that_writes_none() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let (stores, id) = heard(&database).await;
    let fence = given::fence(&stores).await;
    let (mut shell, mut other) = (database.shell().await, database.shell().await);
    let events = count(&mut other, "event").await;

    let blocking = holding(&mut shell, "LOCK TABLE metric_progress IN EXCLUSIVE MODE").await;
    let (rolled, ()) = tokio::join!(stores.metrics.roll_up(Hour::of(at(1)), fence), async {
        until_somebody_waits(&mut other).await;
        is_told(&stores, "beside a roll-up").await;
        blocking.rollback().await.unwrap();
    });
    assert_eq!(rolled.unwrap(), 1, "terminal {id}");

    let blocking = holding(&mut shell, "LOCK TABLE settings IN EXCLUSIVE MODE").await;
    let fixture = Fixture {
        customers: vec![build::customer("from elsewhere")],
        settings: Some(Settings::default()),
        ..Fixture::default()
    };
    let (taken, ()) = tokio::join!(
        stores.transfers.take_in(&fixture, Ending::Keep, NOW, build::act()),
        async {
            until_somebody_waits(&mut other).await;
            is_told(&stores, "beside a transfer").await;
            blocking.rollback().await.unwrap();
        }
    );
    assert_eq!(taken.unwrap().customers, 1);
    assert_eq!(count(&mut other, "event").await, events + 2, "neither wrote one itself");
}

/// Readers wait for everybody else, who may write an event yet.
#[tokio::test]
async fn events_wait_for_who_may_write_one() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let stores = patient(&database);
    let mut shell = database.shell().await;
    let head = stores.events.head().await.unwrap();
    let writing = holding(&mut shell, "SELECT pg_current_xact_id()").await;
    let with = build::act_with_event(1);
    stores
        .customers
        .insert(&build::customer("ABC"), NOW, with)
        .await
        .unwrap();
    assert_eq!(
        stores.events.tail(head, 10).await.unwrap(),
        EventTail::Events(Vec::new())
    );
    writing.rollback().await.unwrap();
    let tail = stores.events.tail(head, 10).await.unwrap();
    assert!(
        matches!(&tail, EventTail::Events(events) if events.len() == 1),
        "{tail:?}"
    );
}

/// Reports that hang leave a node what it lives by, and further reports are refused before they take a connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_reports_leave_a_node_what_it_lives_by() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let (_, id) = heard(&database).await;
    let settings = PgSettings {
        max_connections: 2,
        lock_timeout: Duration::from_secs(60),
        ..database.settings()
    };
    let stores = PgStore::connect(&settings).unwrap().stores();
    let (mut shell, mut other) = (database.shell().await, database.shell().await);
    let cuts = Cuts::new(vec![at(0), at(60)]).unwrap();
    let report = || stores.reports.status_time(Whose::Everybody, &cuts);
    let blocking = holding(&mut shell, "LOCK TABLE status_change IN ACCESS EXCLUSIVE MODE").await;
    let (one, two, ()) = tokio::join!(report(), report(), async {
        until_they_wait(&mut other, 2).await;
        let duties = async {
            let token = stores.credentials.find(build::hash("token", 1)).await.unwrap();
            assert_eq!(token.map(|found| found.agent.terminal), Some(id));
            let head = stores.credentials.revocation_head().await.unwrap();
            stores.credentials.revocations_after(head, 10).await.unwrap();
            stores.presence.stamp_alive(at(5)).await.unwrap();
            let fence = given::fence(&stores).await;
            stores.leases.release(fence).await.unwrap();
            given::beats(&stores, &[build::beat(id, at(2))]).await;
            let third = report().await;
            assert!(matches!(third, Err(StoreError::Unavailable(_))), "{third:?}");
        };
        // Well before a connection of the others would be given up.
        tokio::time::timeout(Duration::from_secs(20), duties).await.unwrap();
        blocking.rollback().await.unwrap();
    });
    assert_eq!(one.unwrap(), two.unwrap());
    report().await.unwrap();
}

/// After an outage of our own the whole fleet is judged, a part at a time, and every terminal counts.
#[tokio::test]
async fn a_large_fleet_is_judged_in_parts() {
    const OTHERS: i64 = 45_000;
    let Some(database) = Database::migrated().await else {
        return;
    };
    let (stores, id) = heard(&database).await;
    let mut shell = database.shell().await;
    for statement in [
        // Rows without terminals do here.
        "SET session_replication_role = replica",
        "INSERT INTO terminal_presence SELECT (jsonb_populate_record(p, jsonb_build_object('terminal_id', n))).* \
         FROM terminal_presence p, generate_series(1000001, 1045000) AS n",
        "UPDATE terminal_presence SET deadline = deadline + interval '1 day' WHERE terminal_id > 1044000",
    ] {
        sqlx::query(statement).execute(&mut shell).await.unwrap();
    }
    let outages = [Outage {
        from: at(100),
        to: at(400),
    }];
    let due = stores.presence.due(at(5_000), &outages, 10).await.unwrap();
    assert_eq!(due.due_for_loss, 1 + 44_000_u64);
    assert_eq!(due.connected, 1 + OTHERS.unsigned_abs());
    assert_eq!((due.rows.len(), due.rows[0].terminal), (10, id));
}
