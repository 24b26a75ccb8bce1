//! Agent tokens and the feed of those about which caches must forget.

use async_trait::async_trait;
use sqlx::PgConnection;
use tms_core::{
    StoreError,
    credential::{AgentIdentity, Credential, CredentialStore, Revocation},
    envelope::Envelope,
    id::{CustomerId, TerminalId},
    secret::TokenHash,
    text::SerialNumber,
    time::Timestamp,
};

use super::{cells::Cells, error::Fault, pool::PgStore, time::At};

#[async_trait]
impl CredentialStore for PgStore {
    async fn find(&self, token: TokenHash) -> Result<Option<Credential>, StoreError> {
        self.bounded(async {
            // Nobody closes it.
            let _turn = self.look_ups.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
            let row = sqlx::query(
                "SELECT t.id, t.customer_id, t.serial_number, k.valid_until \
                 FROM agent_token k JOIN terminal t ON t.id = k.terminal_id WHERE k.hash = $1",
            )
            .bind(token.0)
            .fetch_optional(self.duty())
            .await?;
            let Some(row) = row else { return Ok(None) };
            let mut cells = Cells::of("agent token", &row);
            Ok(Some(Credential {
                agent: AgentIdentity {
                    terminal: cells.id(TerminalId::new)?,
                    customer: cells.id(CustomerId::new)?,
                    serial: cells.checked(SerialNumber::parse)?,
                },
                valid_until: cells.maybe_time()?,
            }))
        })
        .await
    }

    async fn rotate(
        &self,
        old: TokenHash,
        next: TokenHash,
        old_until: Timestamp,
        with: Envelope,
    ) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            let at = act.at();
            let terminal: Option<i64> = sqlx::query_scalar(
                "UPDATE agent_token SET valid_until = $2 WHERE hash = $1 AND valid_until IS NULL RETURNING terminal_id",
            )
            .bind(old.0)
            .bind(At::from(old_until))
            .fetch_optional(&mut *act.tx)
            .await?;
            let terminal = terminal.ok_or_else(|| Fault::missing("agent token", ""))?;
            let terminal = TerminalId::new(terminal).map_err(|error| Fault::corrupt("agent token", error))?;
            revoke(&mut act.tx, terminal, Some(old), at).await?;
            insert(&mut act.tx, terminal, next).await?;
            feed(&mut act.tx, &[old.0.to_vec()], at).await?;
            act.finish(Some(terminal.get())).await
        })
        .await
    }

    async fn revoke_all(&self, terminal: TerminalId, with: Envelope) -> Result<u64, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            let at = act.at();
            let revoked = revoke(&mut act.tx, terminal, None, at).await?;
            let customer: Option<i64> = sqlx::query_scalar("SELECT customer_id FROM terminal WHERE id = $1")
                .bind(terminal.get())
                .fetch_optional(&mut *act.tx)
                .await?;
            let act = act.of_customer(customer.and_then(|id| CustomerId::new(id).ok()));
            act.finish(Some(terminal.get())).await?;
            Ok(revoked)
        })
        .await
    }

    async fn revocations_after(&self, position: i64, limit: u32) -> Result<Vec<Revocation>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(
                "SELECT position, hash FROM agent_token_revocation WHERE position > $1 ORDER BY position LIMIT $2",
            )
            .bind(position)
            .bind(i64::from(limit))
            .fetch_all(self.duty())
            .await?;
            let read = |row| {
                let mut cells = Cells::of("revocation", row);
                Ok(Revocation {
                    position: cells.get()?,
                    token: cells.hash()?,
                })
            };
            rows.iter().map(read).collect()
        })
        .await
    }

    async fn revocation_head(&self) -> Result<i64, StoreError> {
        self.bounded(async {
            let head = sqlx::query_scalar("SELECT position FROM agent_token_revocation_head");
            Ok(head.fetch_one(self.duty()).await?)
        })
        .await
    }

    async fn drop_before(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.bounded(async {
            let mut tx = self.begin().await?;
            let entries = sqlx::query("DELETE FROM agent_token_revocation WHERE at < $1")
                .bind(At::from(before))
                .execute(&mut *tx)
                .await?;
            let tokens = sqlx::query("DELETE FROM agent_token WHERE valid_until < $1")
                .bind(At::from(before))
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            Ok(entries.rows_affected() + tokens.rows_affected())
        })
        .await
    }
}

/// Stores a new token.
pub(super) async fn insert(tx: &mut PgConnection, terminal: TerminalId, token: TokenHash) -> Result<(), Fault> {
    sqlx::query("INSERT INTO agent_token (hash, terminal_id) VALUES ($1, $2)")
        .bind(token.0)
        .bind(terminal.get())
        .execute(tx)
        .await?;
    Ok(())
}

/// Revokes the tokens of a terminal but `spared`; returns how many.
pub(super) async fn revoke(
    tx: &mut PgConnection,
    terminal: TerminalId,
    spared: Option<TokenHash>,
    at: Option<At>,
) -> Result<u64, Fault> {
    let gone: Vec<Vec<u8>> = sqlx::query_scalar(
        "DELETE FROM agent_token WHERE terminal_id = $1 AND hash IS DISTINCT FROM $2 RETURNING hash",
    )
    .bind(terminal.get())
    .bind(spared.map(|token| token.0))
    .fetch_all(&mut *tx)
    .await?;
    feed(tx, &gone, at).await?;
    Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
}

/// Tells caches to read the tokens of a terminal again.
pub(super) async fn announce(tx: &mut PgConnection, terminals: &[i64], at: Option<At>) -> Result<(), Fault> {
    let tokens: Vec<Vec<u8>> = sqlx::query_scalar("SELECT hash FROM agent_token WHERE terminal_id = ANY($1)")
        .bind(terminals)
        .fetch_all(&mut *tx)
        .await?;
    feed(tx, &tokens, at).await
}

/// Puts tokens into the feed. The row of the newest place stays locked until the commit: places follow commits.
async fn feed(tx: &mut PgConnection, tokens: &[Vec<u8>], at: Option<At>) -> Result<(), Fault> {
    if tokens.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "WITH head AS (UPDATE agent_token_revocation_head SET position = position + cardinality($1) RETURNING position) \
         INSERT INTO agent_token_revocation (position, hash, at) \
         SELECT head.position - cardinality($1) + token.place, token.hash, coalesce($2, now()) \
         FROM head, unnest($1) WITH ORDINALITY AS token (hash, place)",
    )
    .bind(tokens)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}
