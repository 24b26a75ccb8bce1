//! The wall clock and its text: the only place here that asks for the present time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};

/// Returns milliseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "a simulated PC has a clock of its own")]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Writes a time as RFC 3339 in UTC with milliseconds: 24 characters between the years 1970 and 9999.
pub fn rfc3339(ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(ms).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Writes times one after the other; cheap while they fall into the same second.
#[derive(Debug, Clone)]
pub struct Stamp {
    second: i64,
    text: [u8; Self::LENGTH],
}

impl Stamp {
    /// How long the text is.
    pub const LENGTH: usize = 24;
    /// Where the milliseconds stand in it.
    const MILLIS: std::ops::Range<usize> = 20..23;

    /// Makes a stamp that shows the epoch.
    pub const fn new() -> Self {
        Self {
            second: 0,
            text: *b"1970-01-01T00:00:00.000Z",
        }
    }

    /// Returns the text of `ms`.
    pub fn at(&mut self, ms: i64) -> &[u8; Self::LENGTH] {
        let second = ms.div_euclid(1_000);
        if second != self.second
            && let Ok(text) = rfc3339(second * 1_000).as_bytes().try_into()
        {
            self.second = second;
            self.text = text;
        }
        if let Some(slot) = self.text.get_mut(Self::MILLIS) {
            write_digits(slot, ms.rem_euclid(1_000).unsigned_abs());
        }
        &self.text
    }
}

impl Default for Stamp {
    fn default() -> Self {
        Self::new()
    }
}

/// Fills `slot` with the last digits of `value`, zeros in front.
pub fn write_digits(slot: &mut [u8], mut value: u64) {
    for digit in slot.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_stamp_writes_what_chrono_writes(times in prop::collection::vec(0_i64..253_402_300_799_999, 1..20)) {
            let mut stamp = Stamp::new();
            for ms in times {
                for near in [ms, ms + 1, ms + 999] {
                    let expected = rfc3339(near);
                    if expected.len() == Stamp::LENGTH {
                        prop_assert_eq!(&stamp.at(near)[..], expected.as_bytes());
                    }
                }
            }
        }
    }
}
