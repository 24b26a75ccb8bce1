//! Cursors as clients hold them: opaque, and good only for the list and the caller they were made for (DECISIONS 15).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tms_core::page::Cursor;

const MAC_LEN: usize = 16;
const ID_LEN: usize = 8;
const LONGEST: usize = 2_000;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Signs and checks cursors.
pub(crate) struct CursorKey([u8; 32]);

impl CursorKey {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Prints `cursor` for the list and caller that `binding` names.
    pub(crate) fn print(&self, cursor: &Cursor, binding: &str) -> String {
        let mut payload = cursor.id.to_be_bytes().to_vec();
        payload.extend_from_slice(cursor.value.as_bytes());
        let mut bytes = self.mac(&payload, binding).to_vec();
        bytes.extend_from_slice(&payload);
        encode(&bytes)
    }

    /// Reads a cursor that was printed for `binding`; anything else is `None`.
    pub(crate) fn parse(&self, text: &str, binding: &str) -> Option<Cursor> {
        let bytes = decode(text).filter(|_| text.len() <= LONGEST)?;
        let (mac, payload) = bytes.split_at_checked(MAC_LEN)?;
        if !bool::from(self.mac(payload, binding).ct_eq(mac)) {
            return None;
        }
        let (id, value) = payload.split_at_checked(ID_LEN)?;
        Some(Cursor {
            value: String::from_utf8(value.to_vec()).ok()?,
            id: i64::from_be_bytes(id.try_into().ok()?),
        })
    }

    fn mac(&self, payload: &[u8], binding: &str) -> [u8; MAC_LEN] {
        let mut cut = [0; MAC_LEN];
        // HMAC takes keys of any length, so the other arm is never taken.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) {
            mac.update(&binding.len().to_be_bytes());
            mac.update(binding.as_bytes());
            mac.update(payload);
            for (to, from) in cut.iter_mut().zip(mac.finalize().into_bytes()) {
                *to = from;
            }
        }
        cut
    }
}

/// Prints bytes in base64url without padding.
///
/// Source: RFC 4648, section 5.
fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for step in 0..=chunk.len() {
            let index = usize::try_from((bits >> (18 - 6 * step)) & 63).unwrap_or(0);
            text.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'A')));
        }
    }
    text
}

/// Reads base64url without padding; each text has one reading and each byte string one spelling.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for letter in chunk {
            let index = ALPHABET.iter().position(|known| known == letter)?;
            bits = bits << 6 | u32::try_from(index).ok()?;
        }
        let (whole, rest) = match chunk.len() {
            4 => (3, 0),
            3 => (2, 2),
            2 => (1, 4),
            _ => return None,
        };
        if bits & ((1 << rest) - 1) != 0 {
            return None;
        }
        let [_, high @ ..] = (bits >> rest << (24 - 8 * whole)).to_be_bytes();
        bytes.extend(high.iter().take(whole));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back_for_its_own_list_only(value in "\\PC{0,30}", id in any::<i64>(), binding in "\\PC{0,30}") {
            let key = CursorKey::new([7; 32]);
            let cursor = Cursor { value, id };
            let text = key.print(&cursor, &binding);
            prop_assert_eq!(key.parse(&text, &binding), Some(cursor));
            prop_assert_eq!(key.parse(&text, &format!("{binding}x")), None);
            prop_assert_eq!(CursorKey::new([8; 32]).parse(&text, &binding), None);
        }

        #[test]
        fn any_flipped_bit_is_refused(value in "[a-z]{0,12}", id in any::<i64>(), at in any::<prop::sample::Index>(), bit in 0..8) {
            let key = CursorKey::new([7; 32]);
            let mut bytes = key.print(&Cursor { value, id }, "x").into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            if let Ok(text) = String::from_utf8(bytes) {
                prop_assert_eq!(key.parse(&text, "x"), None);
            }
        }

        #[test]
        fn base64_prints_and_parses(bytes in prop::collection::vec(any::<u8>(), 0..40), text in "[A-Za-z0-9_-]{0,20}") {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
            if let Some(read) = decode(&text) {
                prop_assert_eq!(encode(&read), text);
            }
        }
    }
}
