//! Drawings of numbers, as SVG made on the server. Every one stands beside a table with the numbers themselves. They hold
//! numbers, times and names of classes only, never what somebody typed.

use std::fmt::Write;

use chrono_tz::Tz;
use tms_core::{report::Window, time::Timestamp};

use super::format;

/// A line of a chart: values at moments, oldest first; `None` is a gap.
pub(crate) struct Line<'a> {
    /// The class that gives it its colour and dashes.
    pub(crate) class: &'static str,
    pub(crate) points: &'a [(Timestamp, Option<f64>)],
}

/// The frame of a chart over time.
pub(crate) struct Axes {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// What stands behind the numbers of the scale.
    pub(crate) unit: &'static str,
    pub(crate) zone: Tz,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 24.0;

impl Axes {
    fn x(&self, at: Timestamp) -> f64 {
        let whole = self.to.since(self.from).as_secs_f64().max(1.0);
        LEFT + (WIDTH - LEFT - RIGHT) * (at.since(self.from).as_secs_f64() / whole).min(1.0)
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low).max(1.0);
        TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - share.clamp(0.0, 1.0))
    }

    fn scale(&self, svg: &mut String) {
        for step in 0..=4_u32 {
            let value = self.low + (self.high - self.low) * f64::from(step) / 4.0;
            let y = self.y(value);
            let _ = write!(
                svg,
                "<line class=\"rule\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value:.0}{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                self.unit
            );
        }
        let whole = self.to.since(self.from);
        let is_long = whole.as_secs() > 2 * 86_400;
        for step in 0..=4_u32 {
            let at = self.from.plus(whole.mul_f64(f64::from(step) / 4.0));
            let text = if is_long {
                format::day(at, self.zone)
            } else {
                format::clock(at, self.zone)
            };
            let anchor = match step {
                0 => "start",
                4 => "end",
                _ => "middle",
            };
            let (x, y) = (self.x(at), HEIGHT - 6.0);
            let _ = write!(
                svg,
                "<text class=\"tick\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>"
            );
        }
    }
}

/// Draws lines over time.
pub(crate) fn lines(axes: &Axes, lines: &[Line<'_>]) -> String {
    let mut svg = begin("chart", WIDTH, HEIGHT);
    axes.scale(&mut svg);
    for line in lines {
        let mut path = String::new();
        let mut pen = 'M';
        for (at, value) in line.points {
            let Some(value) = value else {
                pen = 'M';
                continue;
            };
            let _ = write!(path, "{pen}{:.1} {:.1}", axes.x(*at), axes.y(*value));
            // A point between two gaps is seen too.
            if pen == 'M' {
                path.push_str("h0.1");
            }
            pen = 'L';
        }
        let _ = write!(svg, "<path class=\"line {}\" d=\"{path}\"/>", line.class);
    }
    svg.push_str("</svg>");
    svg
}

/// Draws values of pieces of time as columns; a piece without a value is left out.
pub(crate) fn columns(axes: &Axes, columns: &[(Window, Option<f64>)]) -> String {
    let mut svg = begin("chart", WIDTH, HEIGHT);
    axes.scale(&mut svg);
    for (window, value) in columns {
        let Some(value) = value else {
            continue;
        };
        let (x, y) = (axes.x(window.from), axes.y(*value));
        // A gap between two, unless they are too thin for one.
        let width = (axes.x(window.to) - x).max(0.6);
        let width = if width > 4.0 { width - 1.0 } else { width };
        let height = (HEIGHT - BOTTOM - y).max(0.5);
        let _ = write!(
            svg,
            "<rect class=\"bar\" x=\"{x:.2}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"{height:.1}\"/>"
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Draws the parts of a whole side by side.
pub(crate) fn parts(parts: &[(&'static str, f64)]) -> String {
    let mut svg = begin("parts", 1_000.0, 14.0);
    svg = svg.replacen("<svg ", "<svg preserveAspectRatio=\"none\" ", 1);
    let whole: f64 = parts.iter().map(|(_, part)| part).sum();
    let mut x = 0.0;
    for (class, part) in parts.iter().filter(|(_, part)| *part > 0.0) {
        let width = part / whole * 1_000.0;
        let _ = write!(
            svg,
            "<rect class=\"fill {class}\" x=\"{x:.2}\" y=\"0\" width=\"{width:.2}\" height=\"14\"/>"
        );
        x += width;
    }
    svg.push_str("</svg>");
    svg
}

fn begin(class: &str, width: f64, height: f64) -> String {
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-hidden=\"true\" focusable=\"false\">"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_break_a_line_and_values_stay_within() {
        let at = Timestamp::from_secs;
        let points = [(at(0), Some(0.0)), (at(50), None), (at(100), Some(500.0))];
        let axes = Axes {
            from: at(0),
            to: at(100),
            low: 0.0,
            high: 100.0,
            unit: " %",
            zone: Tz::Asia__Tokyo,
        };
        let svg = lines(
            &axes,
            &[Line {
                class: "a",
                points: &points,
            }],
        );
        let path = svg.split("d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(path.matches('M').count(), 2, "{path}");
        assert!(
            path.starts_with("M44.0 166.0") && path.ends_with("M632.0 8.0h0.1"),
            "{path}"
        );
        assert!(svg.contains(">09:00<"), "times are those of the zone: {svg}");
    }

    #[test]
    fn columns_stand_where_their_time_is() {
        let at = Timestamp::from_secs;
        let piece = |from, to| Window {
            from: at(from),
            to: at(to),
        };
        let axes = Axes {
            from: at(0),
            to: at(100),
            low: 0.0,
            high: 100.0,
            unit: " %",
            zone: Tz::UTC,
        };
        let svg = columns(
            &axes,
            &[
                (piece(0, 50), Some(100.0)),
                (piece(50, 75), None),
                (piece(75, 100), Some(0.0)),
            ],
        );
        assert_eq!(svg.matches("class=\"bar\"").count(), 2, "{svg}");
        assert!(
            svg.contains("x=\"44.00\" y=\"8.0\" width=\"293.00\" height=\"158.0\""),
            "{svg}"
        );
        assert!(svg.contains("x=\"485.00\" y=\"166.0\""), "{svg}");
    }

    #[test]
    fn parts_fill_the_whole() {
        let svg = parts(&[("a", 3.0), ("b", 0.0), ("c", 1.0)]);
        assert!(
            svg.contains("width=\"750.00\"") && svg.contains("x=\"750.00\"") && !svg.contains("fill b"),
            "{svg}"
        );
        assert!(!parts(&[("a", 0.0)]).contains("NaN"));
    }
}
