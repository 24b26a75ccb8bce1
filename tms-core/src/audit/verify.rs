//! Walks the chain and names the first thing that is not as it was written. Pure: what is stored comes in as arguments.

use std::fmt;

use super::{
    chain::{ChainHash, Head, Seal, Verdict, link_hash},
    checkpoint::Checkpoint,
    key::{AuditKeys, Trust},
    record::SignedRecord,
};
use crate::{named_enum, time::Timestamp};

named_enum!(
    /// What is wrong.
    FindingKind {
        /// An entry is not as it was written.
        Altered = "altered",
        /// An entry is gone.
        Missing = "missing",
        /// An entry was put there by somebody else.
        Inserted = "inserted",
        /// Two entries have changed places.
        Swapped = "swapped",
        /// The chain itself is not as it was written.
        ChainAltered = "chain_altered",
        /// The end that was expected is not there.
        EndCut = "end_cut",
        /// The end of what retention dropped is not as it was signed.
        CheckpointAltered = "checkpoint_altered",
        /// The end of the chain was signed with a key that is not known, so that nothing vouches for it.
        UnknownKey = "unknown_key",
    }
);

/// The first thing that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// The place in the chain, if it has one.
    pub place: Option<i64>,
    /// The entry, if it is known.
    pub entry: Option<i64>,
    /// The entry with which it has changed places.
    pub other: Option<i64>,
}

impl Finding {
    const fn new(kind: FindingKind, place: Option<i64>, entry: Option<i64>) -> Self {
        Self {
            kind,
            place,
            entry,
            other: None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = |f: &mut fmt::Formatter<'_>| match (self.entry, self.place) {
            (Some(id), Some(place)) => write!(f, "entry {id} (place {place} of the chain)"),
            (Some(id), None) => write!(f, "entry {id} (not in the chain yet)"),
            (None, place) => write!(f, "the entry at place {} of the chain", place.unwrap_or(0)),
        };
        match self.kind {
            FindingKind::Altered => {
                entry(f)?;
                f.write_str(" was altered")
            }
            FindingKind::Missing => {
                entry(f)?;
                f.write_str(" is missing")
            }
            FindingKind::Inserted => {
                entry(f)?;
                f.write_str(" was inserted by somebody without the key")
            }
            FindingKind::Swapped => {
                entry(f)?;
                write!(f, " has changed places with entry {}", self.other.unwrap_or(0))
            }
            FindingKind::ChainAltered => {
                write!(f, "the chain was altered at place {}", self.place.unwrap_or(0))
            }
            FindingKind::EndCut => f.write_str(
                "the expected head is not in the chain: its end was cut off, or that head is older than what is kept",
            ),
            FindingKind::CheckpointAltered => f.write_str("the end of what retention dropped was altered"),
            FindingKind::UnknownKey => f.write_str(
                "the end of the chain was signed with a key that is not known: set SECRET_KEY_PREVIOUS to the key before",
            ),
        }
    }
}

/// A seal and the entry that it seals, if that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The seal.
    pub seal: Seal,
    /// The entry.
    pub entry: Option<SignedRecord>,
}

/// An entry that is not sealed yet; without a row, only its place in the queue is left.
#[derive(Debug, Clone, PartialEq)]
pub struct Unsealed {
    /// The id.
    pub id: i64,
    /// The entry.
    pub entry: Option<SignedRecord>,
}

/// What a walk along the chain has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Entries in the chain that are as they were written.
    pub sealed: u64,
    /// Entries that wait for the sealer and are as they were written.
    pub unsealed: u64,
    /// When the oldest of those was written.
    pub oldest_unsealed: Option<Timestamp>,
    /// Entries older than the chain, at its beginning: the chain vouches for them since they were linked.
    pub adopted: u64,
    /// Links signed with a key that is no longer known; a later one vouches for them.
    pub older_key: u64,
    /// The last place that retention dropped.
    pub dropped_to: i64,
    /// The end of the chain; place 0 while it is empty.
    pub head: Head,
    /// The first thing that is not as it was written; with one, the counts end there.
    pub finding: Option<Finding>,
}

impl Verification {
    /// Tells whether everything is as it was written.
    pub const fn is_intact(&self) -> bool {
        self.finding.is_none()
    }
}

/// Whether the walk goes on.
pub type Step = Result<(), Finding>;

/// A walk along the chain: the checkpoint, each link in order, each unsealed entry in order, the end.
#[derive(Debug)]
pub struct Verifier<'k> {
    keys: &'k AuditKeys,
    expected: Option<ChainHash>,
    /// The last link or checkpoint whose key is known vouches for all before it.
    is_vouched: bool,
    /// A known key was seen: links of an unknown one can only be older.
    knows_key: bool,
    seen: Verification,
}

impl<'k> Verifier<'k> {
    /// Begins at the start of what is kept; `expected` is a hash that must be met on the way.
    pub fn begin(
        keys: &'k AuditKeys,
        checkpoint: Option<&Checkpoint>,
        expected: Option<ChainHash>,
    ) -> Result<Self, Finding> {
        let mut walk = Self {
            keys,
            expected,
            is_vouched: true,
            knows_key: false,
            seen: Verification::default(),
        };
        let Some(checkpoint) = checkpoint else {
            return Ok(walk);
        };
        match checkpoint.judge(keys) {
            Trust::Genuine => walk.knows_key = true,
            Trust::UnknownKey => walk.is_vouched = false,
            Trust::Forged | Trust::Unsigned => {
                let place = Some(checkpoint.head.place);
                return Err(Finding::new(FindingKind::CheckpointAltered, place, None));
            }
        }
        walk.seen.dropped_to = checkpoint.head.place;
        walk.arrive(checkpoint.head);
        Ok(walk)
    }

    /// Returns what was seen so far.
    pub const fn seen(&self) -> &Verification {
        &self.seen
    }

    /// Gives up what was seen.
    pub fn into_seen(self) -> Verification {
        self.seen
    }

    /// Goes one link further.
    pub fn link(&mut self, link: &Link) -> Step {
        let seal = &link.seal;
        let fail = |kind| Err(Finding::new(kind, Some(seal.place), Some(seal.entry)));
        let next = self.seen.head.place + 1;
        if seal.place != next {
            return Err(Finding::new(FindingKind::Missing, Some(next), None));
        }
        let Some(entry) = &link.entry else {
            return fail(FindingKind::Missing);
        };
        let trust = self.keys.judge(entry);
        let expected = link_hash(&self.seen.head.hash, seal.place, seal.verdict, entry);
        if expected != seal.hash {
            // An entry that verifies by itself is innocent.
            return fail(match trust {
                Trust::Genuine => FindingKind::ChainAltered,
                _ => FindingKind::Altered,
            });
        }
        match self.keys.judge_link(&seal.hash, seal.signature) {
            Trust::Genuine => (self.knows_key, self.is_vouched) = (true, true),
            Trust::UnknownKey if !self.knows_key => {
                self.is_vouched = false;
                self.seen.older_key += 1;
            }
            _ => return fail(FindingKind::ChainAltered),
        }
        match (seal.verdict, trust) {
            (Verdict::Forged, _) => return fail(FindingKind::Inserted),
            // Only ever at the beginning, of which retention may have dropped a part.
            (Verdict::Adopted, _) if self.seen.adopted == self.seen.sealed => self.seen.adopted += 1,
            (Verdict::Adopted, _) => return fail(FindingKind::ChainAltered),
            (Verdict::Genuine, Trust::Genuine | Trust::UnknownKey) => {}
            (Verdict::Genuine, Trust::Forged | Trust::Unsigned) => return fail(FindingKind::Altered),
        }
        self.seen.sealed += 1;
        self.arrive(seal.head());
        Ok(())
    }

    /// Looks at an entry that is not sealed yet.
    pub fn unsealed(&mut self, row: &Unsealed) -> Step {
        let fail = |kind| Err(Finding::new(kind, None, Some(row.id)));
        let Some(entry) = &row.entry else {
            return fail(FindingKind::Missing);
        };
        match self.keys.judge(entry) {
            Trust::Genuine => {}
            // Entries older than the chain wait for the sealer's first round.
            Trust::Unsigned if self.seen.head.place == self.seen.adopted.cast_signed() => {}
            Trust::Unsigned | Trust::Forged | Trust::UnknownKey => return fail(FindingKind::Inserted),
        }
        self.seen.unsealed += 1;
        let at = entry.record.at;
        self.seen.oldest_unsealed = Some(self.seen.oldest_unsealed.map_or(at, |oldest| oldest.min(at)));
        Ok(())
    }

    /// Ends the walk.
    pub fn end(&self) -> Step {
        let place = Some(self.seen.head.place);
        if !self.is_vouched {
            return Err(Finding::new(FindingKind::UnknownKey, place, None));
        }
        if self.expected.is_some() {
            return Err(Finding::new(FindingKind::EndCut, place, None));
        }
        Ok(())
    }

    fn arrive(&mut self, head: Head) {
        self.seen.head = head;
        if self.expected == Some(head.hash) {
            self.expected = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{audit::canonical::tests::record, key::SecretKeys};

    fn chain(keys: &AuditKeys, after: Head, entries: std::ops::RangeInclusive<i64>) -> Vec<Link> {
        let mut head = after;
        let link = |id| {
            let entry = keys.sign(record(id));
            let seal = Seal::link(keys, &head, &entry, false);
            head = seal.head();
            Link {
                seal,
                entry: Some(entry),
            }
        };
        entries.map(link).collect()
    }

    fn walk(keys: &AuditKeys, checkpoint: Option<&Checkpoint>, links: &[Link]) -> Result<Verification, Finding> {
        let mut verifier = Verifier::begin(keys, checkpoint, None)?;
        links.iter().try_for_each(|link| verifier.link(link))?;
        verifier.end()?;
        Ok(verifier.into_seen())
    }

    fn kind(outcome: Result<Verification, Finding>) -> (FindingKind, Option<i64>, Option<i64>) {
        let finding = outcome.unwrap_err();
        (finding.kind, finding.place, finding.entry)
    }

    #[test]
    fn each_manipulation_is_found_where_it_is() {
        use FindingKind as K;
        let keys = AuditKeys::new(&SecretKeys::new("key"));
        let good = chain(&keys, Head::default(), 1..=5);
        assert_eq!(walk(&keys, None, &good).unwrap().sealed, 5);
        let with = |change: &dyn Fn(&mut Vec<Link>)| {
            let mut links = good.clone();
            change(&mut links);
            kind(walk(&keys, None, &links))
        };
        let alter = |link: &mut Link| link.entry.as_mut().unwrap().record.actor = "nobody".to_owned();
        assert_eq!(with(&|links| alter(&mut links[2])), (K::Altered, Some(3), Some(3)));
        assert_eq!(with(&|links| links[1].entry = None), (K::Missing, Some(2), Some(2)));
        assert_eq!(with(&|links| drop(links.remove(1))), (K::Missing, Some(2), None));
        assert_eq!(
            with(&|links| links[3].seal.hash.0[0] ^= 1),
            (K::ChainAltered, Some(4), Some(4))
        );
        assert_eq!(
            with(&|links| links[3].seal.signature = None),
            (K::ChainAltered, Some(4), Some(4))
        );
        assert_eq!(
            with(&|links| links[3].seal.verdict = Verdict::Adopted),
            (K::ChainAltered, Some(4), Some(4))
        );
        let swap = |links: &mut Vec<Link>| {
            let (a, b) = (links[0].entry.clone(), links[4].entry.clone());
            (links[0].entry, links[4].entry) = (b, a);
        };
        assert_eq!(with(&|links| swap(links)), (K::ChainAltered, Some(1), Some(1)));
    }

    #[test]
    fn whoever_lacks_the_key_can_neither_seal_nor_sign() {
        use FindingKind as K;
        let (ours, theirs) = (
            AuditKeys::new(&SecretKeys::new("ours")),
            AuditKeys::new(&SecretKeys::new("theirs")),
        );
        let mut links = chain(&ours, Head::default(), 1..=2);
        // A whole end of their own making.
        let head = links[1].seal.head();
        links.extend(chain(&theirs, head, 3..=4));
        assert_eq!(kind(walk(&ours, None, &links)), (K::ChainAltered, Some(3), Some(3)));
        // A whole chain of their own making.
        assert_eq!(
            kind(walk(&ours, None, &chain(&theirs, Head::default(), 1..=2))).0,
            K::UnknownKey
        );
        // A row of theirs that our sealer met.
        let entry = theirs.sign(record(3));
        let seal = Seal::link(&ours, &head, &entry, false);
        let mut links = chain(&ours, Head::default(), 1..=2);
        links.push(Link {
            seal,
            entry: Some(entry),
        });
        assert_eq!(kind(walk(&ours, None, &links)), (K::Inserted, Some(3), Some(3)));
        // A checkpoint of theirs.
        let checkpoint = Checkpoint::new(&theirs, head, Timestamp::from_secs(1));
        assert_eq!(kind(walk(&ours, Some(&checkpoint), &[])).0, K::UnknownKey);
        let mut forged = Checkpoint::new(&ours, head, Timestamp::from_secs(1));
        forged.head.place = 9;
        assert_eq!(kind(walk(&ours, Some(&forged), &[])).0, K::CheckpointAltered);
    }

    #[test]
    fn a_chain_outlives_its_keys() {
        let old = AuditKeys::new(&SecretKeys::new("one"));
        let newest = AuditKeys::new(&SecretKeys::new("three").with_previous("two"));
        let mut links = chain(&old, Head::default(), 1..=3);
        assert_eq!(kind(walk(&newest, None, &links)).0, FindingKind::UnknownKey);
        let head = links[2].seal.head();
        links.extend(chain(&newest, head, 4..=4));
        let seen = walk(&newest, None, &links).unwrap();
        assert_eq!((seen.sealed, seen.older_key), (4, 3));
        // What the old key signed is still bound by the chain.
        links[1].entry.as_mut().unwrap().record.actor = "nobody".to_owned();
        assert_eq!(
            kind(walk(&newest, None, &links)),
            (FindingKind::Altered, Some(2), Some(2))
        );
    }

    #[test]
    fn a_trimmed_chain_goes_on_from_its_checkpoint() {
        let keys = AuditKeys::public();
        let links = chain(&keys, Head::default(), 1..=5);
        let checkpoint = Checkpoint::new(&keys, links[2].seal.head(), Timestamp::from_secs(1));
        let seen = walk(&keys, Some(&checkpoint), &links[3..]).unwrap();
        assert_eq!((seen.sealed, seen.dropped_to, seen.head.place), (2, 3, 5));
        let all = walk(&keys, Some(&checkpoint), &[]).unwrap();
        assert_eq!(all.head, checkpoint.head);
        let gap = walk(&keys, Some(&checkpoint), &links[4..]);
        assert_eq!(kind(gap), (FindingKind::Missing, Some(4), None));
    }

    #[test]
    fn the_expected_head_must_be_met() {
        let keys = AuditKeys::public();
        let links = chain(&keys, Head::default(), 1..=5);
        for (expected, last, is_met) in [(4, 5, true), (4, 4, true), (4, 3, false)] {
            let expected = Some(links[expected - 1].seal.hash);
            let mut verifier = Verifier::begin(&keys, None, expected).unwrap();
            links[..last].iter().try_for_each(|link| verifier.link(link)).unwrap();
            assert_eq!(
                verifier.end().map_err(|finding| finding.kind),
                is_met.then_some(()).ok_or(FindingKind::EndCut)
            );
        }
    }
}
