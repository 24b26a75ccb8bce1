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

#[path = "postgres/database.rs"]
mod database;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use database::Database;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tms_core::{
    Stores, Tms,
    alert::{AlertPlan, Cause, CauseSet},
    enrolment::NewCode,
    envelope::Envelope,
    id::{CustomerId, TerminalId},
    page::Order,
    presence::{
        Device, Presence,
        store::{PresenceWrite, Retirement},
    },
    report::{
        AvailabilityRequest, Calendar, Granularity, Period, Summary, Times, availability::Edge,
        figures::mean_resolution,
    },
    settings::{ReportSettings, Settings},
    terminal::store::{TerminalFilter, TerminalSort},
    testkit::{ManualClock, build, given},
    time::Timestamp,
};
use tms_storage::{postgres::PgStore, sqlite::SqliteStore};

/// The night in which summer time begins in Berlin lies in the middle.
const BEGIN: &str = "2026-03-20T00:00:00Z";
const MINUTES: i64 = 18 * 24 * 60 + 777;
/// Seconds by what they count as, by bucket; what is zero is left out.
type Sums = BTreeMap<(String, &'static str), i64>;

fn minute(n: i64) -> Timestamp {
    let begin: Timestamp = BEGIN.parse().unwrap();
    begin.plus(Duration::from_secs(u64::try_from(n * 60).unwrap()))
}

/// A small generator, so that both databases live through the same.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = tms_core::random::mix(self.0);
        self.0 % sides
    }
}

async fn change(stores: &Stores, terminal: TerminalId, at: Timestamp, change: impl FnOnce(&mut Presence)) {
    let mut row = given::presence(stores, terminal).await;
    let seen = row.version;
    change(&mut row);
    let closed = row.settle(at, &tms_core::alert::rule::AlertRules::default());
    row.version += 1;
    let write = PresenceWrite {
        row,
        seen,
        is_full: true,
    };
    stores
        .presence
        .save(&write, closed, Envelope::following())
        .await
        .unwrap();
}

async fn heard(stores: &Stores, terminal: TerminalId, at: Timestamp, device: Device) {
    let mut beat = build::beat(terminal, at);
    beat.device = device;
    given::beats(stores, &[beat]).await;
}

async fn retire(stores: &Stores, terminal: TerminalId, at: Timestamp) {
    let view = given::view(stores, terminal).await;
    let retirement = Retirement::of(view.presence, at);
    let revision = view.terminal.revision;
    stores
        .terminals
        .retire(terminal, revision, &retirement, build::act())
        .await
        .unwrap();
}

async fn enrol(stores: &Stores, customer: CustomerId, code: i64, n: i64, at: Timestamp) -> TerminalId {
    let new = NewCode {
        serial: Some(build::serial(n)),
        expires_at: at.plus(Duration::from_secs(3_600)),
        ..build::code(customer, code)
    };
    stores.enrolment.insert(&new, at, build::act()).await.unwrap();
    let mut request = build::redemption(code, n);
    request.token = build::hash("token", code);
    let enrolled = stores.enrolment.redeem(&request, at, build::act()).await.unwrap();
    enrolled.unwrap().terminal
}

/// Our own outages; the second one lies around a midnight of Berlin.
const OUTAGES: [(i64, i64); 3] = [(4_000, 4_100), (12_930, 13_100), (20_000, 23_000)];

/// Two customers and seven terminals that are heard, lost, in error, maintained, retired and enrolled again; everything
/// on the minute.
async fn live(stores: &Stores) -> [CustomerId; 2] {
    let customers = [
        given::customer(stores, "A").await.id,
        given::customer(stores, "B").await.id,
    ];
    let mut dice = Dice(7);
    for n in 1..=7_i64 {
        let customer = customers[usize::try_from(n % 2).unwrap()];
        let mut at = 5 + i64::try_from(dice.throw(600)).unwrap();
        let terminal = enrol(stores, customer, n, n, minute(at)).await;
        let mut codes = 100 * n;
        while at < MINUTES - 2_000 {
            at += 1 + i64::try_from(dice.throw(1_500)).unwrap();
            let row = given::presence(stores, terminal).await;
            let device =
                [Device::Ok, Device::Ok, Device::Absent, Device::Error(3)][usize::try_from(dice.throw(4)).unwrap()];
            match dice.throw(9) {
                _ if !row.is_active => {
                    codes += 1;
                    assert_eq!(enrol(stores, customer, codes, n, minute(at)).await, terminal);
                }
                0 => retire(stores, terminal, minute(at)).await,
                1 | 2 => {
                    change(stores, terminal, minute(at), |row| {
                        row.in_maintenance = !row.in_maintenance;
                    })
                    .await;
                }
                3 | 4 if row.last_seen.is_some() => {
                    change(stores, terminal, minute(at), |row| row.is_lost = true).await;
                }
                _ => heard(stores, terminal, minute(at), device).await,
            }
        }
    }
    customers
}

fn sums(bucket: &str, times: &Times) -> Vec<((String, &'static str), i64)> {
    [
        ("online", times.online),
        ("offline", times.offline),
        ("error", times.error),
        ("maintenance", times.maintenance),
        ("unheard", times.unheard),
        ("retired", times.retired),
        ("outage", times.outage),
    ]
    .into_iter()
    .filter(|(_, time)| !time.is_zero())
    .map(|(name, time)| ((bucket.to_owned(), name), i64::try_from(time.as_secs()).unwrap()))
    .collect()
}

/// Alerts of every kind of end: raised again and again, some resolved, some open to the end; everything on the minute.
async fn trouble(stores: &Stores) {
    let fence = given::fence(stores).await;
    let filter = TerminalFilter {
        with_retired: true,
        ..TerminalFilter::default()
    };
    let page = build::whole_page();
    let all = stores
        .terminals
        .list(&filter, TerminalSort::SerialNumber, Order::Ascending, &page)
        .await
        .unwrap();
    let kinds = [Cause::Offline, Cause::DeviceError, Cause::HighDisk];
    let mut dice = Dice(11);
    for view in all.items {
        let (terminal, customer) = (view.terminal.id, view.terminal.draft.customer);
        let mut at = 0;
        loop {
            at += 1 + i64::try_from(dice.throw(1_200)).unwrap();
            if at >= MINUTES {
                break;
            }
            let cause = kinds[usize::try_from(dice.throw(3)).unwrap()];
            let is_end = dice.throw(3) > 0;
            let plan = AlertPlan {
                terminal,
                seen_raised: CauseSet::EMPTY,
                raise: if is_end {
                    Vec::new()
                } else {
                    vec![build::alert(terminal, customer, cause, minute(at))]
                },
                resolve: if is_end {
                    build::causes(&[cause])
                } else {
                    CauseSet::EMPTY
                },
                at: minute(at),
            };
            stores.alerts.apply(&[plan], fence).await.unwrap();
        }
    }
}

/// An alert as it is stored: whose, of which terminal, why, since when, and how long it lasted.
struct Row {
    customer: i64,
    terminal: i64,
    cause: String,
    at: i64,
    lasted: Option<i64>,
}

fn alert_row<'r, R: sqlx::Row>(row: &'r R) -> Row
where
    usize: sqlx::ColumnIndex<R>,
    i64: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    Option<i64>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    Row {
        customer: row.get(0),
        terminal: row.get(1),
        cause: row.get(2),
        at: row.get(3),
        lasted: row.get(4),
    }
}

/// What a summary says of alerts: by cause how many, of how many terminals, how many over, and how long in all; by customer
/// how many, and how many open.
type Figures = (
    BTreeMap<String, (u64, u64, u64, Duration)>,
    BTreeMap<i64, (u64, u64)>,
    Option<Duration>,
);

fn figures_of(rows: &[Row], summary: &Summary, customer: Option<CustomerId>) -> Figures {
    let within = |row: &&Row| {
        (summary.window.from.as_micros()..summary.window.to.as_micros()).contains(&row.at)
            && customer.is_none_or(|customer| customer.get() == row.customer)
    };
    let (mut causes, mut customers) = (BTreeMap::new(), BTreeMap::new());
    let mut terminals: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    let (mut over, mut all) = (0_u32, Duration::ZERO);
    for row in rows.iter().filter(within) {
        terminals.entry(&row.cause).or_default().insert(row.terminal);
        let of: &mut (u64, u64, u64, Duration) = causes.entry(row.cause.clone()).or_default();
        let whose: &mut (u64, u64) = customers.entry(row.customer).or_default();
        of.0 += 1;
        whose.0 += 1;
        match row.lasted {
            None => whose.1 += 1,
            Some(micros) => {
                let lasted = Duration::from_micros(u64::try_from(micros).unwrap());
                of.2 += 1;
                of.3 += lasted;
                over += 1;
                all += lasted;
            }
        }
    }
    for (cause, of) in &mut causes {
        of.1 = u64::try_from(terminals[cause.as_str()].len()).unwrap();
    }
    let mean = all.as_micros().checked_div(u128::from(over));
    let mean = mean.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap()));
    (causes, customers, mean)
}

/// Compares the figures of every period, for all and for each customer, with the rows; returns how many alerts there were.
async fn compare_figures(stores: &Stores, rows: &[Row], customers: [CustomerId; 2]) -> u64 {
    let clock = ManualClock::new(minute(MINUTES));
    let tms = Tms::builder(stores.clone()).clock(clock).build();
    let ctx = build::admin(minute(MINUTES));
    let mut seen = 0;
    for period in Period::ALL {
        for customer in [None, Some(customers[0]), Some(customers[1])] {
            let summary = tms.reports().summary(&ctx, *period, customer).await.unwrap();
            let expected = figures_of(rows, &summary, customer);
            let causes: BTreeMap<_, _> = summary
                .issues
                .iter()
                .map(|issue| {
                    let figures = (issue.raised, issue.terminals, issue.resolved, issue.lasted);
                    (issue.cause.to_string(), figures)
                })
                .collect();
            let of: BTreeMap<_, _> = summary
                .customers
                .iter()
                .map(|of| (of.alerts.customer.get(), (of.alerts.raised, of.alerts.open)))
                .filter(|(_, (raised, _))| *raised > 0)
                .collect();
            assert_eq!(
                (causes, of, mean_resolution(&summary.issues)),
                expected,
                "{period} {customer:?}"
            );
            let mut raised: Vec<u64> = summary.issues.iter().map(|issue| issue.raised).collect();
            assert!(raised.is_sorted_by(|one, next| one >= next), "the most frequent first");
            seen += raised.drain(..).sum::<u64>();
        }
    }
    seen
}

/// Returns the hour of a label, which a report names with its distance from UTC.
fn hour(label: &str) -> String {
    label.chars().take("2026-01-24T10:00".len()).collect()
}

async fn reported(
    stores: &Stores,
    zone: &str,
    (from, to): (&str, &str),
    by: Granularity,
    customer: Option<CustomerId>,
) -> Sums {
    let settings = Settings {
        reports: ReportSettings {
            calendar: Calendar::parse(zone).unwrap(),
        },
        ..Settings::default()
    };
    let clock = ManualClock::new(minute(MINUTES));
    let tms = Tms::builder(stores.clone()).clock(clock).settings(settings).build();
    let date = |text: &str| Some(Edge::Date(text.parse().unwrap()));
    let request = AvailabilityRequest {
        from: date(from),
        to: date(to),
        by,
    };
    let ctx = build::admin(minute(MINUTES));
    let report = tms.reports().availability(&ctx, &request, customer).await.unwrap();
    let shares = report
        .shares
        .iter()
        .flat_map(|share| sums(&hour(&share.bucket.label), &share.times));
    shares.collect()
}

/// The periods that are compared: nearly all of it, a few days, one day, and one that nothing is known of yet.
const SPANS: [(&str, &str); 4] = [
    ("2026-03-19", "2026-04-09"),
    ("2026-03-27", "2026-03-31"),
    ("2026-03-29", "2026-03-29"),
    ("2026-05-01", "2026-05-02"),
];

const DAYS: &str = "\
    SELECT to_char(d, $6) AS bucket, d AT TIME ZONE $1 AS from_at,
        least((d + interval '1 day') AT TIME ZONE $1, $4) AS to_at
    FROM generate_series($2::timestamp, $3::timestamp, interval '1 day') AS d";

const HOURS: &str = "\
    SELECT to_char(d AT TIME ZONE $1, $6) AS bucket, d AS from_at, least(d + interval '1 hour', $4) AS to_at
    FROM generate_series($2::timestamp AT TIME ZONE $1,
        ($3::timestamp + interval '1 day') AT TIME ZONE $1 - interval '1 hour', interval '1 hour') AS d";

const ON_POSTGRES: &str = "\
WITH days AS ({days}), intervals AS (
    SELECT coalesce(phase, status) AS phase, customer_id, began_at AS from_at, ended_at AS to_at FROM status_change
    UNION ALL
    SELECT CASE WHEN t.lifecycle = 'retired' THEN 'retired' WHEN p.last_seen IS NULL AND p.status = 'offline'
        THEN 'unheard' ELSE p.status END, p.customer_id, p.status_since, $4
    FROM terminal_presence p JOIN terminal t ON t.id = p.terminal_id
), pieces AS (
    SELECT d.bucket, i.phase, greatest(d.from_at, i.from_at) AS from_at, least(d.to_at, i.to_at) AS to_at
    FROM days d JOIN intervals i ON i.from_at < d.to_at AND i.to_at > d.from_at
    WHERE $5::bigint IS NULL OR i.customer_id = $5
), away AS (
    SELECT p.bucket, p.phase, least(p.to_at, o.to_at) - greatest(p.from_at, o.from_at) AS length
    FROM pieces p JOIN outage o ON o.from_at < p.to_at AND o.to_at > p.from_at
    WHERE p.phase IN ('online', 'offline', 'error')
), lengths AS (
    SELECT bucket, phase, to_at - from_at AS length FROM pieces WHERE to_at > from_at
    UNION ALL SELECT bucket, phase, -length FROM away
    UNION ALL SELECT bucket, 'outage', length FROM away
)
SELECT bucket, phase, extract(epoch FROM sum(length))::bigint FROM lengths GROUP BY 1, 2 HAVING sum(length) > interval '0'";

async fn recounted_by_postgres(
    shell: &mut PgConnection,
    zone: &str,
    (from, to): (&str, &str),
    by: Granularity,
    customer: Option<CustomerId>,
) -> Sums {
    let bucket = match by {
        Granularity::Day => "YYYY-MM-DD",
        Granularity::Week => "IYYY-\"W\"IW",
        Granularity::Month => "YYYY-MM",
        Granularity::Hour => "YYYY-MM-DD\"T\"HH24:MI",
    };
    let days = if by == Granularity::Hour { HOURS } else { DAYS };
    let date = |text: &str| {
        text.parse::<chrono::NaiveDate>()
            .unwrap()
            .and_time(chrono::NaiveTime::MIN)
    };
    let rows = sqlx::query(AssertSqlSafe(ON_POSTGRES.replace("{days}", days)))
        .bind(zone)
        .bind(date(from))
        .bind(date(to))
        .bind(minute(MINUTES).to_chrono())
        .bind(customer.map(CustomerId::get))
        .bind(bucket)
        .fetch_all(shell)
        .await
        .unwrap();
    rows.iter()
        .map(|row| ((row.get(0), known(row.get(1))), row.get(2)))
        .collect()
}

/// Looks at each minute: which interval it lies in, and whether in an outage.
const ON_SQLITE: &str = "\
WITH RECURSIVE minutes (at) AS (
    SELECT ?1 UNION ALL SELECT at + 60000000 FROM minutes WHERE at + 60000000 < ?2
), intervals AS (
    SELECT coalesce(phase, status) AS phase, customer_id, began_at AS from_at, ended_at AS to_at FROM status_change
    UNION ALL
    SELECT CASE WHEN t.lifecycle = 'retired' THEN 'retired'
        WHEN p.status = 'offline' AND NOT EXISTS (SELECT 1 FROM terminal_pulse u
            WHERE u.terminal_id = p.terminal_id AND u.last_seen IS NOT NULL) THEN 'unheard' ELSE p.status END,
        p.customer_id, p.status_since, 9000000000000000
    FROM terminal_presence p JOIN terminal t ON t.id = p.terminal_id
)
SELECT {day} AS bucket,
    CASE WHEN i.phase IN ('online', 'offline', 'error')
            AND EXISTS (SELECT 1 FROM outage o WHERE o.from_at <= m.at AND m.at < o.to_at)
        THEN 'outage' ELSE i.phase END AS phase,
    60 * count(*)
FROM minutes m JOIN intervals i ON i.from_at <= m.at AND m.at < i.to_at
WHERE ?3 IS NULL OR i.customer_id = ?3
GROUP BY 1, 2";

async fn recounted_by_sqlite(
    shell: &mut SqliteConnection,
    zone: &str,
    (from, to): (&str, &str),
    by: Granularity,
    customer: Option<CustomerId>,
) -> Sums {
    let form = if by == Granularity::Hour {
        "%Y-%m-%dT%H:00"
    } else {
        "%Y-%m-%d"
    };
    // Berlin's clocks went from 02:00 to 03:00 at this moment.
    let spring = "1774746000000000";
    let day = match zone {
        "Asia/Tokyo" => format!("strftime('{form}', m.at / 1000000, 'unixepoch', '+9 hours')"),
        _ => format!(
            "strftime('{form}', m.at / 1000000, 'unixepoch', CASE WHEN m.at < {spring} THEN '+1 hour' ELSE '+2 hours' END)"
        ),
    };
    // A day more at both ends than there is in any zone; what is not of the span is left out below.
    let date = |text: &str, days: i64| {
        let date: chrono::NaiveDate = text.parse().unwrap();
        let shifted = date + chrono::TimeDelta::days(days);
        shifted.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros()
    };
    let end = date(to, 2).min(minute(MINUTES).as_micros());
    let rows = sqlx::query(AssertSqlSafe(ON_SQLITE.replace("{day}", &day)))
        .bind(date(from, -1))
        .bind(end)
        .bind(customer.map(CustomerId::get))
        .fetch_all(shell)
        .await
        .unwrap();
    rows.iter()
        .map(|row| ((row.get::<String, _>(0), known(row.get(1))), row.get(2)))
        .filter(|((bucket, _), _): &((String, _), _)| {
            let day: String = bucket.chars().take(10).collect();
            (from..=to).contains(&day.as_str())
        })
        .collect()
}

fn known(phase: &str) -> &'static str {
    let names = [
        "online",
        "offline",
        "error",
        "maintenance",
        "unheard",
        "retired",
        "outage",
    ];
    names.into_iter().find(|name| *name == phase).unwrap()
}

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
