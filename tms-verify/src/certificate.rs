//! Until when a certificate holds: the one field that is read of it (RFC 5280 section 4.1). Whether it is to be trusted
//! has been judged by TLS before.

use tms_core::time::Timestamp;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Returns until when the certificate holds; `None` when it can't be read.
pub(crate) fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = expect(der, SEQUENCE)?;
    let (mut fields, _) = expect(certificate, SEQUENCE)?;
    if let Some((_, rest)) = expect(fields, VERSION) {
        fields = rest;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        fields = read(fields)?.2;
    }
    let (validity, _) = expect(fields, SEQUENCE)?;
    let (_, _, after) = read(validity)?;
    let (kind, text, _) = read(after)?;
    moment(kind, std::str::from_utf8(text).ok()?)
}

fn moment(kind: u8, text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?;
    let full = match kind {
        GENERALIZED_TIME => digits.to_owned(),
        // Two digits of the year, of which 50 and more are of the last century.
        UTC_TIME if digits.get(..2)? < "50" => format!("20{digits}"),
        UTC_TIME => format!("19{digits}"),
        _ => return None,
    };
    let part = |from: usize, to: usize| full.get(from..to);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()
}

/// Reads a value of this kind and returns its content and what follows it.
fn expect(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = read(der)?;
    (found == kind).then_some((content, rest))
}

/// Reads a value and returns its kind, its content and what follows it.
fn read(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&kind, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
        let add = |sum: usize, digit: &u8| sum.checked_mul(256)?.checked_add(usize::from(*digit));
        (digits.iter().try_fold(0, add)?, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((kind, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The begin of a certificate, as far as it is read.
    fn certificate(kind: u8, until: &str) -> Vec<u8> {
        let value = |kind: u8, content: &[u8]| [&[kind, u8::try_from(content.len()).unwrap()], content].concat();
        let from = value(UTC_TIME, b"200101000000Z");
        let validity = value(SEQUENCE, &[from, value(kind, until.as_bytes())].concat());
        let fields = [
            value(VERSION, &[2, 1, 2]),
            value(2, &[1]),
            value(SEQUENCE, &[]),
            value(SEQUENCE, &[]),
            validity,
        ];
        value(SEQUENCE, &value(SEQUENCE, &fields.concat()))
    }

    #[test]
    fn both_forms_of_time_are_read() {
        let until = |kind, text| not_after(&certificate(kind, text)).map(|at| at.to_string());
        assert_eq!(
            until(UTC_TIME, "270131235959Z").as_deref(),
            Some("2027-01-31T23:59:59Z")
        );
        assert_eq!(
            until(GENERALIZED_TIME, "21000101000000Z").as_deref(),
            Some("2100-01-01T00:00:00Z")
        );
        for wrong in ["", "270131235959", "271331235959Z", "27013123Z"] {
            assert_eq!(until(UTC_TIME, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_cut_off_or_rubbish_is_not_read() {
        let good = certificate(UTC_TIME, "270131235959Z");
        for length in 0..good.len() {
            assert_eq!(not_after(&good[..length]), None);
        }
        assert_eq!(not_after(&[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]), None);
    }
}
