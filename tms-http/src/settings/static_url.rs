//! Where the assets of the console are, when something else than the router serves them.

use std::{fmt, str::FromStr};

use tms_core::text::InvalidText;

/// An address such as `https://static.example.com/tms/` or `/static/`, below which the assets are; ends with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticUrl(String);

impl StaticUrl {
    /// Returns the address, which ends with a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part that a policy of contents names, when it is another host.
    pub(crate) fn origin(&self) -> Option<&str> {
        let (scheme, rest) = self.0.split_once("://")?;
        let host = rest.split('/').next()?;
        self.0.get(..scheme.len() + 3 + host.len())
    }
}

impl FromStr for StaticUrl {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim_end_matches('/');
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/' | b':');
        let rest = match text.split_once("://") {
            Some(("https" | "http", rest)) => Some(rest).filter(|rest| !rest.is_empty() && !rest.starts_with('/')),
            Some(_) => None,
            // Two slashes would name another host without saying how to reach it.
            None => text.strip_prefix('/').filter(|rest| !rest.starts_with('/')),
        };
        if rest.is_some_and(|rest| rest.bytes().all(plain) && !rest.contains("..")) {
            Ok(Self(format!("{text}/")))
        } else {
            let message = "must be an address such as https://static.example.com/ or a path such as /static/";
            Err(InvalidText(message.to_owned()))
        }
    }
}

impl fmt::Display for StaticUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_an_address_or_a_path() {
        let read = |text: &str| {
            text.parse::<StaticUrl>()
                .map(|url| (url.to_string(), url.origin().map(str::to_owned)))
        };
        assert_eq!(read("/static/"), Ok(("/static/".to_owned(), None)));
        assert_eq!(
            read("https://cdn.example.com:8443/tms"),
            Ok((
                "https://cdn.example.com:8443/tms/".to_owned(),
                Some("https://cdn.example.com:8443".to_owned())
            ))
        );
        for wrong in [
            "",
            "static",
            "//cdn.example.com/",
            "ftp://x/",
            "https://",
            "https://x; script-src *",
            "/a b/",
            "/../x/",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
