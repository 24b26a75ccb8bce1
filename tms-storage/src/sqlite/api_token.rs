//! Personal API tokens.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{ApiTokenId, EntityRef, UserId},
    operator::{
        ApiToken, ApiTokenStore, NewApiToken, User,
        api_token::{MOST_TOKENS, Scopes},
    },
    page::{Order, Page, PageRequest},
    secret::TokenHash,
    time::Timestamp,
};

use super::{
    SqliteStore,
    error::OrFault,
    fields::Fields,
    listing::{Listing, Query, by_id},
    user::{self, user_columns},
};

const KIND: &str = "api token";

/// What [`read`] reads of a token `t`.
macro_rules! token_columns {
    () => {
        "t.id AS token_id, t.user_id, t.name, t.scopes, t.expires_at, t.last_used_at, t.created_at AS made_at"
    };
}

#[async_trait]
impl ApiTokenStore for SqliteStore {
    async fn insert(&self, token: &NewApiToken, now: Timestamp, with: Envelope) -> Result<ApiToken, StoreError> {
        let mut work = self.act(&with).await?;
        let held: i64 = sqlx::query_scalar("SELECT count(*) FROM operator_api_token WHERE user_id = ?")
            .bind(token.user.get())
            .fetch_one(work.conn())
            .await
            .or_fault(KIND, "")?;
        if held.unsigned_abs() >= MOST_TOKENS {
            return Err(StoreError::Full(EntityRef::new("user", token.user)));
        }
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO operator_api_token (user_id, hash, name, scopes, expires_at, created_at)
             VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        )
        .bind(token.user.get())
        .bind(token.hash.0.to_vec())
        .bind(&token.name)
        .bind(token.scopes.to_string())
        .bind(token.expires_at.as_micros())
        .bind(now.as_micros())
        .fetch_one(work.conn())
        .await
        .or_fault_referring(KIND, "", "user")?;
        work.seal(&with, Some(id)).await?;
        Ok(ApiToken {
            id: ApiTokenId::new(id).map_err(|e| StoreError::Corrupt(EntityRef::new(KIND, id), e.into()))?,
            user: token.user,
            name: token.name.clone(),
            scopes: token.scopes.clone(),
            expires_at: token.expires_at,
            last_used_at: None,
            created_at: now,
        })
    }

    async fn find_by_hash(&self, hash: TokenHash) -> Result<Option<(ApiToken, User)>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            token_columns!(),
            ", ",
            user_columns!(),
            " FROM operator_api_token t JOIN operator_user o ON o.id = t.user_id WHERE t.hash = ?"
        ))
        .bind(hash.0.to_vec())
        .fetch_optional(&mut *self.read().await?)
        .await
        .or_fault(KIND, "")?;
        row.as_ref().map(|row| Ok((read(row)?, user::read(row)?))).transpose()
    }

    async fn find(&self, user: UserId, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            token_columns!(),
            " FROM operator_api_token t WHERE t.id = ? AND t.user_id = ?"
        ))
        .bind(id.get())
        .bind(user.get())
        .fetch_optional(&mut *self.read().await?)
        .await
        .or_fault(KIND, id)?;
        row.as_ref().map(read).transpose()
    }

    async fn list(&self, user: UserId, page: &PageRequest) -> Result<Page<ApiToken>, StoreError> {
        let listing = Listing {
            kind: KIND,
            around: ("", ""),
            columns: token_columns!(),
            from: "operator_api_token t",
            key: None,
            id: "t.id",
            order: Order::Descending,
        };
        let conditions = |query: &mut Query| {
            query.push(" AND t.user_id = ").push_bind(user.get());
        };
        let mut conn = self.read().await?;
        let cursor = |token: &ApiToken| by_id(token.id.get());
        listing.page(&mut conn, page, &conditions, read, cursor).await
    }

    async fn note_use(&self, id: ApiTokenId, now: Timestamp) -> Result<(), StoreError> {
        let mut work = self.begin(None).await?;
        sqlx::query("UPDATE operator_api_token SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?")
            .bind(now.as_micros())
            .bind(id.get())
            .execute(work.conn())
            .await
            .or_fault(KIND, id)?;
        work.commit().await
    }

    async fn delete(&self, user: UserId, id: ApiTokenId, with: Envelope) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        let gone = sqlx::query("DELETE FROM operator_api_token WHERE id = ? AND user_id = ?")
            .bind(id.get())
            .bind(user.get())
            .execute(work.conn())
            .await
            .or_fault(KIND, id)?;
        if gone.rows_affected() == 0 {
            return Err(StoreError::Missing(EntityRef::new(KIND, id)));
        }
        work.seal(&with, Some(id.get())).await
    }

    async fn drop_ended(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut work = self.begin(None).await?;
        let dropped = sqlx::query("DELETE FROM operator_api_token WHERE expires_at < ?")
            .bind(before.as_micros())
            .execute(work.conn())
            .await
            .or_fault(KIND, "")?;
        work.commit().await?;
        Ok(dropped.rows_affected())
    }
}

fn read(row: &SqliteRow) -> Result<ApiToken, StoreError> {
    let fields = Fields::new(KIND, row);
    Ok(ApiToken {
        id: fields.id("token_id", ApiTokenId::new)?,
        user: fields.id("user_id", UserId::new)?,
        name: fields.get("name")?,
        scopes: Scopes::parse_stored(fields.get("scopes")?),
        expires_at: fields.time("expires_at")?,
        last_used_at: fields.maybe_time("last_used_at")?,
        created_at: fields.time("made_at")?,
    })
}
