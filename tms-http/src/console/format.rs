//! Numbers, times and spans as people read them.

use std::time::Duration;

use chrono_tz::Tz;
use tms_core::time::Timestamp;

use crate::words::Words;

/// Spells a whole number in groups of three digits.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut spelled = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            spelled.push(',');
        }
        spelled.push(digit);
    }
    spelled
}

/// Spells a moment in a time zone, to the second.
pub(crate) fn moment(at: Timestamp, zone: Tz) -> String {
    at.to_chrono()
        .with_timezone(&zone)
        .format("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// Spells a moment of a day, for the scale of a chart.
pub(crate) fn clock(at: Timestamp, zone: Tz) -> String {
    at.to_chrono().with_timezone(&zone).format("%H:%M").to_string()
}

/// Spells a day, for the scale of a chart.
pub(crate) fn day(at: Timestamp, zone: Tz) -> String {
    at.to_chrono().with_timezone(&zone).format("%m-%d").to_string()
}

/// Spells how long something lasts, in its two largest units.
pub(crate) fn span(duration: Duration, words: Words) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => words.fill("span.seconds", &[&seconds]),
        (0, 0, minutes) if minutes >= 10 || seconds.is_multiple_of(60) => words.fill("span.minutes", &[&minutes]),
        (0, 0, minutes) => words.fill("span.minutes_seconds", &[&minutes, &(seconds % 60)]),
        (0, hours, minutes) => words.fill("span.hours_minutes", &[&hours, &minutes]),
        (days, hours, _) => words.fill("span.days_hours", &[&number(days), &hours]),
    }
}

/// Spells how long ago something was.
pub(crate) fn ago(at: Timestamp, now: Timestamp, words: Words) -> String {
    let passed = now.since(at);
    if passed < Duration::from_secs(5) {
        words.t("span.now").to_owned()
    } else {
        words.fill("span.ago", &[&span(passed, words)])
    }
}

/// Reads what a field for a moment holds, in a time zone. A moment that the zone skips or has twice is taken as the
/// first of the two, or not at all.
pub(crate) fn read_moment(text: &str, zone: Tz) -> Option<Timestamp> {
    use chrono::{NaiveDateTime, TimeZone};
    let naive = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    let there = zone.from_local_datetime(&naive).earliest()?;
    Some(Timestamp::from(there.to_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Locale;

    #[test]
    fn digits_are_grouped() {
        for (value, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn spans_have_two_units() {
        let say = |seconds, locale| span(Duration::from_secs(seconds), Words(locale));
        for (seconds, english, japanese) in [
            (7, "7 s", "7秒"),
            (65, "1 min 5 s", "1分5秒"),
            (660, "11 min", "11分"),
            (7_260, "2 h 1 min", "2時間1分"),
            (180_000, "2 d 2 h", "2日2時間"),
        ] {
            assert_eq!(say(seconds, Locale::English), english);
            assert_eq!(say(seconds, Locale::Japanese), japanese);
        }
    }

    #[test]
    fn a_moment_reads_back_in_its_zone() {
        let (zone, at) = (Tz::Asia__Tokyo, "2026-01-24T10:00:00Z".parse().unwrap());
        assert_eq!(moment(at, zone), "2026-01-24 19:00:00");
        assert_eq!(read_moment("2026-01-24T19:00", zone), Some(at));
        assert_eq!(read_moment("tomorrow", zone), None);
        assert_eq!(read_moment("2026-03-29T02:30", Tz::Europe__Berlin), None, "skipped");
    }
}
