//! The text of an enrolment code: `K7QM-2V8P-9XAB-4C6D`, 80 random bits that a person can read out.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::{
    random::{NoRandomness, RandomSource},
    secret::TokenHash,
    text::InvalidText,
};

/// Crockford's base 32: no I, L, O, U.
///
/// Source: Douglas Crockford, "Base 32".
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 16;

/// An enrolment code as a person holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeText(String);

impl CodeText {
    /// Makes a new code.
    ///
    /// # Errors
    /// [`NoRandomness`] when the source has none.
    pub fn generate(random: &dyn RandomSource) -> Result<Self, NoRandomness> {
        let mut raw = [0_u8; LENGTH];
        random.fill(&mut raw)?;
        let letter = |byte: &u8| ALPHABET.get(usize::from(byte & 31)).copied().map_or('0', char::from);
        Ok(Self(raw.iter().map(letter).collect()))
    }

    /// Reads a code as typed: case, blanks and dashes do not matter; `O` reads as 0, `I` and `L` as 1.
    ///
    /// # Errors
    /// [`InvalidText`] unless 16 letters of the alphabet remain.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        let wrong = || InvalidText("must be an enrolment code such as K7QM-2V8P-9XAB-4C6D".to_owned());
        if text.len() > 64 {
            return Err(wrong());
        }
        let mut letters = String::with_capacity(LENGTH);
        for c in text.chars().filter(|c| !matches!(c, ' ' | '-')) {
            let c = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                c => c,
            };
            let is_letter = u8::try_from(c).is_ok_and(|b| ALPHABET.contains(&b));
            if !is_letter {
                return Err(wrong());
            }
            letters.push(c);
        }
        if letters.len() == LENGTH {
            Ok(Self(letters))
        } else {
            Err(wrong())
        }
    }

    /// Returns the SHA-256 under which the code is stored; 80 random bits need no salt.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// Returns the code in groups of four, to be shown once.
    pub fn expose(&self) -> String {
        let mut text = String::with_capacity(LENGTH + 3);
        for (index, c) in self.0.chars().enumerate() {
            if index > 0 && index % 4 == 0 {
                text.push('-');
            }
            text.push(c);
        }
        text
    }
}

impl fmt::Debug for CodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeText(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn a_code_reads_back_however_it_is_typed() {
        let code = CodeText::generate(&SystemRandom).unwrap();
        let shown = code.expose();
        assert_eq!(shown.len(), 19);
        assert_eq!(CodeText::parse(&shown).unwrap(), code);
        assert_eq!(CodeText::parse(&shown.to_lowercase().replace('-', " ")).unwrap(), code);
        assert_eq!(
            CodeText::parse("OIL0-0000-0000-0000").unwrap().expose(),
            "0110-0000-0000-0000"
        );
    }

    proptest! {
        #[test]
        fn what_parses_prints_and_parses(text in "\\PC{0,40}|[0-9A-Za-z -]{16,22}") {
            if let Ok(code) = CodeText::parse(&text) {
                prop_assert_eq!(CodeText::parse(&code.expose()).unwrap(), code);
            }
        }
    }
}
