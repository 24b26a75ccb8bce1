//! Reports of a large fleet in PostgreSQL: fills a month with changes of status, rolls it up, and times availability; then
//! exports the list of all terminals and watches the memory of the process, server and client together.

use std::{fs, time::Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tms_benches::fleet::{fill, is_filled, serve};
use tms_core::{
    Tms,
    id::CustomerId,
    report::{AvailabilityRequest, Granularity, Period, reconcile},
    testkit::build,
    time::{Clock, SystemClock},
};
use tms_http::client;
use tms_storage::postgres::{self, PgSettings, PgStore};

/// Times reports of a large fleet.
#[derive(Debug, Parser)]
struct Args {
    /// A PostgreSQL database, empty but for what --keep allows
    #[arg(long)]
    postgres: String,
    /// How many terminals
    #[arg(long, default_value_t = 100_000)]
    terminals: u32,
    /// How many changes of status, within the last 30 days
    #[arg(long, default_value_t = 10_000_000)]
    changes: u32,
    /// Measure what an earlier run left in the database, if it did
    #[arg(long)]
    keep: bool,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
async fn main() -> Result<()> {
    let args = Args::parse();
    let settings = PgSettings::new(args.postgres.as_str());
    postgres::migrate(&settings).await.context("migrating")?;
    if !(args.keep && is_filled(&args.postgres).await?) {
        let began = Instant::now();
        fill(&args.postgres, args.terminals).await?;
        change(&args).await?;
        println!(
            "filled {} terminals and {} changes in {:.0?}",
            args.terminals,
            args.changes,
            began.elapsed()
        );
    }
    let store = PgStore::connect(&settings).context("connecting")?;
    let tms = Tms::builder(store.stores()).build();
    report(&tms, "from the changes").await?;
    let (stores, now) = (tms.stores(), SystemClock.now());
    let lease = tms_core::tms::background::LEADER;
    let ttl = std::time::Duration::from_secs(3_600);
    let fence = stores.leases.acquire(lease, "reports", now, ttl).await?;
    let fence = fence.context("somebody else leads")?;
    let began = Instant::now();
    let hours = reconcile::tick(&*stores.reports, &*stores.presence, 31, now, fence).await?;
    println!("rolling up {hours} hours: {:.1?}", began.elapsed());
    report(&tms, "rolled up").await?;
    export(&tms).await
}

/// Changes each terminal as often, evenly over the last 30 days: online most of the time, offline or in error in between.
async fn change(args: &Args) -> Result<()> {
    let mut connection = PgConnection::connect(&args.postgres).await?;
    let rounds = (args.changes / args.terminals).max(1);
    let step = 30 * 86_400 / rounds;
    let changes = format!(
        "INSERT INTO status_change (terminal_id, customer_id, began_at, ended_at, status, next_status) \
         SELECT t.id, t.customer_id, \
         now() - interval '30 days' + (k * {step} + (t.id * 7919 + k * 104729) % {step}) * interval '1 s', \
         now() - interval '30 days' + ((k + 1) * {step} + (t.id * 7919 + (k + 1) * 104729) % {step}) * interval '1 s', \
         CASE WHEN k % 2 = 0 THEN 'online' WHEN (t.id + k) % 5 = 0 THEN 'error' ELSE 'offline' END, \
         CASE WHEN k % 2 = 1 THEN 'online' WHEN (t.id + k + 1) % 5 = 0 THEN 'error' ELSE 'offline' END \
         FROM generate_series(0, {rounds} - 2) k CROSS JOIN terminal t"
    );
    let since = "UPDATE terminal_presence p SET first_seen = now() - interval '40 days', status_since = \
                 (SELECT max(ended_at) FROM status_change s WHERE s.terminal_id = p.terminal_id)";
    for step in [
        "SELECT tms_ensure_partitions((now() - interval '31 days')::date, (now() + interval '1 day')::date)",
        &changes,
        since,
        "VACUUM ANALYZE",
    ] {
        connection.execute(AssertSqlSafe(step.to_owned())).await?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
async fn report(tms: &Tms, how: &str) -> Result<()> {
    let (reports, now) = (tms.reports(), SystemClock.now());
    let ctx = build::admin(now);
    let month = AvailabilityRequest {
        by: Granularity::Day,
        ..AvailabilityRequest::last_days(30, reports.calendar(), now)
    };
    let customer = CustomerId::new(7)?;
    for (name, customer) in [("whole fleet", None), ("one customer", Some(customer))] {
        let mut times = Vec::new();
        let mut percent = None;
        for _ in 0..5 {
            let began = Instant::now();
            let found = reports.availability(&ctx, &month, customer).await?;
            times.push(began.elapsed());
            percent = found.total.availability();
        }
        times.sort();
        let median = times.get(2).copied().unwrap_or_default();
        println!(
            "30 days by day, {name}, {how}: median {median:.0?} ({:.4} %)",
            percent.unwrap_or_default()
        );
    }
    let began = Instant::now();
    reports.summary(&ctx, Period::Month, None).await?;
    println!("summary of 30 days, {how}: {:.0?}", began.elapsed());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
async fn export(tms: &Tms) -> Result<()> {
    let (base, token) = serve(tms).await?;
    let http = client::http_client(std::time::Duration::from_secs(600))?;
    let before = resident_mib()?;
    let began = Instant::now();
    let answer = http
        .get(format!("{base}/terminals/export.csv"))
        .bearer_auth(token)
        .send()
        .await?;
    ensure!(answer.status().is_success(), "the export answered {}", answer.status());
    let (mut rows, mut bytes, mut most) = (0_usize, 0_usize, before);
    let mut answer = answer;
    while let Some(part) = answer.chunk().await? {
        rows += part.split(|byte| *byte == b'\n').count() - 1;
        bytes += part.len();
        most = most.max(resident_mib()?);
    }
    println!(
        "export: {} rows, {} MB in {:.1?}; {before} MiB before, at most {most} MiB meanwhile",
        rows.saturating_sub(1),
        bytes / 1_000_000,
        began.elapsed()
    );
    Ok(())
}

/// Returns the resident memory of this process.
fn resident_mib() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line
        .and_then(|line| line.split_whitespace().next())
        .context("no VmRSS")?;
    Ok(kib.parse::<u64>()? / 1_024)
}
