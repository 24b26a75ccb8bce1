//! The second factor of a person, as stored, and what a code that they show is.

use super::{recovery, seal::SealedSeed, totp::Seed, totp::Step};
use crate::{id::UserId, secret::TokenHash, time::Timestamp};

/// The second factor of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// Whose.
    pub user: UserId,
    /// What the app knows too.
    pub seed: SealedSeed,
    /// When the person showed that the app works; until then it is not asked for.
    pub confirmed_at: Option<Timestamp>,
    /// The last step whose code was used; it and those before are used up.
    pub last_step: Step,
    /// How many recovery codes are left.
    pub recovery_left: u32,
}

/// What a code as typed may be; whether it was used before is for the store to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The code of this step.
    Step(Step),
    /// A recovery code, if there is one of this hash.
    Recovery(TokenHash),
    /// Neither.
    Nothing,
}

/// Tells what a code as typed may be. Blanks around and inside it do not matter.
pub fn read_code(typed: &str, seed: &Seed, now: Timestamp) -> Shown {
    let bare: String = typed.chars().filter(|c| !c.is_whitespace()).take(64).collect();
    match seed.step_of(&bare, now) {
        Some(step) => Shown::Step(step),
        None => recovery::hash_typed(&bare).map_or(Shown::Nothing, Shown::Recovery),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_of_the_app_or_for_recovery() {
        let (seed, now) = (Seed([1; 20]), Timestamp::from_secs(1_000_000));
        let code = seed.code_at(now);
        let spaced = format!(" {} {} ", &code[..3], &code[3..]);
        assert_eq!(read_code(&spaced, &seed, now), Shown::Step(1_000_000 / 30));
        assert!(matches!(
            read_code("K7QM-2V8P-9XAB-4C6D", &seed, now),
            Shown::Recovery(_)
        ));
        assert_eq!(read_code("", &seed, now), Shown::Nothing);
    }
}
