//! The statuses that a terminal had.

use std::{fmt::Write, time::Duration};

use tms_core::{Ctx, page::PageRequest, presence::Status, terminal::TerminalView, time::Timestamp};

use crate::{
    console::{format, frame::Frame},
    problem::Problem,
    state::App,
};

/// How far back the drawing reaches.
const SPAN: Duration = Duration::from_secs(7 * 86_400);
/// The most intervals that are read.
const MOST: u32 = 500;
/// How many the table has.
const TABLE_ROWS: usize = 15;

/// The statuses of the last days, newest first.
pub(super) struct Timeline {
    pub(super) strip: String,
    pub(super) ticks: Vec<String>,
    pub(super) rows: Vec<TimelineRow>,
}

/// A status and how long it lasted.
pub(super) struct TimelineRow {
    pub(super) status: Status,
    pub(super) from: String,
    /// Absent while it lasts.
    pub(super) to: Option<String>,
    pub(super) lasted: String,
}

/// Reads and draws what statuses a terminal had.
pub(super) async fn timeline(app: &App, ctx: &Ctx, f: &Frame, view: &TerminalView) -> Result<Timeline, Problem> {
    let terminals = app.tms.terminals();
    let past = terminals
        .status_history(ctx, view.terminal.id, &PageRequest::first(MOST))
        .await?;
    let present = (view.presence.status_seen(), view.presence.status_since, None);
    let past = past
        .items
        .iter()
        .map(|interval| (interval.status, interval.from, Some(interval.to)));
    let all: Vec<(Status, Timestamp, Option<Timestamp>)> = std::iter::once(present).chain(past).collect();
    let from = ctx.now.minus(SPAN);
    let row = |(status, begin, end): &(Status, Timestamp, Option<Timestamp>)| TimelineRow {
        status: *status,
        from: f.moment(begin),
        to: end.map(|end| f.moment(&end)),
        lasted: f.span(end.unwrap_or(ctx.now).since(*begin)),
    };
    let tick = |day: u32| format::day(from.plus(SPAN / 7 * day), f.zone());
    Ok(Timeline {
        strip: strip(&all, from, ctx.now),
        ticks: (0..=7).map(tick).collect(),
        rows: all.iter().take(TABLE_ROWS).map(row).collect(),
    })
}

/// Draws intervals between two moments on a strip; each status has its colour and its height.
fn strip(intervals: &[(Status, Timestamp, Option<Timestamp>)], from: Timestamp, to: Timestamp) -> String {
    let mut svg = String::from(
        "<svg class=\"strip\" viewBox=\"0 0 1000 40\" preserveAspectRatio=\"none\" role=\"img\" aria-hidden=\"true\" \
         focusable=\"false\"><rect class=\"bed\" x=\"0\" y=\"0\" width=\"1000\" height=\"40\"/>",
    );
    let whole = to.since(from).as_secs_f64().max(1.0);
    let place = |at: Timestamp| at.since(from).as_secs_f64() / whole * 1_000.0;
    for (status, begin, end) in intervals.iter().rev() {
        let (begin, end) = (*begin.max(&from), end.unwrap_or(to).min(to));
        if end <= begin {
            continue;
        }
        let (x, height) = (place(begin), height(*status));
        let width = (place(end) - x).max(1.0);
        let _ = write!(
            svg,
            "<rect class=\"fill {status}\" x=\"{x:.2}\" y=\"{}\" width=\"{width:.2}\" height=\"{height}\"/>",
            40 - height
        );
    }
    svg.push_str("</svg>");
    svg
}

const fn height(status: Status) -> u32 {
    match status {
        Status::Online => 18,
        Status::Maintenance => 26,
        Status::Error => 34,
        Status::Offline => 40,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_between_is_drawn() {
        let at = Timestamp::from_secs;
        let intervals = [
            (Status::Online, at(150), None),
            (Status::Error, at(50), Some(at(150))),
            (Status::Offline, at(0), Some(at(50))),
        ];
        let svg = strip(&intervals, at(100), at(200));
        assert!(
            svg.contains("fill online\" x=\"500.00\" y=\"22\" width=\"500.00\""),
            "{svg}"
        );
        assert!(svg.contains("fill error\" x=\"0.00\""), "{svg}");
        assert!(!svg.contains("fill offline"), "{svg}");
    }
}
