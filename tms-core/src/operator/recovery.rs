//! Recovery codes: for who has lost the device of the second factor. Each is good once.

use crate::{
    enrolment::code::CodeText,
    random::{NoRandomness, RandomSource},
    secret::TokenHash,
};

/// How many a person gets at a time.
pub const COUNT: usize = 10;

/// Makes a new set. 80 random bits each, in a form that a person can type.
///
/// # Errors
/// [`NoRandomness`] when the source has none.
pub fn generate(random: &dyn RandomSource) -> Result<Vec<CodeText>, NoRandomness> {
    (0..COUNT).map(|_| CodeText::generate(random)).collect()
}

/// Returns the hash under which a code as typed would be stored; `None` when it can't be one.
pub fn hash_typed(text: &str) -> Option<TokenHash> {
    CodeText::parse(text).ok().map(|code| code.hash())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn a_code_is_known_again_as_a_person_types_it() {
        let codes = generate(&SystemRandom).unwrap();
        assert_eq!(codes.len(), COUNT);
        let shown = codes[0].expose();
        for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', " ")] {
            assert_eq!(hash_typed(&typed), Some(codes[0].hash()));
        }
        assert_eq!(hash_typed("123456"), None, "a code of an app is none");
    }
}
