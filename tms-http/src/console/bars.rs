//! Shares as bars with their numbers: each a drawing of its own between two texts, so that any width can show them and
//! nobody needs colours to read them.

use tms_core::report::{Granularity, Share};

/// Bars that belong together.
pub(crate) struct Bars {
    /// The share at which they begin, in percent: the least one is told from the greatest.
    pub(crate) floor: u8,
    pub(crate) all: Vec<Bar>,
}

/// A bar.
pub(crate) struct Bar {
    /// What it is the share of.
    pub(crate) label: String,
    /// The number.
    pub(crate) value: String,
    /// A drawing of numbers only; use it with `|safe`.
    pub(crate) drawing: String,
}

impl Bars {
    /// Draws the availability of pieces of a time.
    pub(crate) fn of(shares: &[Share], by: Granularity) -> Self {
        let known: Vec<Option<f64>> = shares.iter().map(|share| share.times.availability()).collect();
        let floor = floor(known.iter().copied().flatten().fold(100.0, f64::min));
        let bar = |(share, known): (&Share, &Option<f64>)| Bar {
            label: short(&share.bucket.label, by).to_owned(),
            value: known.map_or_else(|| "–".to_owned(), plain),
            drawing: draw(*known, floor),
        };
        Self {
            floor,
            all: shares.iter().zip(&known).map(bar).collect(),
        }
    }
}

/// Spells a share in percent, such as `99.98 %`; a dash when there is none.
pub(crate) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{} %", plain(share)))
}

/// Spells a share with two digits that are never rounded up: 100 means all of it.
fn plain(share: f64) -> String {
    if share >= 100.0 {
        return "100".to_owned();
    }
    format!("{:.2}", (share * 100.0).floor() / 100.0)
}

/// Returns the round share below the least one at which bars begin.
fn floor(least: f64) -> u8 {
    [95_u8, 90, 80, 50]
        .into_iter()
        .find(|floor| least >= f64::from(*floor) + (100.0 - f64::from(*floor)) * 0.1)
        .unwrap_or(0)
}

/// Leaves out of a label what its neighbours have too.
fn short(label: &str, by: Granularity) -> &str {
    let short = match by {
        // 2026-01-24T10:00+09:00
        Granularity::Hour => label.get(11..16),
        // 2026-01-24, 2026-W04
        Granularity::Day | Granularity::Week => label.get(5..),
        Granularity::Month => Some(label),
    };
    short.unwrap_or(label)
}

fn draw(share: Option<f64>, floor: u8) -> String {
    let begin = "<svg class=\"bar\" viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" aria-hidden=\"true\" \
                 focusable=\"false\">";
    let Some(share) = share else {
        return format!("{begin}<rect class=\"none\" x=\"1\" y=\"1\" width=\"98\" height=\"98\"/></svg>");
    };
    let floor = f64::from(floor);
    let height = ((share - floor) / (100.0 - floor) * 100.0).clamp(1.0, 100.0);
    let top = 100.0 - height;
    format!(
        "{begin}<rect class=\"bed\" x=\"0\" y=\"0\" width=\"100\" height=\"100\"/>\
         <rect class=\"full\" x=\"0\" y=\"{top:.1}\" width=\"100\" height=\"{height:.1}\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_begin_where_the_least_can_be_seen() {
        for (least, expected) in [
            (100.0, 95),
            (95.5, 95),
            (95.4, 90),
            (82.0, 80),
            (80.5, 50),
            (40.0, 0),
            (0.0, 0),
        ] {
            assert_eq!(floor(least), expected, "{least}");
        }
        assert!(draw(Some(97.5), 95).contains("y=\"50.0\" width=\"100\" height=\"50.0\""));
        assert!(draw(Some(95.0), 95).contains("height=\"1.0\""), "nothing is seen too");
        assert!(draw(None, 95).contains("class=\"none\""));
    }

    #[test]
    fn only_all_of_it_is_a_hundred() {
        for (share, text) in [(100.0, "100 %"), (99.999_9, "99.99 %"), (0.0, "0.00 %")] {
            assert_eq!(percent(Some(share)), text);
        }
        assert_eq!(percent(None), "–");
    }

    #[test]
    fn labels_are_short() {
        for (label, by, text) in [
            ("2026-01-24T10:00+09:00", Granularity::Hour, "10:00"),
            ("2026-01-24", Granularity::Day, "01-24"),
            ("2026-W04", Granularity::Week, "W04"),
            ("2026-01", Granularity::Month, "2026-01"),
        ] {
            assert_eq!(short(label, by), text);
        }
    }
}
