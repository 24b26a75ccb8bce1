//! A fleet of 1,000,000 terminals in PostgreSQL: fills a database, then times lists, search, summary and sweep against the
//! figures of the design. Percentiles warm, with one client at a time and with four, who share the processors with server
//! and database.

use std::{fmt::Write, sync::Arc, time::Instant};

use anyhow::{Context, Result};
use clap::Parser;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tms_benches::fleet::{fill, is_filled, serve};
use tms_core::{
    Tms,
    lease::Fence,
    presence::reconcile::PresenceSweep,
    report::AvailabilityRequest,
    settings::PresenceSettings,
    time::{Clock, SystemClock},
};
use tms_http::client;
use tms_storage::postgres::{self, PgSettings, PgStore};

/// Times reading and sweeping of a large fleet.
#[derive(Debug, Parser)]
struct Args {
    /// A PostgreSQL database, empty but for what --keep allows
    #[arg(long)]
    postgres: String,
    /// How many terminals
    #[arg(long, default_value_t = 1_000_000)]
    terminals: u32,
    /// Measure the fleet that an earlier run left in the database, if there is one
    #[arg(long)]
    keep: bool,
    /// Only the questions whose name contains this, and no sweep
    #[arg(long)]
    only: Option<String>,
    /// Requests of each kind
    #[arg(long, default_value_t = 400)]
    requests: usize,
}

/// How many ask at a time.
const CLIENTS: [usize; 2] = [1, 4];

/// Name, path and limit in milliseconds; `{n}` becomes a number that differs from request to request.
const QUESTIONS: &[(&str, &str, u32)] = &[
    (
        "list by serial number",
        "/terminals?per_page=100&sort=serial_number",
        20,
    ),
    ("list by status", "/terminals?per_page=100&sort=status&order=desc", 20),
    ("list by shop", "/terminals?per_page=100&sort=store_name", 20),
    (
        "offline, by serial number",
        "/terminals?per_page=100&status=offline&sort=serial_number",
        20,
    ),
    (
        "offline, by shop",
        "/terminals?per_page=100&status=offline&sort=store_name",
        20,
    ),
    (
        "a customer's, by serial number",
        "/terminals?per_page=100&customer_id={n}&sort=serial_number",
        20,
    ),
    (
        "a customer's in error",
        "/terminals?per_page=100&customer_id={n}&status=error&sort=serial_number",
        20,
    ),
    (
        "a model, by serial number",
        "/terminals?per_page=100&model=TC-200&sort=serial_number",
        20,
    ),
    (
        "a firmware, by serial number",
        "/terminals?per_page=100&firmware_version=2.0.3&sort=serial_number",
        20,
    ),
    (
        "with alerts, by serial number",
        "/terminals?per_page=100&has_alerts=true&sort=serial_number",
        20,
    ),
    (
        "page 100, by serial number",
        "/terminals?per_page=100&page=100&sort=serial_number",
        20,
    ),
    ("search, one hit", "/terminals?per_page=100&search=TC-200-0{n}77", 50),
    ("search, a shop", "/terminals?per_page=100&search=shop%20{n}%20", 50),
    ("search, nearly all", "/terminals?per_page=100&search=TC-200", 50),
    (
        "search, kana",
        "/terminals?per_page=100&search=%E3%82%B7%E3%83%B3%E3%82%B8%E3%83%A5%E3%82%AF",
        50,
    ),
    ("search, nothing", "/terminals?per_page=100&search=zzqqxx", 50),
    ("one terminal", "/terminals/{n}", 20),
    ("open alerts", "/alerts?per_page=100&is_resolved=false", 20),
    ("summary", "/summary", 20),
    (
        "by last heartbeat (exact)",
        "/terminals?per_page=100&sort=last_heartbeat",
        500,
    ),
    (
        "a status, by last heartbeat",
        "/terminals?per_page=100&status=online&sort=last_heartbeat&order=desc",
        500,
    ),
    (
        "a model, by last heartbeat",
        "/terminals?per_page=100&model=TC-200&sort=last_heartbeat",
        500,
    ),
    (
        "not seen for long",
        "/terminals?per_page=100&seen_before=2020-01-01T00:00:00Z&sort=serial_number",
        500,
    ),
];

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
async fn main() -> Result<()> {
    let args = Args::parse();
    let settings = PgSettings::new(args.postgres.as_str());
    postgres::migrate(&settings).await.context("migrating")?;
    if !(args.keep && is_filled(&args.postgres).await?) {
        let began = Instant::now();
        fill(&args.postgres, args.terminals).await?;
        println!("filled {} terminals in {:.0?}", args.terminals, began.elapsed());
    }
    let store = PgStore::connect(&settings).context("connecting")?;
    let tms = Tms::builder(store.stores()).build();
    let (base, token) = serve(&tms).await?;
    println!("{:34}{:^16}{:^16}", "milliseconds", "one client", "four clients");
    println!("{:34}{:>8}{:>8}{:>8}{:>8}{:>8}", "", "p50", "p99", "p50", "p99", "aim");
    let is_asked = |name: &str| args.only.as_ref().is_none_or(|part| name.contains(part.as_str()));
    for (name, path, limit) in QUESTIONS.iter().filter(|(name, ..)| is_asked(name)) {
        let count = if *limit > 100 {
            args.requests / 20
        } else {
            args.requests
        };
        let mut figures = String::new();
        for clients in CLIENTS {
            let mut times = ask(&base, &token, path, count, clients)
                .await
                .with_context(|| (*name).to_owned())?;
            times.sort_by(f64::total_cmp);
            for percent in [50, 99] {
                let at = times.get((times.len() - 1) * percent / 100);
                let _ = write!(figures, "{:>8.1}", at.copied().unwrap_or_default());
            }
        }
        println!("{name:34}{figures}{limit:>8}");
    }
    if args.only.is_some() {
        return Ok(());
    }
    not_shared(&tms).await?;
    sweep(&tms, &args.postgres).await
}

/// Times what askers share, as it is for the one who finds it out.
#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
async fn not_shared(tms: &Tms) -> Result<()> {
    let (stores, ctx, reports) = (tms.stores(), tms.system_ctx(), tms.reports());
    let week = AvailabilityRequest::last_days(7, reports.calendar(), ctx.now);
    let mut times: [Vec<_>; 3] = Default::default();
    for _ in 0..5 {
        let [counts, troubles, days] = &mut times;
        let began = Instant::now();
        stores.terminals.count_by_status(None).await?;
        counts.push(began.elapsed());
        let began = Instant::now();
        stores.reports.troubles(None, 8).await?;
        troubles.push(began.elapsed());
        let began = Instant::now();
        reports.availability(&ctx, &week, None).await?;
        days.push(began.elapsed());
    }
    for (name, mut times) in [
        "counting the fleet",
        "customers in trouble",
        "availability of seven days",
    ]
    .into_iter()
    .zip(times)
    {
        times.sort();
        println!(
            "{name}, not shared: median {:.1?}",
            times.get(2).copied().unwrap_or_default()
        );
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
async fn sweep(tms: &Tms, url: &str) -> Result<()> {
    let stores = tms.stores();
    let lease = tms_core::tms::background::LEADER;
    let rules = tms_core::heartbeat::plan::BatchRules {
        presence: PresenceSettings {
            mass_loss_minimum: 1_000_000,
            ..PresenceSettings::default()
        },
        ..Default::default()
    };
    let sweeper = PresenceSweep::new(stores.presence.clone(), stores.alerts.clone());
    let mut connection = PgConnection::connect(url).await?;
    for (name, due) in [
        ("nothing due", 0),
        ("nothing due, again", 0),
        ("1,000 due", 1_000),
        ("10,000 due", 10_000),
    ] {
        let late = format!(
            "UPDATE terminal_presence SET deadline = now() - interval '1 s' WHERE terminal_id IN \
             (SELECT terminal_id FROM terminal_presence WHERE NOT is_lost LIMIT {due})"
        );
        connection.execute(AssertSqlSafe(late)).await?;
        let now = SystemClock.now();
        let ttl = std::time::Duration::from_secs(600);
        let fence: Fence = stores
            .leases
            .acquire(lease, "million", now, ttl)
            .await?
            .context("somebody else leads")?;
        let began = Instant::now();
        let report = sweeper.tick(now, fence, &rules).await?;
        println!(
            "sweep, {name:24} {:>8.0?} ({} written)",
            began.elapsed(),
            report.written
        );
    }
    Ok(())
}

/// Asks about `count` times with so many clients; returns milliseconds.
async fn ask(base: &str, token: &str, path: &str, count: usize, clients: usize) -> Result<Vec<f64>> {
    let http = Arc::new(client::http_client(std::time::Duration::from_secs(30))?);
    let asking = (0..clients).map(|client| {
        let (http, token) = (Arc::clone(&http), token.to_owned());
        let urls: Vec<String> = (0..count / clients + 2)
            .map(|round| {
                format!(
                    "{base}{}",
                    path.replace("{n}", &(1_000 + (round * clients + client) * 7 % 9_000).to_string())
                )
            })
            .collect();
        tokio::spawn(async move {
            let mut times = Vec::new();
            for (round, url) in urls.iter().enumerate() {
                let began = Instant::now();
                let answer = http.get(url).bearer_auth(&token).send().await?;
                anyhow::ensure!(answer.status().is_success(), "{url}: {}", answer.status());
                answer.bytes().await?;
                // The first two warm connection and caches.
                if round >= 2 {
                    times.push(began.elapsed().as_secs_f64() * 1_000.0);
                }
            }
            Ok(times)
        })
    });
    let mut all = Vec::new();
    for times in futures::future::try_join_all(asking).await? {
        all.extend(times?);
    }
    Ok(all)
}
