//! Durations as people type them: `90m`, `24h`, `7d`.

use std::time::Duration;

/// Reads a whole number with one of the units s, m, h, d.
///
/// # Errors
/// A message that names the form.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration such as 90m, 24h or 7d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood_and_rubbish_is_not() {
        assert_eq!(parse_duration("90m").unwrap(), Duration::from_secs(5_400));
        assert_eq!(parse_duration("7d").unwrap(), Duration::from_secs(604_800));
        for text in ["", "h", "24", "1w", "-1h", "1.5h", "99999999999999999999d", "１h", "1é"] {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
    }
}
