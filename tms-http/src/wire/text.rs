//! Text that borrows from the message it was read from.

use std::{borrow::Cow, fmt, ops::Deref};

use serde::{Deserialize, Serialize};

/// Text of a message, borrowed unless it contained an escape.
///
/// A plain `Option<Cow<str>>` is always copied by serde; this type is not.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl Text<'_> {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text as a value of its own.
    pub fn into_owned(self) -> String {
        self.0.into_owned()
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_borrowed_unless_it_is_escaped() {
        let plain: Option<Text<'_>> = serde_json::from_str(r#""abc""#).unwrap();
        assert!(matches!(plain.unwrap().0, Cow::Borrowed("abc")));
        let escaped: Option<Text<'_>> = serde_json::from_str(r#""a\nc""#).unwrap();
        assert!(matches!(escaped.unwrap().0, Cow::Owned(text) if text == "a\nc"));
    }
}
