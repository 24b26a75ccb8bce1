//! What group commit itself costs: heartbeats through the queue into a store that answers at once.

#![allow(clippy::unwrap_used, reason = "a bench that cannot begin has nothing to say")]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tms_core::{
    heartbeat::{HeartbeatIngest, ingest::IngestSettings, plan::BatchRules},
    testkit::{MemoryStore, build, given},
};
use tokio::sync::watch;

const AT_ONCE: i64 = 256;

fn ingest(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (door, terminals) = runtime.block_on(async {
        let stores = MemoryStore::new().stores();
        let customer = given::customer(&stores, "ABC Store").await;
        let terminals = given::fleet(&stores, customer.id, AT_ONCE).await;
        let (_, rules) = watch::channel(Arc::new(BatchRules::default()));
        let (door, workers) = HeartbeatIngest::new(stores.heartbeats.clone(), rules, IngestSettings::default());
        tokio::spawn(workers.run(std::future::pending()));
        tokio::task::yield_now().await;
        (door, terminals)
    });
    let mut group = c.benchmark_group("group commit");
    group.throughput(Throughput::Elements(AT_ONCE.unsigned_abs()));
    group.bench_function("256 heartbeats at once, memory store", |b| {
        b.to_async(&runtime).iter(|| async {
            let all = terminals
                .iter()
                .map(|terminal| door.submit(build::beat(*terminal, build::at(1))));
            futures::future::try_join_all(all).await.unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, ingest);
criterion_main!(benches);
