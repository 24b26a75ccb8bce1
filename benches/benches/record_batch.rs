//! What a batch of 500 heartbeats costs each store, commit included. PostgreSQL is measured when
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

const BATCH: i64 = 500;

async fn fleet(stores: &Stores) -> Vec<TerminalId> {
    let customer = given::customer(stores, "ABC Store").await;
    given::fleet(stores, customer.id, BATCH).await
}

fn measure(c: &mut Criterion, runtime: &Runtime, name: &str, stores: &Stores) {
    let terminals = runtime.block_on(fleet(stores));
    let rules = BatchRules::default();
    let mut seq = 0;
    let mut group = c.benchmark_group("record_batch");
    group.throughput(Throughput::Elements(BATCH.unsigned_abs()));
    group.bench_function(name, |b| {
        b.iter(|| {
            seq += 1;
            let beat = |terminal: &TerminalId| build::counted(*terminal, build::at(seq), "boot", seq);
            let beats: Vec<_> = terminals.iter().map(beat).collect();
            runtime
                .block_on(stores.heartbeats.record_batch(&beats, &rules))
                .unwrap()
        });
    });
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
