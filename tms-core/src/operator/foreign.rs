//! Hashes of passwords that another system made: PBKDF2 with HMAC-SHA-256 as Django writes it. They verify until their
//! owner has signed in; none is ever made here.
//!
//! The form is `pbkdf2_sha256$ITERATIONS$SALT$HASH`, the salt as text, the hash in base 64.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// How such a hash begins.
const PREFIX: &str = "pbkdf2_sha256$";
/// More than any release of Django asks for; what would hold up everybody else is no hash.
const MOST_ITERATIONS: u32 = 5_000_000;
/// The length of a hash, in bytes.
const LENGTH: usize = 32;

/// A hash that another system made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ForeignHash<'a> {
    /// How often the password was hashed.
    pub(crate) iterations: u32,
    salt: &'a str,
    hash: [u8; LENGTH],
}

impl<'a> ForeignHash<'a> {
    /// Reads a hash; `None` when it is none of this form.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let (iterations, rest) = text.strip_prefix(PREFIX)?.split_once('$')?;
        let (salt, hash) = rest.split_once('$')?;
        let iterations = iterations
            .parse()
            .ok()
            .filter(|count| (1..=MOST_ITERATIONS).contains(count))?;
        let hash = STANDARD.decode(hash).ok()?.try_into().ok()?;
        Some(Self { iterations, salt, hash })
    }

    /// Tells whether it is the hash of `password`; how long it takes says nothing of how much of it is right.
    pub(crate) fn is_of(&self, password: &str) -> bool {
        let made = derive(password.as_bytes(), self.salt.as_bytes(), self.iterations);
        made.ct_eq(&self.hash).into()
    }
}

/// Does the work of a verification for nothing.
pub(crate) fn pretend(password: &str, iterations: u32) -> bool {
    iterations > 0
        && derive(password.as_bytes(), b"nobody", iterations)
            .ct_eq(&[0; LENGTH])
            .into()
}

fn derive(password: &[u8], salt: &[u8], iterations: u32) -> [u8; LENGTH] {
    let mut hash = [0; LENGTH];
    pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut hash);
    hash
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Made by Python's `hashlib.pbkdf2_hmac` in the form of Django.
    const KNOWN: &str = "pbkdf2_sha256$1000$seasalt2$/AgPzJG5e6Yv25JIyxyWfNnB6QXmfp0Y+BEGfC3zoJE=";

    #[test]
    fn a_hash_is_of_its_own_password_only() {
        let hash = ForeignHash::read(KNOWN).unwrap();
        assert!(hash.is_of("correct horse battery"));
        for wrong in ["", "correct horse batterx", "correct horse battery "] {
            assert!(!hash.is_of(wrong), "{wrong:?}");
        }
        assert!(!pretend("correct horse battery", 10));
    }

    #[test]
    fn what_is_no_hash_is_not_read() {
        let good = KNOWN.rsplit('$').next().unwrap();
        for text in [
            String::new(),
            "pbkdf2_sha256$".to_owned(),
            format!("pbkdf2_sha1$1000$salt${good}"),
            format!("pbkdf2_sha256$0$salt${good}"),
            format!("pbkdf2_sha256$99999999$salt${good}"),
            format!("pbkdf2_sha256$-1$salt${good}"),
            "pbkdf2_sha256$1000$salt$c2hvcnQ=".to_owned(),
            "pbkdf2_sha256$1000$salt$not base 64 at all".to_owned(),
        ] {
            assert_eq!(ForeignHash::read(&text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,120}") {
            let _ = ForeignHash::read(&text);
            let _ = ForeignHash::read(&format!("pbkdf2_sha256$1${text}"));
        }
    }
}
