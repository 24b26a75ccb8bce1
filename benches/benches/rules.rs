//! What the rules of presence cost: the plan of a batch, and the decision of a sweep.

#![allow(clippy::unwrap_used, reason = "a bench that cannot begin has nothing to say")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tms_core::{
    heartbeat::{
        Heartbeat,
        plan::{BatchRules, plan},
    },
    id::{CustomerId, TerminalId},
    presence::{
        Presence,
        sweep::{self, SweepInput},
    },
    testkit::build,
};

const BATCH: i64 = 512;

fn fleet() -> Vec<Presence> {
    let row = |n| {
        Presence::new(
            TerminalId::new(n).unwrap(),
            CustomerId::new(1).unwrap(),
            300,
            build::NOW,
        )
    };
    (1..=BATCH).map(row).collect()
}

fn beats() -> Vec<Heartbeat> {
    (1..=BATCH)
        .map(|n| build::counted(TerminalId::new(n).unwrap(), build::at(10), "boot", 1))
        .collect()
}

fn rules(c: &mut Criterion) {
    let (rows, beats, rules) = (fleet(), beats(), BatchRules::default());
    let mut group = c.benchmark_group("presence");
    group.throughput(Throughput::Elements(BATCH.unsigned_abs()));
    group.bench_function("plan of a batch of 512", |b| {
        b.iter_batched(
            || rows.clone(),
            |rows| plan(rows, black_box(&beats), &rules),
            BatchSize::SmallInput,
        );
    });
    let heard = plan(rows, &beats, &rules);
    let heard: Vec<Presence> = heard.writes.into_iter().map(|write| write.row).collect();
    let input = SweepInput {
        now: build::at(3_600),
        outages: &[],
        rules: &rules.alerts,
        hold_losses: false,
    };
    group.bench_function("sweep of 512 lost terminals", |b| {
        b.iter_batched(
            || heard.clone(),
            |rows| sweep::plan(rows, black_box(&input)),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, rules);
criterion_main!(benches);
