//! Hours of the day in a time zone, such as those of the night shift.

use std::fmt;

use chrono::{DateTime, Timelike};
use chrono_tz::Tz;

use crate::{text::InvalidText, time::Timestamp};

/// From one time of day to another, possibly over midnight; the same twice is the whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    from_minute: u16,
    until_minute: u16,
    zone: Tz,
}

impl Hours {
    /// Reads times such as `22:00` and a zone such as `Asia/Tokyo`.
    ///
    /// # Errors
    /// [`InvalidText`] when one of them is none.
    pub fn parse(from: &str, until: &str, zone: &str) -> Result<Self, InvalidText> {
        let unknown = |_| InvalidText("must be the name of a time zone such as Asia/Tokyo".to_owned());
        Ok(Self {
            from_minute: minute(from)?,
            until_minute: minute(until)?,
            zone: zone.parse().map_err(unknown)?,
        })
    }

    /// Tells whether a moment is within them.
    pub fn contains(&self, at: Timestamp) -> bool {
        let local = self.local(at);
        let now = u16::try_from(local.hour() * 60 + local.minute()).unwrap_or_default();
        match self.from_minute.cmp(&self.until_minute) {
            std::cmp::Ordering::Less => (self.from_minute..self.until_minute).contains(&now),
            std::cmp::Ordering::Equal => true,
            std::cmp::Ordering::Greater => now >= self.from_minute || now < self.until_minute,
        }
    }

    /// Returns when they begin, as text.
    pub fn from(&self) -> String {
        spelled(self.from_minute)
    }

    /// Returns when they end, as text.
    pub fn until(&self) -> String {
        spelled(self.until_minute)
    }

    /// Returns the name of the zone.
    pub fn zone(&self) -> &'static str {
        self.zone.name()
    }

    /// Spells a moment as people of the zone do.
    pub fn spell(&self, at: Timestamp) -> String {
        self.local(at).format("%Y-%m-%d %H:%M %Z").to_string()
    }

    fn local(self, at: Timestamp) -> DateTime<Tz> {
        let utc = DateTime::from_timestamp_micros(at.as_micros()).unwrap_or_default();
        utc.with_timezone(&self.zone)
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} {}", self.from(), self.until(), self.zone())
    }
}

fn minute(text: &str) -> Result<u16, InvalidText> {
    let wrong = || InvalidText("must be a time of day such as 22:00".to_owned());
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let number = |part: &str, end: u16| {
        let is_plain = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<u16>().ok().filter(|n| is_plain && *n < end)
    };
    let (hour, minute) = number(hour, 24).zip(number(minute, 60)).ok_or_else(wrong)?;
    Ok(hour * 60 + minute)
}

fn spelled(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn hours_are_those_of_the_zone_and_may_pass_midnight() {
        let day = Hours::parse("09:00", "17:30", "Asia/Tokyo").unwrap();
        assert!(day.contains(at("2026-01-24T00:00:00Z")) && day.contains(at("2026-01-24T08:29:59Z")));
        assert!(!day.contains(at("2026-01-24T08:30:00Z")) && !day.contains(at("2026-01-23T23:59:59Z")));
        let night = Hours::parse("22:00", "07:00", "Europe/Berlin").unwrap();
        assert!(night.contains(at("2026-01-24T21:00:00Z")) && night.contains(at("2026-01-24T05:59:00Z")));
        assert!(!night.contains(at("2026-01-24T06:00:00Z")) && !night.contains(at("2026-01-24T20:59:00Z")));
        // In summer the zone is an hour further.
        assert!(night.contains(at("2026-07-24T20:00:00Z")) && !night.contains(at("2026-07-24T05:00:00Z")));
        assert!(
            Hours::parse("00:00", "00:00", "UTC")
                .unwrap()
                .contains(at("2026-01-24T12:34:00Z"))
        );
        assert_eq!(
            (night.from(), night.until(), night.zone()),
            ("22:00".into(), "07:00".into(), "Europe/Berlin")
        );
    }

    #[test]
    fn what_is_no_time_or_zone_is_refused() {
        for wrong in ["", "24:00", "9:00", "09:60", "09-00", "+9:00", "09:00:00"] {
            assert!(Hours::parse(wrong, "10:00", "UTC").is_err(), "{wrong}");
        }
        assert!(Hours::parse("09:00", "10:00", "Mars/Olympus").is_err());
    }
}
