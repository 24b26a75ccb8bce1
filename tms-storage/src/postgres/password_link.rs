//! One-time links with which people set a password.

use async_trait::async_trait;
use sqlx::PgConnection;
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::UserId,
    operator::{PasswordLink, PasswordLinkStore, User},
    secret::{Secret, TokenHash},
    time::Timestamp,
};

use super::{
    cells::Cells,
    error::Fault,
    pool::PgStore,
    time::At,
    user::{self, end_sessions, forget_devices, user_columns},
};

/// Keeps a link in the place of the one the person had.
pub(super) async fn write(tx: &mut PgConnection, link: &PasswordLink) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO operator_password_link (user_id, hash, expires_at) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at",
    )
    .bind(link.user.get())
    .bind(link.hash.0)
    .bind(At::from(link.expires_at))
    .execute(tx)
    .await?;
    Ok(())
}

#[async_trait]
impl PasswordLinkStore for PgStore {
    async fn issue(&self, link: &PasswordLink, with: Envelope) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            write(&mut act.tx, link).await?;
            act.finish(Some(link.user.get())).await
        })
        .await
    }

    async fn find(&self, hash: TokenHash) -> Result<Option<(PasswordLink, User)>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(concat!(
                "SELECT l.user_id, l.hash, l.expires_at, ",
                user_columns!(),
                " FROM operator_password_link l JOIN operator_user u ON u.id = l.user_id WHERE l.hash = $1"
            ))
            .bind(hash.0)
            .fetch_optional(self.pool())
            .await?;
            let Some(row) = row else { return Ok(None) };
            let mut cells = Cells::of("password link", &row);
            let link = PasswordLink {
                user: cells.id(UserId::new)?,
                hash: cells.hash()?,
                expires_at: cells.time()?,
            };
            Ok(Some((link, user::read(&mut cells)?)))
        })
        .await
    }

    async fn redeem(
        &self,
        hash: TokenHash,
        password: &Secret<String>,
        now: Timestamp,
        with: Envelope,
    ) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act_on_people(with).await?;
            let holder: Option<i64> = sqlx::query_scalar(
                "DELETE FROM operator_password_link WHERE hash = $1 AND expires_at > $2 RETURNING user_id",
            )
            .bind(hash.0)
            .bind(At::from(now))
            .fetch_optional(&mut *act.tx)
            .await?;
            let id = holder.ok_or_else(|| Fault::missing("password link", ""))?;
            let user = UserId::new(id).map_err(|error| Fault::corrupt("password link", error))?;
            sqlx::query("UPDATE operator_user SET password_hash = $2 WHERE id = $1")
                .bind(id)
                .bind(password.expose())
                .execute(&mut *act.tx)
                .await?;
            end_sessions(&mut act.tx, user, None).await?;
            forget_devices(&mut act.tx, user).await?;
            act.finish(Some(id)).await
        })
        .await
    }

    async fn drop_ended(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.bounded(async {
            let gone = sqlx::query("DELETE FROM operator_password_link WHERE expires_at < $1")
                .bind(At::from(before))
                .execute(self.pool())
                .await?;
            Ok(gone.rows_affected())
        })
        .await
    }
}
