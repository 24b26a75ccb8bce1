//! What it costs to read one heartbeat.

#![allow(clippy::unwrap_used, reason = "a bench that cannot begin has nothing to say")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tms_benches::BODY;
use tms_http::wire::agent::HeartbeatRequest;

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("heartbeat body");
    group.throughput(Throughput::Bytes(BODY.len() as u64));
    group.bench_function("serde into borrowed texts", |b| {
        b.iter(|| serde_json::from_slice::<HeartbeatRequest<'_>>(black_box(BODY.as_bytes())).unwrap());
    });
    group.bench_function("serde into a tree", |b| {
        b.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(BODY.as_bytes())).unwrap());
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
