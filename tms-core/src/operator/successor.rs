//! The pair that follows a refresh token. It is derived from the token and a key of the installation, so that a token which
//! is shown several times at once, by two tabs or after an answer that got lost, has one successor: one family goes on, and
//! nobody's tokens end those of another.

use std::sync::{Arc, OnceLock};

use crate::{
    error::Error,
    key::{DerivedKey, SecretKeys, mac},
    random::RandomSource,
    secret::{Secret, Token, TokenKind},
};

const PURPOSE: &str = "tms-core refresh successor 1";

/// Derives pairs.
#[derive(Debug)]
pub(crate) struct Successors {
    /// Of the installation; of this process when the program has no secret key.
    key: OnceLock<DerivedKey>,
    random: Arc<dyn RandomSource>,
}

impl Successors {
    pub(crate) fn new(keys: Option<&SecretKeys>, random: Arc<dyn RandomSource>) -> Self {
        let key = OnceLock::new();
        if let Some(keys) = keys {
            let _ = key.set(keys.derive(PURPOSE));
        }
        Self { key, random }
    }

    /// Returns the access and the refresh token that follow this refresh token.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the program has no secret key and the system no randomness.
    pub(crate) fn of(&self, refresh: &str) -> Result<(Token, Token), Error> {
        let key = self.key()?;
        let next = |kind: TokenKind| Token::of_bytes(kind, mac(key, &format!("{} {refresh}", kind.prefix())));
        Ok((next(TokenKind::Access), next(TokenKind::Refresh)))
    }

    fn key(&self) -> Result<&DerivedKey, Error> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let mut own = [0; 32];
        self.random.fill(&mut own)?;
        Ok(self.key.get_or_init(|| Secret::new(own)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::SeededRandom;

    #[test]
    fn a_token_has_one_successor_in_an_installation_and_another_elsewhere() {
        let with = |keys: Option<&SecretKeys>| Successors::new(keys, Arc::new(SeededRandom::new(7)));
        let (here, there) = (SecretKeys::new("here"), SecretKeys::new("there"));
        let (node, other_node) = (with(Some(&here)), with(Some(&here)));
        assert_eq!(node.of("tms_rt_a").unwrap(), other_node.of("tms_rt_a").unwrap());
        for (other, token) in [
            (with(Some(&there)), "tms_rt_a"),
            (with(Some(&here)), "tms_rt_b"),
            (with(None), "tms_rt_a"),
        ] {
            assert_ne!(node.of("tms_rt_a").unwrap(), other.of(token).unwrap());
        }
        let keyless = with(None);
        assert_eq!(keyless.of("tms_rt_a").unwrap(), keyless.of("tms_rt_a").unwrap());
        let (access, refresh) = node.of("tms_rt_a").unwrap();
        assert!(Token::parse(TokenKind::Access, access.expose()).is_ok());
        assert!(Token::parse(TokenKind::Refresh, refresh.expose()).is_ok());
        assert_ne!(access.expose()[7..], refresh.expose()[7..]);
    }
}
