//! What a page says once, about what was done on the page before.

use std::fmt::Display;

use http::HeaderMap;
use url::form_urlencoded;

use crate::{
    cookie::{self, SetCookie},
    words::Words,
};

/// How many values a message has at most, and how long each is.
const MOST_VALUES: usize = 4;
const LONGEST_VALUE: usize = 100;

/// How a message is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It was done.
    Good,
    /// It was not.
    Bad,
}

impl Tone {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }

    /// Returns the icon.
    pub(crate) const fn icon(self) -> &'static str {
        match self {
            Self::Good => "check",
            Self::Bad => "alert",
        }
    }
}

/// A message for the next page: a key of the message files and the values that fill it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flash {
    pub(crate) tone: Tone,
    key: String,
    values: Vec<String>,
}

impl Flash {
    /// Says that something was done.
    pub(crate) fn good(key: &str, values: &[&dyn Display]) -> Self {
        Self::new(Tone::Good, key, values)
    }

    /// Says that something was not done.
    pub(crate) fn bad(key: &str, values: &[&dyn Display]) -> Self {
        Self::new(Tone::Bad, key, values)
    }

    fn new(tone: Tone, key: &str, values: &[&dyn Display]) -> Self {
        let short = |value: &&dyn Display| value.to_string().chars().take(LONGEST_VALUE).collect();
        Self {
            tone,
            key: key.to_owned(),
            values: values.iter().take(MOST_VALUES).map(short).collect(),
        }
    }

    /// Returns the message in a language.
    pub(crate) fn text(&self, words: Words) -> String {
        let values: Vec<&dyn Display> = self.values.iter().map(|value| value as &dyn Display).collect();
        words.fill(&self.key, &values)
    }

    /// Takes along what the page before said.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let text = cookie::find(headers, cookie::FLASH)?;
        let mut parts = form_urlencoded::parse(text.as_bytes());
        let (tone, key) = parts.next()?;
        Some(Self {
            tone: if tone == "good" { Tone::Good } else { Tone::Bad },
            key: key.into_owned(),
            values: parts.take(MOST_VALUES).map(|(_, value)| value.into_owned()).collect(),
        })
    }

    /// Makes the cookie that carries it to the next page.
    pub(super) fn cookie(&self) -> SetCookie {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.append_pair(self.tone.as_str(), &self.key);
        for value in &self.values {
            text.append_pair("v", value);
        }
        SetCookie::session(cookie::FLASH, &text.finish())
    }
}
