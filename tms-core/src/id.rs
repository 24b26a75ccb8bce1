//! Numeric identities of stored things. Business numbers (a serial number) are not ids and live in their own modules.

use std::{fmt, str::FromStr};

/// A text that is not a positive 64-bit number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is a whole number above zero")]
pub struct InvalidId;

/// Defines a newtype around a positive `i64`.
#[macro_export]
macro_rules! define_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// Takes a number that a store has assigned.
            ///
            /// # Errors
            /// [`InvalidId`](crate::id::InvalidId) when it is zero or below.
            pub const fn new(raw: i64) -> Result<Self, $crate::id::InvalidId> {
                if raw > 0 { Ok(Self(raw)) } else { Err($crate::id::InvalidId) }
            }

            /// Returns the number.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::id::InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new($crate::id::parse_digits(text)?)
            }
        }
    };
}

define_id!(/// A company that owns terminals.
    CustomerId);
define_id!(/// One card reader.
    TerminalId);
define_id!(/// A one-time code with which an agent enrols.
    EnrolmentCodeId);
define_id!(/// An open or resolved problem of one terminal.
    AlertId);
define_id!(/// A stored log line of a terminal.
    LogId);
define_id!(/// A person who signs in.
    UserId);
define_id!(/// One sign-in of a person.
    SessionId);
define_id!(/// A personal API token.
    ApiTokenId);
define_id!(/// An entry of the audit trail.
    AuditId);
define_id!(/// A planned time in which a terminal raises no alert.
    MaintenanceId);
define_id!(/// A way by which people are told of alerts.
    ChannelId);
define_id!(/// A message in the outbox.
    MessageId);

/// Reads plain decimal digits; a sign, a blank or a leading zero is refused, so that a number has one spelling.
#[doc(hidden)]
pub fn parse_digits(text: &str) -> Result<i64, InvalidId> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if plain {
        i64::from_str(text).map_err(|_| InvalidId)
    } else {
        Err(InvalidId)
    }
}

/// Names one stored thing in an error or an audit entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityRef {
    /// The kind, such as `terminal`.
    pub kind: &'static str,
    /// Its id or business number; empty when there is none yet.
    pub key: String,
}

impl EntityRef {
    /// Names a thing by kind and key.
    pub fn new(kind: &'static str, key: impl fmt::Display) -> Self {
        Self {
            kind,
            key: key.to_string(),
        }
    }
}

impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            f.write_str(self.kind)
        } else {
            write!(f, "{} {}", self.kind, self.key)
        }
    }
}

/// Counts the changes of a stored row; the ETag of the API is made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub i64);

impl Revision {
    /// The revision of a row that was just inserted.
    pub const FIRST: Self = Self(1);

    /// Returns the one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!("12".parse::<TerminalId>().unwrap().to_string(), "12");
        for text in ["", "0", "-1", "+1", "01", " 1", "1 ", "9223372036854775808", "x", "１"] {
            assert!(text.parse::<TerminalId>().is_err(), "{text:?}");
        }
    }
}
