//! Measurements of a terminal over a time: drawn, and as numbers. Short times are drawn from its heartbeats, long ones from
//! the hours to which these are rolled up, which are kept for longer and fewer.

use std::time::Duration;

use tms_core::{
    Ctx,
    id::TerminalId,
    metric::{Measured, Rollup},
    page::PageRequest,
    report::{Granularity, Window},
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
/// How many rows the table beside it has.
const TABLE_ROWS: u32 = 12;
const HOUR: Duration = Duration::from_secs(3_600);

/// A time that can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Its name in the address, and of the key `span_name.NAME`.
    pub(super) name: &'static str,
    hours: u32,
    /// How many steps a drawing has; a step of hours is a whole number of them.
    steps: u32,
}

const fn span(name: &'static str, hours: u32, steps: u32) -> Span {
    Span { name, hours, steps }
}

/// The times that can be looked at.
pub(super) const SPANS: [Span; 6] = [
    span("1h", 1, 160),
    span("6h", 6, 160),
    span("24h", 24, 160),
    span("7d", 7 * 24, 168),
    span("30d", 30 * 24, 180),
    span("90d", 90 * 24, 180),
];

impl Span {
    fn length(self) -> Duration {
        HOUR * self.hours
    }

    /// Tells whether it is drawn from hours.
    const fn is_long(self) -> bool {
        self.hours > 24
    }
}

/// The measurements of a time.
pub(super) struct Series {
    pub(super) load: String,
    pub(super) temperature: String,
    pub(super) rows: Vec<SeriesRow>,
    /// Whether it is drawn from hours.
    pub(super) is_hourly: bool,
    /// From when on there are heartbeats here, when there were too many to look at all of them.
    pub(super) since: Option<String>,
}

/// What was measured on average in a part of the time.
pub(super) struct SeriesRow {
    pub(super) from: String,
    pub(super) values: [String; 4],
    pub(super) count: u32,
}

/// What was measured at a moment or within the hour that begins with it.
type Point = (Timestamp, Rollup);

/// Reads and draws the measurements of the last `span`.
pub(super) async fn series(app: &App, ctx: &Ctx, f: &Frame, id: TerminalId, span: Span) -> Result<Series, Problem> {
    let to = ctx.now.plus(Duration::from_secs(1));
    let window = Window {
        from: to.minus(span.length()),
        to,
    };
    let mut points = Vec::new();
    if span.is_long() {
        points = hours(app, ctx, id, window).await?;
    }
    // The hour that is not over was not rolled up so far.
    let behind = points.last().map_or(window.from, |(begin, _)| begin.plus(HOUR));
    let (newest, since) = heartbeats(app, ctx, id, Window { from: behind, to }).await?;
    points.extend(newest);
    let drawn = means(&points, window, span.steps);
    let column = |of: fn(&Rollup) -> Option<Measured>| -> Vec<(Timestamp, Option<f64>)> {
        let each = drawn.iter();
        each.map(|(at, rollup)| (*at, of(rollup).map(|measured| measured.mean())))
            .collect()
    };
    let [cpu, memory, disk, heat] = VALUES.map(column);
    let line = |class, points| Line { class, points };
    let load = [line("cpu", &cpu), line("memory", &memory), line("disk", &disk)];
    let axes = |unit| Axes {
        from: window.from,
        to,
        low: 0.0,
        high: 100.0,
        unit,
        zone: f.zone(),
    };
    Ok(Series {
        load: lines(&axes(" %"), &load),
        temperature: lines(&axes(" °C"), &[line("heat", &heat)]),
        rows: table(f, &points, window),
        is_hourly: span.is_long(),
        since: since.map(|at| f.moment(&at)),
    })
}

const VALUES: [fn(&Rollup) -> Option<Measured>; 4] = [
    |rollup| rollup.cpu_percent,
    |rollup| rollup.memory_percent,
    |rollup| rollup.disk_percent,
    |rollup| rollup.temperature_c,
];

/// Returns the hours that were rolled up, oldest first.
async fn hours(app: &App, ctx: &Ctx, id: TerminalId, window: Window) -> Result<Vec<Point>, Problem> {
    let all = PageRequest::first(MOST_ROWS);
    let metrics = app.tms.metrics();
    let found = metrics.periods(ctx, id, window, Granularity::Hour, &all).await?;
    let newest_first = found.items.into_iter().map(|hour| (hour.window.from, hour.rollup));
    Ok(newest_first.rev().collect())
}

/// Returns the heartbeats of a time, oldest first, and when the oldest came if there were more.
async fn heartbeats(
    app: &App,
    ctx: &Ctx,
    id: TerminalId,
    window: Window,
) -> Result<(Vec<Point>, Option<Timestamp>), Problem> {
    let most = PageRequest::first(MOST_ROWS);
    let (from, to) = (window.from, window.to);
    let found = app.tms.terminals().history(ctx, id, (from, to), &most).await?;
    let oldest = found.items.last().map(|record| record.received_at);
    let since = oldest.filter(|_| found.next.is_some());
    let newest_first = found.items.iter();
    let points = newest_first.map(|record| (record.received_at, Rollup::from(&record.metrics)));
    Ok((points.rev().collect(), since))
}

fn table(f: &Frame, points: &[Point], window: Window) -> Vec<SeriesRow> {
    let spell = |value: Option<Measured>| value.map_or_else(|| "–".to_owned(), |value| format!("{:.0}", value.mean()));
    let step = window.to.since(window.from) / TABLE_ROWS;
    let row = |(middle, rollup): (Timestamp, Rollup)| SeriesRow {
        from: f.moment(&middle.minus(step / 2)),
        values: VALUES.map(|of| spell(of(&rollup))),
        count: rollup.heartbeats,
    };
    means(points, window, TABLE_ROWS).into_iter().map(row).rev().collect()
}

/// Returns what was measured in each step, with the step's middle; oldest first.
fn means(points: &[Point], window: Window, steps: u32) -> Vec<Point> {
    let step = (window.to.since(window.from) / steps).max(Duration::from_micros(1));
    (0..steps)
        .map(|index| {
            let begin = window.from.plus(step * index);
            let oldest = points.partition_point(|(at, _)| *at < begin);
            let behind = points.partition_point(|(at, _)| *at < begin.plus(step));
            let mut all = Rollup::default();
            for (_, rollup) in points.get(oldest..behind).unwrap_or_default() {
                all.merge(rollup);
            }
            (begin.plus(step / 2), all)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use tms_core::heartbeat::Metrics;

    use super::*;

    #[test]
    fn steps_have_the_mean_of_what_lies_in_them() {
        let at = Timestamp::from_secs;
        let point = |secs, cpu| {
            let metrics = Metrics {
                cpu_percent: Some(cpu),
                ..Metrics::default()
            };
            (at(secs), Rollup::from(&metrics))
        };
        let mut hour = point(100, 50);
        hour.1.merge(&point(100, 80).1);
        let window = Window {
            from: at(100),
            to: at(400),
        };
        let means = means(&[hour, point(199, 20), point(300, 7)], window, 3);
        let seen: Vec<_> = means
            .iter()
            .map(|(middle, all)| (*middle, all.heartbeats, all.cpu_percent.map(|cpu| cpu.mean().round())))
            .collect();
        assert_eq!(
            seen,
            [(at(150), 3, Some(50.0)), (at(250), 0, None), (at(350), 1, Some(7.0))]
        );
    }

    #[test]
    fn a_step_of_a_long_time_is_whole_hours() {
        for span in SPANS.into_iter().filter(|span| span.is_long()) {
            assert_eq!(span.hours % span.steps, 0, "{}", span.name);
        }
    }
}
