//! What a batch of heartbeats costs each store, commit included: small, usual and full ones, one at a time and two that
//! commit beside each other, as the lanes of group commit do. PostgreSQL is measured when
//! `TMS_TEST_POSTGRES_REAL_URL` names a cluster; the batch goes into a database of its own.

#![allow(clippy::unwrap_used, reason = "a bench that cannot begin has nothing to say")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tms_core::{
    Stores,
    heartbeat::plan::BatchRules,
    id::TerminalId,
    testkit::{MemoryStore, build, given},
};
use tms_storage::{
    postgres::{self, PgSettings, PgStore},
    sqlite::SqliteStore,
};
use tokio::runtime::Runtime;

const FLEET: i64 = 1_024;
/// Heartbeats in a batch, and batches at a time.
const SHAPES: [(usize, usize); 4] = [(64, 1), (500, 1), (500, 2), (1_024, 1)];

async fn fleet(stores: &Stores) -> Vec<TerminalId> {
    let customer = given::customer(stores, "ABC Store").await;
    given::fleet(stores, customer.id, FLEET).await
}

fn measure(c: &mut Criterion, runtime: &Runtime, name: &str, stores: &Stores) {
    let terminals = runtime.block_on(fleet(stores));
    let rules = BatchRules::default();
    let mut seq = 0;
    let mut group = c.benchmark_group(format!("record_batch, {name}"));
    for (length, lanes) in SHAPES {
        let count = u64::try_from(length * lanes).unwrap();
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("{length} heartbeats, {lanes} at a time"), |b| {
            b.iter(|| {
                seq += 1;
                let beat = |terminal: &TerminalId| build::counted(*terminal, build::at(seq), "boot", seq);
                let batches: Vec<Vec<_>> = terminals
                    .chunks(length)
                    .take(lanes)
                    .map(|part| part.iter().map(beat).collect())
                    .collect();
                let writes = batches
                    .iter()
                    .map(|batch| stores.heartbeats.record_batch(batch, &rules));
                runtime.block_on(futures::future::try_join_all(writes)).unwrap()
            });
        });
    }
    group.finish();
}

#[expect(
    clippy::disallowed_methods,
    reason = "a bench is a program of its own and reads its environment"
)]
fn real_cluster() -> Option<String> {
    std::env::var("TMS_TEST_POSTGRES_REAL_URL").ok()
}

async fn fresh_database(url: &str) -> Stores {
    use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
    let name = format!("bench_{}", std::process::id());
    let mut admin = PgConnection::connect(url).await.unwrap();
    admin
        .execute(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .await
        .unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    let settings = PgSettings::new(format!("{server}/{name}"));
    postgres::migrate(&settings).await.unwrap();
    let stores = PgStore::connect(&settings).unwrap().stores();
    stores.upkeep.ensure_partitions(build::NOW).await.unwrap();
    stores
}

fn record_batch(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    measure(c, &runtime, "memory, 500", &MemoryStore::new().stores());
    let folder = tempfile::tempdir().unwrap();
    let sqlite = runtime
        .block_on(SqliteStore::open(&folder.path().join("bench.sqlite3")))
        .unwrap();
    measure(c, &runtime, "sqlite, 500", &sqlite.stores());
    if let Some(url) = real_cluster() {
        let stores = runtime.block_on(fresh_database(&url));
        measure(c, &runtime, "postgres, 500", &stores);
    }
}

criterion_group!(benches, record_batch);
criterion_main!(benches);
