//! Measurements of a terminal over a time: drawn, and as numbers.

use std::time::Duration;

use tms_core::{
    Ctx,
    heartbeat::{HeartbeatRecord, Metrics},
    id::TerminalId,
    page::PageRequest,
    time::Timestamp,
};

use crate::{
    console::{
        chart::{Axes, Line, lines},
        frame::Frame,
    },
    problem::Problem,
    state::App,
};

/// The most heartbeats that are read for a drawing.
const MOST_ROWS: u32 = 3_000;
/// How many steps a drawing has.
const STEPS: u32 = 160;
/// How many rows the table beside it has.
const TABLE_ROWS: u32 = 12;

/// The times that can be looked at.
pub(super) const SPANS: [(&str, u64); 3] = [("1h", 3_600), ("6h", 6 * 3_600), ("24h", 86_400)];

/// The measurements of a time.
pub(super) struct Series {
    pub(super) load: String,
    pub(super) temperature: String,
    pub(super) rows: Vec<SeriesRow>,
    /// From when on there are heartbeats here, when there were too many to look at all of them.
    pub(super) since: Option<String>,
}

/// What was measured on average in a part of the time.
pub(super) struct SeriesRow {
    pub(super) from: String,
    pub(super) values: [String; 4],
    pub(super) count: usize,
}

type Mean = [Option<f64>; 4];

/// Reads and draws the measurements of the last `span`.
pub(super) async fn series(app: &App, ctx: &Ctx, f: &Frame, id: TerminalId, span: Duration) -> Result<Series, Problem> {
    let to = ctx.now.plus(Duration::from_secs(1));
    let from = to.minus(span);
    let page = PageRequest::first(MOST_ROWS);
    let found = app.tms.terminals().history(ctx, id, (from, to), &page).await?;
    let oldest = found.items.last().map(|record| record.received_at);
    let since = oldest.filter(|_| found.next.is_some()).map(|at| f.moment(&at));
    let drawn = means(&found.items, from, span, STEPS);
    let column = |index: usize| -> Vec<(Timestamp, Option<f64>)> {
        drawn
            .iter()
            .map(|(at, mean, _)| (*at, mean.get(index).copied().flatten()))
            .collect()
    };
    let (cpu, memory, disk, heat) = (column(0), column(1), column(2), column(3));
    let load = [
        Line {
            class: "cpu",
            points: &cpu,
        },
        Line {
            class: "memory",
            points: &memory,
        },
        Line {
            class: "disk",
            points: &disk,
        },
    ];
    let axes = |low, high, unit| Axes {
        from,
        to,
        low,
        high,
        unit,
        zone: f.zone(),
    };
    Ok(Series {
        load: lines(&axes(0.0, 100.0, " %"), &load),
        temperature: lines(
            &axes(0.0, 100.0, " °C"),
            &[Line {
                class: "heat",
                points: &heat,
            }],
        ),
        rows: table(f, &found.items, from, span),
        since,
    })
}

fn table(f: &Frame, records: &[HeartbeatRecord], from: Timestamp, span: Duration) -> Vec<SeriesRow> {
    let spell = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.0}"));
    let means = means(records, from, span, TABLE_ROWS);
    let step = span / TABLE_ROWS;
    let row = |(middle, mean, count): (Timestamp, Mean, usize)| SeriesRow {
        from: f.moment(&middle.minus(step / 2)),
        values: mean.map(spell),
        count,
    };
    means.into_iter().map(row).rev().collect()
}

/// Returns the mean of each step, with the step's middle and how many heartbeats it had; oldest first.
fn means(records: &[HeartbeatRecord], from: Timestamp, span: Duration, steps: u32) -> Vec<(Timestamp, Mean, usize)> {
    let step = (span / steps).max(Duration::from_micros(1));
    (0..steps)
        .map(|index| {
            let begin = from.plus(step * index);
            let end = begin.plus(step);
            // Newest first, so what lies in a step lies side by side.
            let newest = records.partition_point(|record| record.received_at >= end);
            let oldest = records.partition_point(|record| record.received_at >= begin);
            let within = records.get(newest..oldest).unwrap_or_default();
            (begin.plus(step / 2), mean(within), within.len())
        })
        .collect()
}

fn mean(records: &[HeartbeatRecord]) -> Mean {
    let read: [fn(&Metrics) -> Option<i16>; 4] = [
        |metrics| metrics.cpu_percent,
        |metrics| metrics.memory_percent,
        |metrics| metrics.disk_percent,
        |metrics| metrics.temperature_c,
    ];
    read.map(|read| {
        let (mut sum, mut count) = (0.0, 0_u32);
        for value in records.iter().filter_map(|record| read(&record.metrics)) {
            sum += f64::from(value);
            count += 1;
        }
        (count > 0).then(|| sum / f64::from(count))
    })
}
