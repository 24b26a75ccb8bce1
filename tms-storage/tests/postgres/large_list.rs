//! Lists that are longer than a total is counted: they are found in other ways than short ones.

use sqlx::{AssertSqlSafe, Executor, PgConnection};
use tms_core::{
    page::{MAX_COUNTED, Order, PageRequest, PageStart},
    presence::Status,
    terminal::{
        Lifecycle,
        store::{TerminalFilter, TerminalSort},
    },
    testkit::given,
};
use tms_storage::postgres::PgStore;

use crate::database::Database;

const FLEET: i64 = 12_500;

async fn fill(shell: &mut PgConnection) {
    for step in [
        format!(
            "INSERT INTO terminal (serial_number, customer_id, model, store_name, heartbeat_interval_s, \
             auto_update_enabled, lifecycle, status, created_at, updated_at, revision) \
             SELECT 'TC-' || n, (SELECT id FROM customer), 'TC-' || n % 10 / 9, 'Shop ' || n, 300, true, \
             CASE WHEN n % 100 = 0 THEN 'retired' ELSE 'active' END, \
             CASE WHEN n % 8 = 0 THEN 'offline' ELSE 'online' END, now(), now(), 1 \
             FROM generate_series(1, {FLEET}) n"
        ),
        "INSERT INTO terminal_presence (terminal_id, customer_id, config_version, status_since, interval_s, raised, \
         alerted, breached, device_code, is_active, in_maintenance, is_lost, version, last_seen, next_s, status, \
         device, past_boots, breaches) \
         SELECT id, customer_id, 1, now(), 300, 0, 0, 0, 0, lifecycle <> 'retired', false, status = 'offline', 1, \
         CASE WHEN id % 500 > 0 THEN '2026-01-01Z'::timestamptz + id * 7919 % 5000 * interval '1 s' END, \
         300, status, 'ok', '', '' FROM terminal"
            .to_owned(),
        "INSERT INTO terminal_search SELECT id, lower(serial_number) || ' ' || lower(store_name) FROM terminal"
            .to_owned(),
        "INSERT INTO alert (terminal_id, cause, severity, state, details, occurrences, created_at, revision) \
         SELECT id, cause, 'LOW', 'open', '{}', 1, now(), 1 FROM terminal, unnest('{a,b}'::text[]) cause \
         WHERE id % 9 > 0"
            .to_owned(),
        "ANALYZE".to_owned(),
    ] {
        shell.execute(AssertSqlSafe(step)).await.unwrap();
    }
}

/// Asks the database in the plainest words.
async fn expected(shell: &mut PgConnection, condition: &str, order: &str, offset: u32) -> Vec<i64> {
    let plain = format!(
        "SELECT t.id FROM terminal t JOIN terminal_presence p ON p.terminal_id = t.id \
         WHERE t.lifecycle <> 'retired' AND {condition} ORDER BY {order} LIMIT 50 OFFSET {offset}"
    );
    sqlx::query_scalar(AssertSqlSafe(plain)).fetch_all(shell).await.unwrap()
}

fn filters() -> Vec<(&'static str, TerminalFilter)> {
    let all = TerminalFilter::default;
    vec![
        ("true", all()),
        (
            "p.status = 'online'",
            TerminalFilter {
                status: Some(Status::Online),
                ..all()
            },
        ),
        (
            "t.lifecycle = 'active'",
            TerminalFilter {
                lifecycle: Some(Lifecycle::Active),
                ..all()
            },
        ),
        (
            "t.model = 'TC-0'",
            TerminalFilter {
                model: Some("TC-0".to_owned()),
                ..all()
            },
        ),
        (
            "EXISTS (SELECT FROM alert WHERE terminal_id = t.id)",
            TerminalFilter {
                has_alerts: Some(true),
                ..all()
            },
        ),
        (
            "t.store_name LIKE 'Shop %'",
            TerminalFilter {
                search: Some("shop".to_owned()),
                ..all()
            },
        ),
        (
            "(p.last_seen IS NULL OR p.last_seen < '2030-01-01Z')",
            TerminalFilter {
                seen_before: Some("2030-01-01T00:00:00Z".parse().unwrap()),
                ..all()
            },
        ),
        (
            "t.store_name LIKE '%p 1234%'",
            TerminalFilter {
                search: Some("p 1234".to_owned()),
                ..all()
            },
        ),
        (
            "(p.last_seen IS NULL OR p.last_seen < '2026-01-01T00:10Z')",
            TerminalFilter {
                seen_before: Some("2026-01-01T00:10:00Z".parse().unwrap()),
                ..all()
            },
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_lists_are_exact() {
    let Some(database) = Database::migrated().await else {
        return;
    };
    let store = PgStore::connect(&database.settings()).unwrap();
    let stores = store.stores();
    given::customer(&stores, "ABC").await;
    let mut shell = database.shell().await;
    fill(&mut shell).await;
    for (condition, filter) in filters() {
        for (sort, order, spelled) in [
            (TerminalSort::SerialNumber, Order::Ascending, "t.serial_number"),
            (
                TerminalSort::StoreName,
                Order::Descending,
                "t.store_name DESC, t.id DESC",
            ),
            (
                TerminalSort::LastHeartbeat,
                Order::Ascending,
                "p.last_seen NULLS FIRST, t.id",
            ),
            (
                TerminalSort::LastHeartbeat,
                Order::Descending,
                "p.last_seen DESC NULLS LAST, t.id DESC",
            ),
        ] {
            for offset in [0, 1, 450, 9_900] {
                let page = PageRequest {
                    start: PageStart::Offset(offset),
                    limit: 50,
                    count: true,
                };
                let found = stores.terminals.list(&filter, sort, order, &page).await.unwrap();
                let ids: Vec<_> = found.items.iter().map(|view| view.terminal.id.get()).collect();
                let expected = expected(&mut shell, condition, spelled, offset).await;
                assert_eq!(ids, expected, "{condition} by {spelled} from {offset}");
                let all = format!(
                    "SELECT count(*) FROM terminal t JOIN terminal_presence p ON p.terminal_id = t.id \
                     WHERE t.lifecycle <> 'retired' AND {condition}"
                );
                let all: i64 = sqlx::query_scalar(AssertSqlSafe(all))
                    .fetch_one(&mut shell)
                    .await
                    .unwrap();
                let all = u64::try_from(all).unwrap().min(MAX_COUNTED + 1);
                assert_eq!(found.total, Some(all), "{condition} by {spelled} from {offset}");
            }
        }
    }
}
