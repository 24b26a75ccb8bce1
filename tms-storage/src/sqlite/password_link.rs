//! One-time links with which people set a password.

use async_trait::async_trait;
use sqlx::SqliteConnection;
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{EntityRef, UserId},
    operator::{PasswordLink, PasswordLinkStore, User},
    secret::{Secret, TokenHash},
    time::Timestamp,
};

use super::{
    SqliteStore,
    error::OrFault,
    fields::Fields,
    user::{self, end_sessions, forget_devices, user_columns, write_password},
};

const KIND: &str = "password link";

/// Keeps a link in the place of the one the person had.
pub(super) async fn write(conn: &mut SqliteConnection, link: &PasswordLink) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO operator_password_link (user_id, hash, expires_at) VALUES (?, ?, ?)
         ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at",
    )
    .bind(link.user.get())
    .bind(link.hash.0.to_vec())
    .bind(link.expires_at.as_micros())
    .execute(conn)
    .await
    .or_fault("user", link.user)
    .map(drop)
}

#[async_trait]
impl PasswordLinkStore for SqliteStore {
    async fn issue(&self, link: &PasswordLink, with: Envelope) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        write(work.conn(), link).await?;
        work.seal(&with, Some(link.user.get())).await
    }

    async fn find(&self, hash: TokenHash) -> Result<Option<(PasswordLink, User)>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT l.user_id, l.hash, l.expires_at, ",
            user_columns!(),
            " FROM operator_password_link l JOIN operator_user o ON o.id = l.user_id WHERE l.hash = ?"
        ))
        .bind(hash.0.to_vec())
        .fetch_optional(&mut *self.read().await?)
        .await
        .or_fault(KIND, "")?;
        let Some(row) = row else { return Ok(None) };
        let fields = Fields::new(KIND, &row);
        let link = PasswordLink {
            user: fields.id("user_id", UserId::new)?,
            hash: fields.hash("hash")?,
            expires_at: fields.time("expires_at")?,
        };
        Ok(Some((link, user::read(&row)?)))
    }

    async fn redeem(
        &self,
        hash: TokenHash,
        password: &Secret<String>,
        now: Timestamp,
        with: Envelope,
    ) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        let holder: Option<i64> = sqlx::query_scalar(
            "DELETE FROM operator_password_link WHERE hash = ? AND expires_at > ? RETURNING user_id",
        )
        .bind(hash.0.to_vec())
        .bind(now.as_micros())
        .fetch_optional(work.conn())
        .await
        .or_fault(KIND, "")?;
        let id = holder.ok_or_else(|| StoreError::Missing(EntityRef::new(KIND, "")))?;
        let user = UserId::new(id).map_err(|e| StoreError::Corrupt(EntityRef::new(KIND, id), e.into()))?;
        write_password(work.conn(), user, password).await?;
        end_sessions(work.conn(), user, None).await?;
        forget_devices(work.conn(), user).await?;
        work.seal(&with, Some(id)).await
    }

    async fn drop_ended(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut work = self.begin(None).await?;
        let dropped = sqlx::query("DELETE FROM operator_password_link WHERE expires_at < ?")
            .bind(before.as_micros())
            .execute(work.conn())
            .await
            .or_fault(KIND, "")?;
        work.commit().await?;
        Ok(dropped.rows_affected())
    }
}
