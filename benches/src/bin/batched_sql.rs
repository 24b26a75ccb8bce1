//! The baseline P: the rows of a heartbeat - one presence row changed, one history row added - by batched SQL on the
//! same tables, durable, with no server and no rules. Prints heartbeats a second.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use sqlx::{
    Connection, Executor, PgConnection, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

/// Writes batches as fast as the database takes them.
#[derive(Debug, Parser)]
struct Args {
    /// A migrated PostgreSQL database with terminals in it
    #[arg(long, conflicts_with = "sqlite", required_unless_present = "sqlite")]
    postgres: Option<String>,
    /// A SQLite file to make
    #[arg(long)]
    sqlite: Option<String>,
    /// How long
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How many connections write at a time (PostgreSQL)
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// Heartbeats in a batch
    #[arg(long, default_value_t = 500)]
    batch: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let begun = Instant::now();
    let until = begun + Duration::from_secs(args.seconds);
    let written = match (&args.postgres, &args.sqlite) {
        (Some(url), _) => postgres(url, &args, until).await?,
        (None, Some(file)) => sqlite(file, args.batch, until).await?,
        (None, None) => anyhow::bail!("name a database"),
    };
    let rate = written * 1_000 / u128::max(begun.elapsed().as_millis(), 1);
    // The one result of this program.
    #[expect(clippy::print_stdout, reason = "the figure is what the program is for")]
    {
        println!("{{\"heartbeats\": {written}, \"per_second\": {rate}}}");
    }
    Ok(())
}

async fn postgres(url: &str, args: &Args, until: Instant) -> Result<u128> {
    let mut connection = PgConnection::connect(url).await.context("connecting")?;
    let rows = connection
        .fetch_all("SELECT terminal_id FROM terminal_presence ORDER BY terminal_id")
        .await?;
    let terminals: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    anyhow::ensure!(!terminals.is_empty(), "the database has no terminals");
    let share = terminals.len().div_ceil(args.connections);
    let writer = |terminals: &[i64]| write_postgres(url.to_owned(), terminals.to_vec(), args.batch, until);
    let writers = terminals.chunks(share).map(|terminals| tokio::spawn(writer(terminals)));
    let counts = futures::future::try_join_all(writers).await?;
    counts.into_iter().sum()
}

const PG_PRESENCE: &str = "UPDATE terminal_presence p SET version = p.version + 1, last_seen = now(), \
     next_s = 297, deadline = now() + interval '654 s', seq = i.seq, agent_time = now(), cpu_percent = 45, \
     memory_percent = 60, disk_percent = 30, temperature_c = 35, uptime_s = 86400, transaction_count = 150 \
     FROM unnest($1::bigint[], $2::bigint[]) AS i (terminal_id, seq) WHERE p.terminal_id = i.terminal_id";
const PG_HISTORY: &str = "INSERT INTO heartbeat_history (terminal_id, received_at, agent_time, seq, transaction_count, \
     device_code, cpu_percent, memory_percent, disk_percent, temperature_c, device) \
     SELECT i.terminal_id, now(), now(), i.seq, 150, 0, 45, 60, 30, 35, 'ok' \
     FROM unnest($1::bigint[], $2::bigint[]) AS i (terminal_id, seq)";

async fn write_postgres(url: String, terminals: Vec<i64>, batch: usize, until: Instant) -> Result<u128> {
    let mut connection = PgConnection::connect(&url).await?;
    let (mut written, mut seq) = (0, 0_i64);
    while Instant::now() < until {
        for part in terminals.chunks(batch) {
            seq += 1;
            let seqs = vec![seq; part.len()];
            let mut transaction = connection.begin().await?;
            sqlx::query(PG_PRESENCE)
                .bind(part)
                .bind(&seqs)
                .execute(&mut *transaction)
                .await?;
            sqlx::query(PG_HISTORY)
                .bind(part)
                .bind(&seqs)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            written += part.len() as u128;
            if Instant::now() >= until {
                break;
            }
        }
    }
    Ok(written)
}

const SQLITE_TABLES: &str = "CREATE TABLE presence (terminal_id INTEGER PRIMARY KEY, version INTEGER, last_seen INTEGER, \
     next_s INTEGER, deadline INTEGER, seq INTEGER, agent_time INTEGER, cpu INTEGER, memory INTEGER, disk INTEGER, \
     temperature INTEGER, uptime_s INTEGER, last_transaction INTEGER, transaction_count INTEGER) STRICT; \
     CREATE TABLE history (id INTEGER PRIMARY KEY AUTOINCREMENT, terminal_id INTEGER, received_at INTEGER, \
     agent_time INTEGER, seq INTEGER, device TEXT, device_code INTEGER, cpu INTEGER, memory INTEGER, disk INTEGER, \
     temperature INTEGER, transaction_count INTEGER) STRICT";
const SQLITE_PRESENCE: &str = "INSERT OR REPLACE INTO presence SELECT value, ?2, 1, 297, 1, ?2, 1, 45, 60, 30, 35, \
     86400, 1, 150 FROM json_each(?1)";
const SQLITE_HISTORY: &str = "INSERT INTO history (terminal_id, received_at, agent_time, seq, device, device_code, cpu, \
     memory, disk, temperature, transaction_count) SELECT value, 1, 1, ?2, 'ok', 0, 45, 60, 30, 35, 150 FROM json_each(?1)";

async fn sqlite(file: &str, batch: usize, until: Instant) -> Result<u128> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    connection.execute(SQLITE_TABLES).await?;
    let terminals: Vec<i64> = (1..=10_000).collect();
    let (mut written, mut seq) = (0, 0_i64);
    while Instant::now() < until {
        for part in terminals.chunks(batch) {
            seq += 1;
            let ids = serde_json::to_string(part)?;
            let mut transaction = connection.begin().await?;
            sqlx::query(SQLITE_PRESENCE)
                .bind(&ids)
                .bind(seq)
                .execute(&mut *transaction)
                .await?;
            sqlx::query(SQLITE_HISTORY)
                .bind(&ids)
                .bind(seq)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            written += part.len() as u128;
            if Instant::now() >= until {
                break;
            }
        }
    }
    Ok(written)
}
