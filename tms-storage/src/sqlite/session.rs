//! Sessions of people.

use async_trait::async_trait;
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{EntityRef, SessionId, UserId},
    operator::{NewSession, Session, SessionStore, SessionTokens, User},
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

const KIND: &str = "session";

/// What [`read`] reads of a session `s`.
macro_rules! session_columns {
    () => {
        "s.id AS session_id, s.user_id, s.access_hash, s.access_until, s.refresh_hash, s.previous_hash, s.rotated_at,
         s.expires_at, s.is_revoked, coalesce(s.proven_at, s.created_at) AS proven_at, s.address, s.user_agent,
         s.created_at AS began_at"
    };
}

/// A session and its person.
macro_rules! both {
    () => {
        concat!(
            "SELECT ",
            session_columns!(),
            ", ",
            user_columns!(),
            " FROM operator_session s JOIN operator_user o ON o.id = s.user_id"
        )
    };
}

#[async_trait]
impl SessionStore for SqliteStore {
    async fn begin(&self, session: &NewSession, now: Timestamp, with: Envelope) -> Result<SessionId, StoreError> {
        let mut work = self.act(&with).await?;
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO operator_session (user_id, access_hash, access_until, refresh_hash, expires_at, is_revoked,
             address, user_agent, proven_at, created_at) SELECT id, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8, ?8
             FROM operator_user WHERE id = ?1 AND password_hash = ?9 AND NOT is_disabled RETURNING id",
        )
        .bind(session.user.get())
        .bind(session.tokens.access.0.to_vec())
        .bind(session.tokens.access_until.as_micros())
        .bind(session.tokens.refresh.0.to_vec())
        .bind(session.expires_at.as_micros())
        .bind(session.address.map(|address| address.to_string()))
        .bind(&session.user_agent)
        .bind(now.as_micros())
        .bind(session.password_hash.as_ref().map_or("", |hash| hash.expose()))
        .fetch_optional(work.conn())
        .await
        .or_fault(KIND, "")?;
        let id = id.ok_or_else(|| StoreError::Missing(EntityRef::new("user", session.user)))?;
        let id = SessionId::new(id).map_err(|e| StoreError::Corrupt(EntityRef::new(KIND, id), e.into()))?;
        remember(work.conn(), id, session.tokens.refresh).await?;
        work.seal(&with, Some(id.get())).await?;
        Ok(id)
    }

    async fn find(&self, user: UserId, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            session_columns!(),
            " FROM operator_session s WHERE s.id = ? AND s.user_id = ?"
        ))
        .bind(id.get())
        .bind(user.get())
        .fetch_optional(&mut *self.read().await?)
        .await
        .or_fault(KIND, id)?;
        row.as_ref().map(read).transpose()
    }

    async fn find_by_access(&self, access: TokenHash) -> Result<Option<(Session, User)>, StoreError> {
        let row = sqlx::query(concat!(both!(), " WHERE s.access_hash = ?"))
            .bind(access.0.to_vec())
            .fetch_optional(&mut *self.read().await?)
            .await
            .or_fault(KIND, "")?;
        row.as_ref().map(read_both).transpose()
    }

    async fn find_by_refresh(&self, refresh: TokenHash) -> Result<Option<(Session, User)>, StoreError> {
        let row = sqlx::query(concat!(
            both!(),
            " WHERE s.id = (SELECT session_id FROM operator_refresh_token WHERE hash = ?)"
        ))
        .bind(refresh.0.to_vec())
        .fetch_optional(&mut *self.read().await?)
        .await
        .or_fault(KIND, "")?;
        row.as_ref().map(read_both).transpose()
    }

    async fn list(&self, user: UserId, now: Timestamp, page: &PageRequest) -> Result<Page<Session>, StoreError> {
        let listing = Listing {
            kind: KIND,
            around: ("", ""),
            columns: session_columns!(),
            from: "operator_session s",
            key: None,
            id: "s.id",
            order: Order::Descending,
        };
        let conditions = |query: &mut Query| {
            query
                .push(" AND NOT s.is_revoked AND s.user_id = ")
                .push_bind(user.get());
            query.push(" AND s.expires_at > ").push_bind(now.as_micros());
        };
        let mut conn = self.read().await?;
        let cursor = |session: &Session| by_id(session.id.get());
        listing.page(&mut conn, page, &conditions, read, cursor).await
    }

    async fn rotate(
        &self,
        session: SessionId,
        seen: TokenHash,
        next: &SessionTokens,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut work = self.begin(None).await?;
        let rotated = sqlx::query(
            "UPDATE operator_session SET access_hash = ?, access_until = ?, refresh_hash = ?, previous_hash = ?,
             rotated_at = ? WHERE id = ? AND refresh_hash = ?",
        )
        .bind(next.access.0.to_vec())
        .bind(next.access_until.as_micros())
        .bind(next.refresh.0.to_vec())
        .bind(seen.0.to_vec())
        .bind(now.as_micros())
        .bind(session.get())
        .bind(seen.0.to_vec())
        .execute(work.conn())
        .await
        .or_fault(KIND, session)?;
        if rotated.rows_affected() == 0 {
            return Err(StoreError::Stale(EntityRef::new(KIND, session)));
        }
        remember(work.conn(), session, next.refresh).await?;
        work.commit().await
    }

    async fn extend(&self, session: SessionId, access: TokenHash, until: Timestamp) -> Result<(), StoreError> {
        let mut work = self.begin(None).await?;
        sqlx::query(
            "UPDATE operator_session SET access_until = max(access_until, ?)
             WHERE id = ? AND access_hash = ? AND is_revoked = 0",
        )
        .bind(until.as_micros())
        .bind(session.get())
        .bind(access.0.to_vec())
        .execute(work.conn())
        .await
        .or_fault(KIND, session)?;
        work.commit().await
    }

    async fn prove(&self, session: SessionId, now: Timestamp) -> Result<(), StoreError> {
        let mut work = self.begin(None).await?;
        sqlx::query("UPDATE operator_session SET proven_at = max(coalesce(proven_at, 0), ?) WHERE id = ?")
            .bind(now.as_micros())
            .bind(session.get())
            .execute(work.conn())
            .await
            .or_fault(KIND, session)?;
        work.commit().await
    }

    async fn revoke(&self, session: SessionId, with: Envelope) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        let revoked = sqlx::query("UPDATE operator_session SET is_revoked = 1 WHERE id = ? AND is_revoked = 0")
            .bind(session.get())
            .execute(work.conn())
            .await
            .or_fault(KIND, session)?;
        if revoked.rows_affected() == 0 {
            return Ok(());
        }
        work.seal(&with, Some(session.get())).await
    }

    async fn revoke_all(
        &self,
        user: UserId,
        spared: Option<SessionId>,
        now: Timestamp,
        with: Envelope,
    ) -> Result<u64, StoreError> {
        let mut work = self.act(&with).await?;
        let revoked = sqlx::query(
            "UPDATE operator_session SET is_revoked = 1
             WHERE user_id = ? AND NOT is_revoked AND expires_at > ? AND id <> coalesce(?, 0)",
        )
        .bind(user.get())
        .bind(now.as_micros())
        .bind(spared.map(SessionId::get))
        .execute(work.conn())
        .await
        .or_fault(KIND, "")?;
        work.seal(&with, Some(user.get())).await?;
        Ok(revoked.rows_affected())
    }

    async fn drop_ended(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut work = self.begin(None).await?;
        let dropped = sqlx::query("DELETE FROM operator_session WHERE expires_at < ?")
            .bind(before.as_micros())
            .execute(work.conn())
            .await
            .or_fault(KIND, "")?;
        work.commit().await?;
        Ok(dropped.rows_affected())
    }
}

async fn remember(conn: &mut SqliteConnection, session: SessionId, refresh: TokenHash) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO operator_refresh_token (hash, session_id) VALUES (?, ?)")
        .bind(refresh.0.to_vec())
        .bind(session.get())
        .execute(conn)
        .await
        .or_fault(KIND, session)
        .map(drop)
}

fn read_both(row: &SqliteRow) -> Result<(Session, User), StoreError> {
    Ok((read(row)?, user::read(row)?))
}

fn read(row: &SqliteRow) -> Result<Session, StoreError> {
    let fields = Fields::new(KIND, row);
    Ok(Session {
        id: fields.id("session_id", SessionId::new)?,
        user: fields.id("user_id", UserId::new)?,
        tokens: SessionTokens {
            access: fields.hash("access_hash")?,
            access_until: fields.time("access_until")?,
            refresh: fields.hash("refresh_hash")?,
        },
        previous: fields
            .maybe_hash("previous_hash")?
            .zip(fields.maybe_time("rotated_at")?),
        expires_at: fields.time("expires_at")?,
        is_revoked: fields.get("is_revoked")?,
        proven_at: fields.time("proven_at")?,
        address: fields.maybe_address("address")?,
        user_agent: fields.get("user_agent")?,
        created_at: fields.time("began_at")?,
    })
}
