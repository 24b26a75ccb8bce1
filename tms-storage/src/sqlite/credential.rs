//! Agent tokens and the feed of revocations.

use async_trait::async_trait;
use sqlx::SqliteConnection;
use tms_core::{
    StoreError,
    credential::{AgentIdentity, Credential, CredentialStore, Revocation},
    envelope::Envelope,
    id::{CustomerId, EntityRef, TerminalId},
    secret::TokenHash,
    text::SerialNumber,
    time::{Clock, SystemClock, Timestamp},
};

use super::{SqliteStore, error::OrFault, fields::Fields};

const KIND: &str = "agent token";

#[async_trait]
impl CredentialStore for SqliteStore {
    async fn find(&self, token: TokenHash) -> Result<Option<Credential>, StoreError> {
        let row = sqlx::query(
            "SELECT t.id, t.customer_id, t.serial_number, a.valid_until FROM agent_token a
             JOIN terminal t ON t.id = a.terminal_id WHERE a.hash = ?",
        )
        .bind(token.0.to_vec())
        .fetch_optional(&mut *self.read().await?)
        .await
        .or_fault(KIND, "")?;
        let Some(row) = row else { return Ok(None) };
        let fields = Fields::new(KIND, &row);
        let serial: &str = fields.get("serial_number")?;
        Ok(Some(Credential {
            agent: AgentIdentity {
                terminal: fields.terminal("id")?,
                customer: fields.customer("customer_id")?,
                serial: SerialNumber::parse(serial).map_err(|error| fields.corrupt("serial_number", error))?,
            },
            valid_until: fields.maybe_time("valid_until")?,
        }))
    }

    async fn rotate(
        &self,
        old: TokenHash,
        next: TokenHash,
        old_until: Timestamp,
        with: Envelope,
    ) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        let at = moment(&with);
        let terminal: Option<i64> = sqlx::query_scalar(
            "UPDATE agent_token SET valid_until = ? WHERE hash = ? AND valid_until IS NULL RETURNING terminal_id",
        )
        .bind(old_until.as_micros())
        .bind(old.0.to_vec())
        .fetch_optional(work.conn())
        .await
        .or_fault(KIND, "")?;
        let terminal = terminal.and_then(|id| TerminalId::new(id).ok());
        let terminal = terminal.ok_or_else(|| StoreError::Missing(EntityRef::new(KIND, "")))?;
        revoke(work.conn(), terminal, Some(old), at).await?;
        announce(work.conn(), old, at).await?;
        insert(work.conn(), terminal, next).await?;
        work.seal(&with, Some(terminal.get())).await
    }

    async fn revoke_all(&self, terminal: TerminalId, with: Envelope) -> Result<u64, StoreError> {
        let mut work = self.act(&with).await?;
        let revoked = revoke(work.conn(), terminal, None, moment(&with)).await?;
        let customer: Option<i64> = sqlx::query_scalar("SELECT customer_id FROM terminal WHERE id = ?")
            .bind(terminal.get())
            .fetch_optional(work.conn())
            .await
            .or_fault(KIND, terminal)?;
        let with = with.of_customer(customer.and_then(|id| CustomerId::new(id).ok()));
        work.seal(&with, Some(terminal.get())).await?;
        Ok(revoked)
    }

    async fn revocations_after(&self, position: i64, limit: u32) -> Result<Vec<Revocation>, StoreError> {
        let rows = sqlx::query(
            "SELECT position, hash FROM agent_token_revocation WHERE position > ? ORDER BY position LIMIT ?",
        )
        .bind(position)
        .bind(i64::from(limit))
        .fetch_all(&mut *self.read().await?)
        .await
        .or_fault("revocation", "")?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("revocation", row);
                Ok(Revocation {
                    position: fields.get("position")?,
                    token: fields.hash("hash")?,
                })
            })
            .collect()
    }

    async fn revocation_head(&self) -> Result<i64, StoreError> {
        // What was assigned last, even if it was dropped since: a head never goes back.
        sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'agent_token_revocation'")
            .fetch_one(&mut *self.read().await?)
            .await
            .or_fault("revocation", "")
    }

    async fn drop_before(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut work = self.begin(None).await?;
        let mut dropped = 0;
        for statement in [
            "DELETE FROM agent_token_revocation WHERE at < ?",
            "DELETE FROM agent_token WHERE valid_until < ?",
        ] {
            dropped += sqlx::query(statement)
                .bind(before.as_micros())
                .execute(work.conn())
                .await
                .or_fault(KIND, "")?
                .rows_affected();
        }
        work.commit().await?;
        Ok(dropped)
    }
}

/// Stores a token.
pub(super) async fn insert(
    conn: &mut SqliteConnection,
    terminal: TerminalId,
    token: TokenHash,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO agent_token (hash, terminal_id) VALUES (?, ?)")
        .bind(token.0.to_vec())
        .bind(terminal.get())
        .execute(conn)
        .await
        .or_fault(KIND, "")
        .map(drop)
}

/// Revokes the tokens of a terminal but `kept`, with their places in the feed; returns how many.
pub(super) async fn revoke(
    conn: &mut SqliteConnection,
    terminal: TerminalId,
    kept: Option<TokenHash>,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let kept = kept.map_or_else(Vec::new, |hash| hash.0.to_vec());
    sqlx::query(
        "INSERT INTO agent_token_revocation (hash, at)
         SELECT hash, ? FROM agent_token WHERE terminal_id = ? AND hash <> ?",
    )
    .bind(at.as_micros())
    .bind(terminal.get())
    .bind(kept.clone())
    .execute(&mut *conn)
    .await
    .or_fault("revocation", terminal)?;
    let revoked = sqlx::query("DELETE FROM agent_token WHERE terminal_id = ? AND hash <> ?")
        .bind(terminal.get())
        .bind(kept)
        .execute(conn)
        .await
        .or_fault(KIND, terminal)?;
    Ok(revoked.rows_affected())
}

async fn announce(conn: &mut SqliteConnection, token: TokenHash, at: Timestamp) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO agent_token_revocation (hash, at) VALUES (?, ?)")
        .bind(token.0.to_vec())
        .bind(at.as_micros())
        .execute(conn)
        .await
        .or_fault("revocation", "")
        .map(drop)
}

/// Returns when an act happens. The port passes no time, so it is that of the audit entry, which every act has.
fn moment(with: &Envelope) -> Timestamp {
    with.audit.first().map_or_else(|| SystemClock.now(), |entry| entry.at)
}
