//! Limits that several nodes share (DECISIONS 25). A node decides at once by what it knows, and once a second tells the
//! store what it let pass and learns what the others did: one statement a second, however many calls there are. A client
//! that calls many nodes can be ahead of its limit by what they let pass within that second.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Allowance, Limiter, key_of,
    store::{LimitKind, LimitStore, LimitUse},
};
use crate::{error::StoreError, random::RandomSource, time::Timestamp};

/// How often nodes tell each other.
pub const SHARE_EVERY: Duration = Duration::from_secs(1);
/// The most clients of a limit that are told of at a time; more are counted by each node alone.
const MOST: usize = 10_000;

/// One limit for many clients, counted together with other nodes.
#[derive(Debug)]
pub struct SharedLimiter {
    kind: LimitKind,
    limiter: Limiter,
    every_ms: u64,
    /// How often each client was let pass since the others were told.
    untold: Mutex<HashMap<u64, u64>>,
}

impl SharedLimiter {
    fn new(kind: LimitKind, seed: u64, burst: u64, every_ms: u64) -> Self {
        Self {
            kind,
            limiter: Limiter::new(seed, burst, every_ms),
            every_ms,
            untold: Mutex::default(),
        }
    }

    /// Counts one act of the client at `address`; IPv6 clients count by their /64.
    pub fn take_from(&self, address: Option<IpAddr>, now: Timestamp) -> Allowance {
        self.take(key_of(address), now)
    }

    /// Counts one act of the client `key`.
    pub fn take(&self, key: u64, now: Timestamp) -> Allowance {
        let allowance = self.limiter.take(key, now);
        if allowance.retry_after.is_none() {
            self.note(key, 1);
        }
        allowance
    }

    fn untold(&self) -> MutexGuard<'_, HashMap<u64, u64>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, key: u64, times: u64) {
        let mut untold = self.untold();
        if untold.len() < MOST || untold.contains_key(&key) {
            *untold.entry(key).or_default() += times;
        }
    }
}

/// All limits that nodes share.
#[derive(Debug)]
pub struct SharedLimits {
    /// Sign-ins from one source.
    pub sign_ins: SharedLimiter,
    /// Enrolments from one source.
    pub enrolments: SharedLimiter,
    /// Calls of one person.
    pub operators: SharedLimiter,
    /// Calls from one source that nobody has signed in for.
    pub anonymous: SharedLimiter,
}

impl SharedLimits {
    /// Makes the limits of one node, whose clients nobody outside can place in their table.
    pub fn seeded(random: &dyn RandomSource) -> Self {
        let mut seed = [0_u8; 8];
        // Without randomness clients are only spread less well.
        let _ = random.fill(&mut seed);
        Self::new(u64::from_le_bytes(seed))
    }

    /// Makes the limits of one node; `seed` spreads clients over their table.
    pub fn new(seed: u64) -> Self {
        let limiter = SharedLimiter::new;
        Self {
            sign_ins: limiter(LimitKind::SignIn, seed, 30, 2_000),
            // A workshop enrols hundreds of terminals behind one address.
            enrolments: limiter(LimitKind::Enrolment, seed.rotate_left(1), 60, 1_000),
            // A console that watches, and a person who clicks fast.
            operators: limiter(LimitKind::Operator, seed.rotate_left(2), 600, 100),
            anonymous: limiter(LimitKind::Anonymous, seed.rotate_left(3), 60, 1_000),
        }
    }

    /// Tells the other nodes what this one let pass, and learns what they did. When the store is away nothing is lost:
    /// it is told next time.
    ///
    /// # Errors
    /// What the store answered.
    pub async fn share(&self, store: &dyn LimitStore, now: Timestamp) -> Result<(), StoreError> {
        let limiters = [&self.sign_ins, &self.enrolments, &self.operators, &self.anonymous];
        let mut told = Vec::new();
        for limiter in limiters {
            let untold = std::mem::take(&mut *limiter.untold());
            told.extend(untold.into_iter().map(|(key, times)| (limiter, key, times)));
        }
        if told.is_empty() {
            return Ok(());
        }
        let uses: Vec<_> = told
            .iter()
            .map(|(limiter, key, times)| limiter.use_of(*key, *times))
            .collect();
        let full = match store.charge(&uses, now).await {
            Ok(full) => full,
            Err(error) => {
                for (limiter, key, times) in told {
                    limiter.note(key, times);
                }
                return Err(error);
            }
        };
        for ((limiter, key, _), full_at) in told.into_iter().zip(full) {
            limiter.learn(key, full_at);
        }
        Ok(())
    }
}

impl SharedLimiter {
    fn use_of(&self, key: u64, times: u64) -> LimitUse {
        LimitUse {
            kind: self.kind,
            key: key.cast_signed(),
            used_micros: i64::try_from(times * self.every_ms * 1_000).unwrap_or(i64::MAX),
        }
    }

    /// Takes over when a bucket is full again by the count of all nodes; what was let pass meanwhile comes on top.
    fn learn(&self, key: u64, full_at: Timestamp) {
        let meanwhile = self.untold().get(&key).copied().unwrap_or(0);
        self.limiter
            .catch_up(key, super::millis(full_at) + meanwhile * self.every_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::store::MockLimitStore, *};

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    #[tokio::test]
    async fn a_node_learns_what_the_others_let_pass() {
        let mut store = MockLimitStore::new();
        // The others have let 20 sign-ins pass.
        store.expect_charge().times(1).returning(|uses, now| {
            assert_eq!((uses.len(), uses[0].key, uses[0].used_micros), (1, 7, 10_000_000));
            Ok(vec![now.plus(Duration::from_secs(10 + 40))])
        });
        let limits = SharedLimits::new(1);
        for _ in 0..5 {
            assert!(limits.sign_ins.take(7, NOW).retry_after.is_none());
        }
        limits.share(&store, NOW).await.unwrap();
        assert_eq!(limits.sign_ins.take(7, NOW).remaining, 4);
        assert_eq!(limits.sign_ins.take(8, NOW).remaining, 29, "another client");
        assert_eq!(limits.operators.take(7, NOW).remaining, 599, "another limit");
    }

    #[tokio::test]
    async fn what_could_not_be_told_is_told_later() {
        let mut store = MockLimitStore::new();
        store
            .expect_charge()
            .times(1)
            .returning(|_, _| Err(StoreError::Unavailable("away".into())));
        let limits = SharedLimits::new(1);
        limits.sign_ins.take(7, NOW);
        assert!(limits.share(&store, NOW).await.is_err());
        limits.sign_ins.take(7, NOW);
        store.checkpoint();
        store.expect_charge().times(1).returning(|uses, now| {
            assert_eq!(uses[0].used_micros, 4_000_000);
            Ok(vec![now.plus(Duration::from_secs(4))])
        });
        limits.share(&store, NOW).await.unwrap();
        limits.share(&store, NOW).await.unwrap();
        assert_eq!(limits.sign_ins.take(7, NOW).remaining, 27);
    }
}
