//! Reads rows of the audit trail as they are: a row that was tampered with must still be read, so that it can be named.

use sqlx::types::Json;
use tms_core::{
    audit::{AuditRecord, ChainHash, Checkpoint, Head, Seal, SignedRecord, chain::Verdict, key::Signature},
    time::Timestamp,
};

use super::{cells::Cells, error::Fault, time::At};

/// The columns of an entry `e`, in the order in which [`read_entry`] takes them.
pub(super) const COLUMNS: &str = "e.id, e.at, e.actor, e.role, e.action, e.target_kind, e.target_id, e.customer_id, \
     e.changes, e.address, e.user_agent, e.request_id, e.result, e.signature";
/// How many these are.
const WIDTH: usize = 14;

/// Reads an entry.
pub(super) fn read_entry(cells: &mut Cells<'_>) -> Result<SignedRecord, Fault> {
    let record = AuditRecord {
        id: cells.get()?,
        at: cells.time()?,
        actor: cells.get()?,
        role: cells.get()?,
        action: cells.get()?,
        target_type: cells.get()?,
        target_id: cells.get()?,
        customer_id: cells.get()?,
        changes: cells.get::<Json<serde_json::Value>>()?.0,
        ip_address: cells.get()?,
        user_agent: cells.get()?,
        request_id: cells.get()?,
        result: cells.get()?,
    };
    let signature: Option<&[u8]> = cells.get()?;
    Ok(SignedRecord {
        record,
        signature: signature.and_then(Signature::read),
    })
}

/// Reads whether there is an entry, and the entry.
pub(super) fn maybe_entry(cells: &mut Cells<'_>) -> Result<Option<SignedRecord>, Fault> {
    if cells.get()? {
        read_entry(cells).map(Some)
    } else {
        cells.skip(WIDTH);
        Ok(None)
    }
}

/// Reads a link of the chain.
pub(super) fn read_seal(cells: &mut Cells<'_>) -> Result<Seal, Fault> {
    Ok(Seal {
        place: cells.get()?,
        entry: cells.get()?,
        // No seal of ours says anything else; whatever stands there, the hash does not agree with it.
        verdict: cells.get::<&str>()?.parse().unwrap_or(Verdict::Forged),
        hash: ChainHash::read(cells.get()?),
        signature: Signature::read(cells.get()?),
    })
}

/// Reads place and hash.
pub(super) fn head(cells: &mut Cells<'_>) -> Result<Option<Head>, Fault> {
    let (place, hash): (Option<i64>, Option<&[u8]>) = (cells.get()?, cells.get()?);
    Ok(place.zip(hash).map(|(place, hash)| Head {
        place,
        hash: ChainHash::read(hash),
    }))
}

/// Reads place, hash, time and signature.
pub(super) fn read_checkpoint(cells: &mut Cells<'_>) -> Result<Option<Checkpoint>, Fault> {
    let head = head(cells)?;
    let (at, signature): (Option<At>, Option<&[u8]>) = (cells.get()?, cells.get()?);
    Ok(head.map(|head| Checkpoint {
        head,
        at: at.map_or(Timestamp::EPOCH, At::time),
        signature: signature.and_then(Signature::read),
    }))
}
