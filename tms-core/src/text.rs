//! Text that strangers send: bounded, without control characters, trusted after the constructor.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// Why a text was refused; the message is for the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidText(pub String);

/// Trims `text` and checks that it has `min` to `max` characters and no control character.
///
/// A line break or a tab counts as a control character unless `many_lines`.
///
/// # Errors
/// [`InvalidText`] that says which bound was broken.
pub fn clean(text: &str, min: usize, max: usize, lines: Lines) -> Result<String, InvalidText> {
    let text = text.trim();
    let length = text.chars().count();
    if length < min || length > max {
        return Err(InvalidText(if min == 0 {
            format!("must be at most {max} characters")
        } else {
            format!("must be {min} to {max} characters")
        }));
    }
    let forbidden = |c: char| c.is_control() && !(lines == Lines::Many && matches!(c, '\n' | '\r' | '\t'));
    if text.chars().any(forbidden) {
        return Err(InvalidText("must not contain control characters".to_owned()));
    }
    Ok(text.to_owned())
}

/// Reads the address of a network card as any system spells it, and spells it as `00:11:22:33:44:55`. Tunnels have longer
/// ones, of eight bytes.
///
/// ```
/// use tms_core::text::mac_address;
/// assert_eq!(mac_address("00-1A-2B-3C-4D-5E").unwrap(), "00:1a:2b:3c:4d:5e");
/// assert_eq!(mac_address("001a.2b3c.4d5e").unwrap(), "00:1a:2b:3c:4d:5e");
/// assert!(mac_address("zz-top").is_err());
/// ```
///
/// # Errors
/// [`InvalidText`] unless it is six or eight bytes in hexadecimal digits.
pub fn mac_address(text: &str) -> Result<String, InvalidText> {
    let wrong = || InvalidText("must be the address of a network card such as 00:11:22:33:44:55".to_owned());
    let text = text.trim();
    let is_plain = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '-' | '.');
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    if !text.chars().all(is_plain) || !matches!(digits.len(), 12 | 16) || text.len() > 23 {
        return Err(wrong());
    }
    let digits = digits.to_ascii_lowercase();
    let bytes: Vec<&str> = (0..digits.len())
        .step_by(2)
        .filter_map(|at| digits.get(at..at + 2))
        .collect();
    Ok(bytes.join(":"))
}

/// Whether a text may have line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// One line.
    One,
    /// Line breaks and tabs are allowed.
    Many,
}

/// Folds a text for search: NFKC, lower case, katakana as hiragana, blanks collapsed.
///
/// Stored beside what is searched; matching is substring of it and ordering is bytewise in every store.
///
/// ```
/// use tms_core::text::search_key;
/// assert_eq!(search_key("Ｓｈｉｎｊｕｋｕ  ストア"), search_key("shinjuku すとあ"));
/// ```
pub fn search_key(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    for c in text.nfkc().flat_map(char::to_lowercase) {
        // U+30A1..U+30F6 are the katakana whose hiragana stand 0x60 below.
        let folded = match c {
            '\u{30A1}'..='\u{30F6}' => char::from_u32(u32::from(c) - 0x60).unwrap_or(c),
            c if c.is_whitespace() => ' ',
            c => c,
        };
        if folded == ' ' && (key.is_empty() || key.ends_with(' ')) {
            continue;
        }
        key.push(folded);
    }
    key.truncate(key.trim_end().len());
    key
}

/// The number printed on a card reader: `[A-Z0-9][A-Z0-9-]{2,49}`, upper-cased ASCII.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SerialNumber(Box<str>);

impl SerialNumber {
    /// Reads a serial number; lower case becomes upper case.
    ///
    /// # Errors
    /// [`InvalidText`] unless it is 3 to 50 of A-Z, 0-9 and `-`, not starting with `-`.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        let bytes = text.as_bytes();
        let fits = (3..=50).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
            && !text.starts_with('-');
        if !fits {
            return Err(InvalidText("must be 3 to 50 of A-Z, 0-9 and -".to_owned()));
        }
        Ok(Self(text.to_ascii_uppercase().into_boxed_str()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether `text` spells this serial, without copying it.
    pub fn is_spelled(&self, text: &str) -> bool {
        self.0.eq_ignore_ascii_case(text)
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_and_bounds_are_refused() {
        assert!(clean("a\0b", 0, 9, Lines::Many).is_err());
        assert!(clean("a\nb", 0, 9, Lines::One).is_err());
        assert_eq!(clean(" a\nb ", 1, 9, Lines::Many).unwrap(), "a\nb");
        assert!(clean("   ", 1, 9, Lines::One).is_err());
        assert!(clean("新宿店", 1, 2, Lines::One).is_err());
    }

    #[test]
    fn serials_are_upper_cased_ascii() {
        assert_eq!(SerialNumber::parse("tc-200-001").unwrap().as_str(), "TC-200-001");
        for text in ["", "AB", "-AB", "A B", "A_B", "ＡＢＣ", "ABC\0"] {
            assert!(SerialNumber::parse(text).is_err(), "{text:?}");
        }
        assert!(SerialNumber::parse(&"A".repeat(51)).is_err());
    }

    proptest! {
        #[test]
        fn a_search_key_is_its_own_key(text in "\\PC{0,40}") {
            let key = search_key(&text);
            prop_assert_eq!(search_key(&key), key);
        }
    }
}
