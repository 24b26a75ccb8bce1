//! The availability that is reported, and the same counted anew by each database.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection, Row as _, SqliteConnection};
use tms_core::{
    Stores, Tms,
    id::CustomerId,
    report::{AvailabilityRequest, Calendar, Granularity, Times, availability::Edge},
    settings::{ReportSettings, Settings},
    testkit::{ManualClock, build},
};

use crate::life::{MINUTES, minute};

/// Seconds by what they count as, by bucket; what is zero is left out.
pub type Sums = BTreeMap<(String, &'static str), i64>;

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

/// Returns the hour of a label, which a report names with its distance from UTC.
fn hour(label: &str) -> String {
    label.chars().take("2026-01-24T10:00".len()).collect()
}

pub async fn reported(
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
pub const SPANS: [(&str, &str); 4] = [
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

pub async fn recounted_by_postgres(
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

pub async fn recounted_by_sqlite(
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
