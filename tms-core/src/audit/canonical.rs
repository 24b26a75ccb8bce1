//! The bytes of an entry that are signed and hashed: the same for every store, now and in ten years.
//!
//! Version 1 is the text `tms audit entry 1` followed by these fields in this order: id, at (microseconds since 1970,
//! UTC), actor, role, action, target type, target id, customer id, changes, address, user agent, request id, result.
//! Each field is one byte, 0 for none (nothing follows) or 1, then its length as four bytes, most significant first,
//! and its bytes. Numbers are eight bytes, two's complement, most significant first; texts are UTF-8; the changes are
//! the text of [`super::json::spell`]. A field added later makes a version 2; version 1 stays as it is.

use super::{json::spell, record::AuditRecord};

const VERSION: &[u8] = b"tms audit entry 1";

/// Returns the canonical bytes of an entry.
pub fn canonical(record: &AuditRecord) -> Vec<u8> {
    canonical_at(record, record.id)
}

/// Returns the canonical bytes that an entry would have under another id.
pub(super) fn canonical_at(record: &AuditRecord, id: i64) -> Vec<u8> {
    let mut changes = String::new();
    spell(&record.changes, &mut changes);
    let mut bytes = Bytes(VERSION.to_vec());
    bytes.number(Some(id));
    bytes.number(Some(record.at.as_micros()));
    bytes.text(Some(&record.actor));
    bytes.text(record.role.as_deref());
    bytes.text(Some(&record.action));
    bytes.text(Some(&record.target_type));
    bytes.number(record.target_id);
    bytes.number(record.customer_id);
    bytes.text(Some(&changes));
    bytes.text(record.ip_address.as_deref());
    bytes.text(Some(&record.user_agent));
    bytes.text(Some(&record.request_id));
    bytes.text(Some(&record.result));
    bytes.0
}

struct Bytes(Vec<u8>);

impl Bytes {
    fn field(&mut self, field: Option<&[u8]>) {
        let Some(field) = field else {
            self.0.push(0);
            return;
        };
        self.0.push(1);
        // No store keeps a field of four GiB.
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(field);
    }

    fn number(&mut self, number: Option<i64>) {
        self.field(number.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    }

    fn text(&mut self, text: Option<&str>) {
        self.field(text.map(str::as_bytes));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::time::Timestamp;

    pub(in crate::audit) fn record(id: i64) -> AuditRecord {
        AuditRecord {
            id,
            at: Timestamp::from_micros(1_769_248_800_000_001),
            actor: "yamada".to_owned(),
            role: Some("admin".to_owned()),
            action: "terminal.update".to_owned(),
            target_type: "terminal".to_owned(),
            target_id: Some(7),
            customer_id: None,
            changes: json!({ "store_code": { "before": null, "after": "1" } }),
            ip_address: Some("192.0.2.7".to_owned()),
            user_agent: "curl".to_owned(),
            request_id: "r1".to_owned(),
            result: "done".to_owned(),
        }
    }

    fn any_record() -> impl Strategy<Value = AuditRecord> {
        let text = || prop::sample::select(vec!["", "a", "b", "ab", "a\u{1}b"]).prop_map(str::to_owned);
        let maybe_text = || prop::option::of(text());
        let maybe_id = || prop::option::of(0_i64..3);
        let when = prop::sample::select(vec![0_i64, 1, 1_769_248_800_000_001]);
        let ids = (0_i64..3, when, maybe_id(), maybe_id());
        let texts = (
            text(),
            maybe_text(),
            text(),
            text(),
            maybe_text(),
            text(),
            text(),
            text(),
        );
        (ids, texts, text()).prop_map(|((id, at, target_id, customer_id), texts, change)| {
            let (actor, role, action, target_type, ip_address, user_agent, request_id, result) = texts;
            AuditRecord {
                id,
                at: Timestamp::from_micros(at),
                actor,
                role,
                action,
                target_type,
                target_id,
                customer_id,
                changes: json!({ "x": change }),
                ip_address,
                user_agent,
                request_id,
                result,
            }
        })
    }

    #[test]
    fn version_1_stays_as_it_is() {
        let mut expected = b"tms audit entry 1".to_vec();
        let mut field = |bytes: &[u8]| {
            expected.push(1);
            expected.extend_from_slice(&[0, 0, 0, u8::try_from(bytes.len()).unwrap()]);
            expected.extend_from_slice(bytes);
        };
        field(&[0, 0, 0, 0, 0, 0, 0, 3]);
        field(&1_769_248_800_000_001_i64.to_be_bytes());
        for text in ["yamada", "admin", "terminal.update", "terminal"] {
            field(text.as_bytes());
        }
        field(&[0, 0, 0, 0, 0, 0, 0, 7]);
        expected.push(0);
        let mut field = |bytes: &[u8]| {
            expected.push(1);
            expected.extend_from_slice(&[0, 0, 0, u8::try_from(bytes.len()).unwrap()]);
            expected.extend_from_slice(bytes);
        };
        field(br#"{"store_code":{"after":"1","before":null}}"#);
        for text in ["192.0.2.7", "curl", "r1", "done"] {
            field(text.as_bytes());
        }
        assert_eq!(canonical(&record(3)), expected);
    }

    proptest! {
        #[test]
        fn different_entries_have_different_bytes(a in any_record(), b in any_record()) {
            prop_assert_eq!(canonical(&a) == canonical(&b), a == b);
        }
    }
}
