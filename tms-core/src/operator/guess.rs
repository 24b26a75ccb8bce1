//! Wrong guesses: ten in half an hour for one account from unknown devices, and as many from each device that is known
//! to it. So nobody can lock a person out of the devices that they use.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::{error::Error, id::UserId, secret::TokenHash, time::Timestamp};

/// How many guesses a window has.
pub const LIMIT: u64 = 10;
/// How long a window is.
pub const WINDOW: Duration = Duration::from_secs(30 * 60);
/// How long a device is known after the last sign-in from it.
pub const DEVICE_LIFE: Duration = Duration::from_secs(180 * 86_400);
/// How many devices of one person are known at most; the one used longest ago is forgotten first.
pub const MOST_DEVICES: u32 = 10;

/// Whose guesses are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guesser<'a> {
    /// Whoever tries this name, whether there is such a person or not.
    Unknown(&'a str),
    /// This known device.
    Device(TokenHash),
    /// This person, who is signed in and proves it again.
    SignedIn(UserId),
}

impl Guesser<'_> {
    /// Returns the name under which the guesses are counted; a hash, so that what people type by mistake into the field
    /// of the name is not stored.
    pub fn key(self) -> TokenHash {
        let mut hash = Sha256::new();
        match self {
            Self::Unknown(name) => hash.update([b"name ", name.as_bytes()].concat()),
            Self::Device(device) => hash.update([&b"device "[..], &device.0].concat()),
            Self::SignedIn(user) => hash.update(format!("user {user}")),
        }
        TokenHash(hash.finalize().into())
    }
}

/// The guesses of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuessWindow {
    /// How many, the present one included.
    pub count: u64,
    /// When the first was.
    pub begun: Timestamp,
}

impl GuessWindow {
    /// Returns the window after one more guess at `now`.
    #[must_use]
    pub fn with_one_more(before: Option<Self>, now: Timestamp) -> Self {
        match before {
            Some(window) if now.since(window.begun) < WINDOW => Self {
                count: window.count + 1,
                ..window
            },
            _ => Self { count: 1, begun: now },
        }
    }

    /// Lets the present guess be judged, or says when to come again.
    ///
    /// # Errors
    /// [`Error::TooMany`] when the window is full.
    pub fn admit(self, now: Timestamp) -> Result<(), Error> {
        if self.count <= LIMIT {
            return Ok(());
        }
        Err(Error::TooMany {
            retry_after: WINDOW.saturating_sub(now.since(self.begun)),
        })
    }
}

/// A device that is known to a person, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownDevice {
    /// Whose.
    pub user: UserId,
    /// When somebody last signed in from it.
    pub seen_at: Timestamp,
}

impl KnownDevice {
    /// Tells whether a guess for `user` comes from a device of theirs.
    pub fn vouches_for(self, user: UserId, now: Timestamp) -> bool {
        self.user == user && now.since(self.seen_at) < DEVICE_LIFE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_guess_waits_for_the_window() {
        let start = Timestamp::from_secs(1_000);
        let mut window = None;
        for _ in 0..LIMIT {
            let next = GuessWindow::with_one_more(window, start);
            assert!(next.admit(start).is_ok());
            window = Some(next);
        }
        let full = GuessWindow::with_one_more(window, start.plus(Duration::from_secs(60)));
        let refused = full.admit(start.plus(Duration::from_secs(60)));
        assert!(matches!(refused, Err(Error::TooMany { retry_after }) if retry_after == Duration::from_secs(29 * 60)));
        let next = GuessWindow::with_one_more(Some(full), start.plus(WINDOW));
        assert_eq!(next.count, 1);
    }

    #[test]
    fn budgets_are_apart() {
        let user = UserId::new(1).unwrap();
        let keys = [
            Guesser::Unknown("admin").key(),
            Guesser::Unknown("1").key(),
            Guesser::SignedIn(user).key(),
            Guesser::Device(TokenHash([1; 32])).key(),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key));
        }
    }

    #[test]
    fn a_device_vouches_for_its_own_person_and_not_for_ever() {
        let (user, other) = (UserId::new(1).unwrap(), UserId::new(2).unwrap());
        let seen_at = Timestamp::from_secs(0);
        let device = KnownDevice { user, seen_at };
        assert!(device.vouches_for(user, seen_at));
        assert!(!device.vouches_for(other, seen_at));
        assert!(!device.vouches_for(user, seen_at.plus(DEVICE_LIFE)));
    }
}
