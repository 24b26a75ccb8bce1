//! Where the router is mounted.

use std::{fmt, str::FromStr};

use tms_core::text::InvalidText;

/// A path such as `/tms` below which everything is mounted, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    /// Returns the path; empty when everything is mounted at the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BasePath {
    type Err = InvalidText;

    /// Reads a path: segments of `A-Z a-z 0-9 . _ -`, each after a slash. `/` and nothing mean the root.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = text.trim_end_matches('/');
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let fits =
            |segment: &str| !segment.is_empty() && segment.bytes().all(plain) && segment != "." && segment != "..";
        let is_path = path.is_empty() || path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(fits));
        if is_path {
            Ok(Self(path.to_owned()))
        } else {
            Err(InvalidText("must be a path such as /tms".to_owned()))
        }
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_plain() {
        assert_eq!("/".parse::<BasePath>().unwrap().as_str(), "");
        assert_eq!("/a/b-c/".parse::<BasePath>().unwrap().as_str(), "/a/b-c");
        for text in ["a", "//a", "/a//b", "/{x}", "/a b", "/*", "/../a"] {
            assert!(text.parse::<BasePath>().is_err(), "{text}");
        }
    }
}
