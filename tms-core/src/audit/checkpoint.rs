//! What stays of a part of the chain that retention has dropped: its end, signed.

use super::{
    chain::Head,
    key::{AuditKeys, Signature, Trust},
};
use crate::time::Timestamp;

const VERSION: &[u8] = b"tms audit checkpoint 1";

/// The signed end of what was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last place that was dropped.
    pub head: Head,
    /// When that was decided.
    pub at: Timestamp,
    /// Over both.
    pub signature: Option<Signature>,
}

impl Checkpoint {
    /// Signs the end of what is about to be dropped.
    pub fn new(keys: &AuditKeys, head: Head, at: Timestamp) -> Self {
        Self {
            head,
            at,
            signature: keys.sign_checkpoint(&bytes(&head, at)),
        }
    }

    /// Says whether it is as it was signed.
    pub fn judge(&self, keys: &AuditKeys) -> Trust {
        keys.judge_checkpoint(&bytes(&self.head, self.at), self.signature)
    }
}

fn bytes(head: &Head, at: Timestamp) -> Vec<u8> {
    [
        VERSION,
        &head.place.to_be_bytes(),
        &head.hash.0,
        &at.as_micros().to_be_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::chain::ChainHash;

    #[test]
    fn every_part_is_signed() {
        let keys = AuditKeys::public();
        let head = Head {
            place: 5,
            hash: ChainHash([7; 32]),
        };
        let good = Checkpoint::new(&keys, head, Timestamp::from_secs(9));
        assert_eq!(good.judge(&keys), Trust::Genuine);
        let mut other = good.clone();
        other.head.place = 6;
        assert_eq!(other.judge(&keys), Trust::Forged);
        let mut other = good.clone();
        other.head.hash = ChainHash([8; 32]);
        assert_eq!(other.judge(&keys), Trust::Forged);
        let mut other = good;
        other.at = Timestamp::from_secs(10);
        assert_eq!(other.judge(&keys), Trust::Forged);
    }
}
