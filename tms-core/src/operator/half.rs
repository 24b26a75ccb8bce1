//! What somebody holds between the password and the code of the second factor: who they are, sealed, so that no password
//! has to be kept or sent twice, and no store has to remember those who never come back.

use std::{fmt::Write, time::Duration};

use sha2::{Digest, Sha256};

use super::{Tools, User};
use crate::{error::Error, id::UserId, key::SecretKeys, seal::Seal, secret::Secret, time::Timestamp};

/// How long somebody may look for the code.
pub const HALF_LIFE: Duration = Duration::from_secs(5 * 60);
const PURPOSE: &str = "tms-core half of a sign-in 1";

/// Seals and opens halves.
#[derive(Debug, Clone)]
pub(crate) struct HalfSeal(Seal);

impl HalfSeal {
    pub(crate) fn new(keys: &SecretKeys) -> Self {
        Self(Seal::new(keys, PURPOSE))
    }
}

/// The first half of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Half {
    /// Whose password was right.
    pub(super) user: UserId,
    /// Until when that counts.
    pub(super) until: Timestamp,
    /// Names the password, so that a new one makes this half worthless.
    password: String,
}

impl Half {
    pub(super) fn of(user: &User, until: Timestamp) -> Self {
        let phc = user.password_hash.as_ref().map_or("", |phc| phc.expose().as_str());
        Self {
            user: user.id,
            until,
            password: hex(&Sha256::digest(phc.as_bytes())),
        }
    }

    pub(super) fn seal(&self, tools: &Tools) -> Result<Secret<String>, Error> {
        let Some(HalfSeal(seal)) = &tools.half else {
            return Err(Error::Internal(
                "without a secret key nobody has a second factor".into(),
            ));
        };
        let text = format!("{} {} {}", self.user, self.until.as_micros(), self.password);
        let sealed = seal.seal(text.as_bytes(), b"", &*tools.random)?;
        Ok(Secret::new(hex(&sealed)))
    }

    pub(super) fn open(shown: &Secret<String>, tools: &Tools) -> Option<Self> {
        let HalfSeal(seal) = tools.half.as_ref()?;
        let opened = seal.open(&unhex(shown.expose())?, b"")?;
        let text = String::from_utf8(opened.secret).ok()?;
        let mut words = text.split(' ');
        Some(Self {
            user: words.next()?.parse().ok()?,
            until: Timestamp::from_micros(words.next()?.parse().ok()?),
            password: words.next()?.to_owned(),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Reads what [`hex`] wrote, of at most a kilobyte.
fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() > 1_024 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
