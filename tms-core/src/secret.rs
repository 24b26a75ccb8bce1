//! Secrets and the opaque tokens of DESIGN section 6. A secret never reaches `Debug`, a log or a store in clear.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::random::{NoRandomness, RandomSource};

/// A value that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the value to the one place that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The SHA-256 of a token: what stores keep and caches look up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, ..] = self.0;
        write!(f, "TokenHash({a:02x}{b:02x}..)")
    }
}

/// What a token opens; each kind has its own prefix, so that one kind never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// An operator's access token, 15 minutes.
    Access,
    /// An operator's refresh token.
    Refresh,
    /// An agent's token, bound to one terminal.
    Agent,
    /// A personal API token.
    Personal,
    /// The one-time token with which a person sets a password.
    PasswordLink,
    /// What a device keeps from which somebody has signed in.
    Device,
    /// A session of the console, kept in a cookie.
    Console,
}

impl TokenKind {
    /// Returns the prefix of this kind.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "tms_at_",
            Self::Refresh => "tms_rt_",
            Self::Agent => "tms_ag_",
            Self::Personal => "tms_pat_",
            Self::PasswordLink => "tms_pw_",
            Self::Device => "tms_dev_",
            Self::Console => "tms_cs_",
        }
    }
}

const BODY_LEN: usize = 43;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// An opaque 256-bit token as its owner holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// A text that cannot be a token of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this kind")]
pub struct InvalidToken;

impl Token {
    /// Makes a new token of `kind`.
    ///
    /// # Errors
    /// [`NoRandomness`] when the source has none.
    pub fn generate(kind: TokenKind, random: &dyn RandomSource) -> Result<Self, NoRandomness> {
        let mut raw = [0_u8; 32];
        random.fill(&mut raw)?;
        Ok(Self::of_bytes(kind, raw))
    }

    /// Spells 256 bits, which nobody can guess, as a token of `kind`.
    pub(crate) fn of_bytes(kind: TokenKind, raw: [u8; 32]) -> Self {
        let mut text = String::with_capacity(kind.prefix().len() + BODY_LEN);
        text.push_str(kind.prefix());
        for chunk in raw.chunks(3) {
            let mut group = [0_u8; 4];
            for (to, from) in group.iter_mut().skip(1).zip(chunk) {
                *to = *from;
            }
            let bits = u32::from_be_bytes(group);
            for step in 0..=chunk.len() {
                let index = (bits >> (18 - 6 * step)) & 63;
                let letter = usize::try_from(index)
                    .ok()
                    .and_then(|i| ALPHABET.get(i))
                    .copied()
                    .unwrap_or(b'A');
                text.push(char::from(letter));
            }
        }
        Self(text)
    }

    /// Reads a token that somebody presents; checks the form only.
    ///
    /// # Errors
    /// [`InvalidToken`] for another prefix, length or alphabet.
    pub fn parse(kind: TokenKind, text: &str) -> Result<Self, InvalidToken> {
        Self::check(kind, text)?;
        Ok(Self(text.to_owned()))
    }

    /// Hashes a presented token without copying it.
    ///
    /// # Errors
    /// [`InvalidToken`] for another prefix, length or alphabet.
    pub fn hash_presented(kind: TokenKind, text: &str) -> Result<TokenHash, InvalidToken> {
        Self::check(kind, text)?;
        Ok(TokenHash(Sha256::digest(text.as_bytes()).into()))
    }

    fn check(kind: TokenKind, text: &str) -> Result<(), InvalidToken> {
        let body = text.strip_prefix(kind.prefix()).ok_or(InvalidToken)?;
        let well_formed = body.len() == BODY_LEN
            && body
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if well_formed { Ok(()) } else { Err(InvalidToken) }
    }

    /// Returns the SHA-256 of the token.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// Returns the token in clear, to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn a_token_reads_back_as_its_own_kind_only() {
        let token = Token::generate(TokenKind::Agent, &SystemRandom).unwrap();
        assert_eq!(Token::parse(TokenKind::Agent, token.expose()).unwrap(), token);
        assert_eq!(
            Token::hash_presented(TokenKind::Agent, token.expose()).unwrap(),
            token.hash()
        );
        assert!(Token::parse(TokenKind::Access, token.expose()).is_err());
        assert!(Token::parse(TokenKind::Agent, &format!("{}x", token.expose())).is_err());
        assert!(!format!("{token:?}{:?}", token.hash()).contains(token.expose()));
    }
}
