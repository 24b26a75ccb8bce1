//! Bytes that look random and are the same in each run.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::random::{NoRandomness, RandomSource, mix};

/// A source whose bytes follow from its seed.
#[derive(Debug, Default)]
pub struct SeededRandom(AtomicU64);

impl SeededRandom {
    /// Makes a source; two with the same seed give the same bytes.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl RandomSource for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        for chunk in bytes.chunks_mut(8) {
            // The increment of SplitMix64, so that seeds close together do not share their sequences.
            let step = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
            chunk.copy_from_slice(&mix(step).to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_no_two_draws_are_alike() {
        let (a, b) = (SeededRandom::new(7), SeededRandom::new(7));
        let mut draws = [[0_u8; 16]; 3];
        a.fill(&mut draws[0]).unwrap();
        a.fill(&mut draws[1]).unwrap();
        b.fill(&mut draws[2]).unwrap();
        assert_eq!(draws[0], draws[2]);
        assert_ne!(draws[0], draws[1]);
    }
}
