//! Keys of blobs: paths that lead nowhere else, whatever stores them.

use std::{fmt, str::FromStr};

const LONGEST: usize = 512;

/// The key of a blob: parts of `A-Z a-z 0-9 . _ -` between slashes, none of which begins with a point.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(String);

/// What keys begin with: nothing, or whole parts with the slash behind them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlobPrefix(String);

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key: parts of A-Z a-z 0-9 . _ - between slashes, none beginning with a point, at most 512 characters")]
pub struct InvalidBlobKey;

impl BlobKey {
    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BlobKey {
    type Err = InvalidBlobKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_part = |part: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
            !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_plain)
        };
        if text.len() <= LONGEST && text.split('/').all(is_part) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidBlobKey)
        }
    }
}

impl BlobPrefix {
    /// Takes the parts, with or without the slash behind them.
    ///
    /// # Errors
    /// [`InvalidBlobKey`] for what no key could begin with.
    pub fn new(parts: &str) -> Result<Self, InvalidBlobKey> {
        let parts = parts.trim_end_matches('/');
        if parts.is_empty() {
            return Ok(Self::default());
        }
        let key: BlobKey = parts.parse()?;
        Ok(Self(format!("{key}/")))
    }

    /// Returns the text that keys begin with.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the key of this name below it.
    ///
    /// # Errors
    /// [`InvalidBlobKey`].
    pub fn key(&self, name: &str) -> Result<BlobKey, InvalidBlobKey> {
        format!("{}{name}", self.0).parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_nowhere_else() {
        for right in ["a", "firmware/ab12.bin", "A-1_2.x/b/c"] {
            assert_eq!(right.parse::<BlobKey>().unwrap().as_str(), right);
        }
        let long = "a".repeat(LONGEST + 1);
        for wrong in [
            "", "/a", "a/", "a//b", "../a", "a/../b", ".hidden", "a/.b", "a b", "a\\b", "ä", "a\0", &long,
        ] {
            assert_eq!(wrong.parse::<BlobKey>(), Err(InvalidBlobKey), "{wrong:?}");
        }
    }

    #[test]
    fn a_prefix_ends_with_a_slash() {
        assert_eq!(BlobPrefix::new("").unwrap().as_str(), "");
        assert_eq!(BlobPrefix::new("/").unwrap().as_str(), "");
        let prefix = BlobPrefix::new("backups/tms").unwrap();
        assert_eq!(
            (prefix.as_str(), BlobPrefix::new("backups/tms/").unwrap()),
            ("backups/tms/", prefix.clone())
        );
        assert_eq!(prefix.key("x.json").unwrap().as_str(), "backups/tms/x.json");
        assert!(prefix.key("../x").is_err() && BlobPrefix::new("../x").is_err());
    }
}
