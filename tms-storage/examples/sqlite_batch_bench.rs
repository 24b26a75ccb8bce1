//! Measures durable heartbeats a second of the SQLite store alone: `cargo run --release -p tms-storage --example
//! sqlite_batch_bench -- [terminals] [batch] [batches] [lanes]`. The file lies in the system's temporary folder.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a tool for developers prints and stops loudly"
)]

use std::{sync::Arc, time::Instant};

use tms_core::{
    Stores,
    customer::CustomerDraft,
    envelope::Envelope,
    heartbeat::{Heartbeat, Metrics, Sequence, plan::BatchRules},
    id::TerminalId,
    presence::{BootId, Counters, Device, Reported},
    terminal::TerminalDraft,
    text::SerialNumber,
    time::{Clock, SystemClock},
};
use tms_storage::sqlite::SqliteStore;

fn argument(place: usize, default: usize) -> usize {
    std::env::args()
        .nth(place)
        .map_or(default, |text| text.parse().unwrap())
}

async fn make_fleet(stores: &Stores, count: usize) -> Vec<TerminalId> {
    let now = SystemClock.now();
    let customer = CustomerDraft::named("Bench");
    let customer = stores
        .customers
        .insert(&customer, now, Envelope::following())
        .await
        .unwrap();
    let mut fleet = Vec::with_capacity(count);
    for n in 0..count {
        let serial = SerialNumber::parse(&format!("TC-{n:07}")).unwrap();
        let draft = TerminalDraft::new(serial, customer.id, "TC-200", 300);
        fleet.push(
            stores
                .terminals
                .insert(&draft, now, Envelope::following())
                .await
                .unwrap()
                .id,
        );
    }
    fleet
}

fn beat(terminal: TerminalId, boot: &BootId, seq: usize) -> Heartbeat {
    let now = SystemClock.now();
    Heartbeat {
        terminal,
        received_at: now,
        agent_time: now,
        sequence: Some(Sequence {
            boot: boot.clone(),
            seq: i64::try_from(seq).unwrap(),
        }),
        device: Device::Ok,
        metrics: Metrics {
            cpu_percent: i16::try_from(seq % 60).ok(),
            memory_percent: Some(40),
            disk_percent: Some(30),
            temperature_c: Some(35),
        },
        reported: Reported {
            firmware_version: Some("1.0.0".to_owned()),
            agent_version: Some("1.0.0".to_owned()),
            ip_address: Some([192, 168, 1, 100].into()),
            config_version: Some(1),
        },
        counters: Counters {
            uptime_s: Some(1_000),
            last_transaction: Some(now),
            transaction_count: Some(12),
        },
    }
}

/// Returns the processor time of this process, in microseconds, where Linux tells it: on a busy machine it says more
/// than the clock.
fn cpu_us() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) * 10_000.0)
}

/// Sends batches one after the other; returns how long each took, in microseconds.
async fn lane(stores: Stores, fleet: Arc<[TerminalId]>, batch: usize, rounds: std::ops::Range<usize>) -> Vec<u128> {
    let boot = BootId::parse("0f1e2d3c-boot").unwrap();
    let rules = BatchRules::default();
    let mut took = Vec::with_capacity(rounds.len());
    for round in rounds {
        let beats: Vec<_> = (0..batch)
            .map(|n| {
                // A multiplier without a common factor visits the fleet in no order of storage.
                let place = (round * batch + n) * 7_919 % fleet.len();
                beat(fleet[place], &boot, round * batch + n)
            })
            .collect();
        let began = Instant::now();
        stores.heartbeats.record_batch(&beats, &rules).await.unwrap();
        took.push(began.elapsed().as_micros());
    }
    took
}

#[tokio::main]
async fn main() {
    let (terminals, batch) = (argument(1, 10_000), argument(2, 500));
    let (batches, lanes) = (argument(3, 1_000), argument(4, 1));
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("tms.db")).await.unwrap();
    let stores = store.stores();
    let began = Instant::now();
    let fleet: Arc<[TerminalId]> = make_fleet(&stores, terminals).await.into();
    println!("{terminals} terminals made in {:?}", began.elapsed());
    let warm = terminals.div_ceil(batch);
    lane(stores.clone(), Arc::clone(&fleet), batch, 0..warm).await;

    let (began, cpu) = (Instant::now(), cpu_us());
    let each = batches / lanes;
    let work = (0..lanes).map(|n| {
        let from = warm + n * each;
        tokio::spawn(lane(stores.clone(), Arc::clone(&fleet), batch, from..from + each))
    });
    let mut took = Vec::new();
    for lane in work.collect::<Vec<_>>() {
        took.extend(lane.await.unwrap());
    }
    let seconds = began.elapsed().as_secs_f64();
    let beats = took.len() * batch;
    if let Some(cpu) = cpu_us().zip(cpu).map(|(now, then)| now - then) {
        println!("{:.2} us of processor a heartbeat", cpu / beats as f64);
    }
    took.sort_unstable();
    let (p50, p99) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!(
        "{} heartbeats in batches of {batch} by {lanes} lanes: {:.0}/s; a batch {p50} us, p99 {p99} us, max {} us",
        beats,
        beats as f64 / seconds,
        took[took.len() - 1]
    );
    for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
        println!(
            "{}: {} KiB",
            file.file_name().display(),
            file.metadata().unwrap().len() / 1024
        );
    }
}
