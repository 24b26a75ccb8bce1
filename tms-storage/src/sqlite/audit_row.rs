//! Reads rows of the audit trail as they are: a row that was tampered with must still be read, so that it can be named.

use serde_json::Value;
use tms_core::{
    StoreError,
    audit::{AuditRecord, ChainHash, Checkpoint, Head, Seal, SignedRecord, chain::Verdict, key::Signature},
};

use super::fields::Fields;

/// Reads an entry by the names of its columns.
pub(super) fn read_entry(fields: Fields<'_>) -> Result<SignedRecord, StoreError> {
    let changes: &str = fields.get("changes")?;
    let record = AuditRecord {
        id: fields.get("id")?,
        at: fields.time("at")?,
        actor: fields.get("actor")?,
        role: fields.get("role")?,
        action: fields.get("action")?,
        target_type: fields.get("target_type")?,
        target_id: fields.get("target_id")?,
        customer_id: fields.get("customer_id")?,
        // What is no JSON was not written by us, and is shown as the text that it is.
        changes: serde_json::from_str(changes).unwrap_or_else(|_| Value::String(changes.to_owned())),
        ip_address: fields.get("ip_address")?,
        user_agent: fields.get("user_agent")?,
        request_id: fields.get("request_id")?,
        result: fields.get("result")?,
    };
    let signature: Option<&[u8]> = fields.get("signature")?;
    Ok(SignedRecord {
        record,
        signature: signature.and_then(Signature::read),
    })
}

/// Reads a link of the chain.
pub(super) fn read_seal(fields: Fields<'_>) -> Result<Seal, StoreError> {
    let verdict: &str = fields.get("verdict")?;
    Ok(Seal {
        place: fields.get("place")?,
        entry: fields.get("entry_id")?,
        // No seal of ours says anything else; whatever stands there, the hash does not agree with it.
        verdict: verdict.parse().unwrap_or(Verdict::Forged),
        hash: ChainHash::read(fields.get("hash")?),
        signature: Signature::read(fields.get("seal_signature")?),
    })
}

/// Reads place and hash from these columns.
pub(super) fn read_head(fields: Fields<'_>, place: &str, hash: &str) -> Result<Option<Head>, StoreError> {
    let (place, hash): (Option<i64>, Option<&[u8]>) = (fields.get(place)?, fields.get(hash)?);
    Ok(place.zip(hash).map(|(place, hash)| Head {
        place,
        hash: ChainHash::read(hash),
    }))
}

/// Reads the newest checkpoint.
pub(super) fn read_checkpoint(fields: Fields<'_>) -> Result<Option<Checkpoint>, StoreError> {
    let Some(head) = read_head(fields, "dropped_to", "dropped_hash")? else {
        return Ok(None);
    };
    Ok(Some(Checkpoint {
        head,
        at: fields.time("at")?,
        signature: Signature::read(fields.get("signature")?),
    }))
}
