//! People and their sessions.

use async_trait::async_trait;
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{CustomerId, EntityRef, Revision, SessionId, UserId},
    operator::{NewUser, OperatorStore, Session, SessionTokens, User, store::NewSession},
    secret::{Secret, TokenHash},
    time::Timestamp,
};

use super::{SqliteStore, error::OrFault, fields::Fields};

const USER: &str = "user";
const SESSION: &str = "session";

/// A session `s` and its person `o`.
macro_rules! session_columns {
    () => {
        "SELECT s.id AS session_id, s.access_hash, s.access_until, s.refresh_hash, s.previous_hash, s.rotated_at,
         s.expires_at, s.is_revoked, s.address, s.created_at AS began_at, o.* FROM operator_session s
         JOIN operator_user o ON o.id = s.user_id"
    };
}

#[async_trait]
impl OperatorStore for SqliteStore {
    async fn find_by_name(&self, username: &str) -> Result<Option<User>, StoreError> {
        let row = sqlx::query("SELECT * FROM operator_user WHERE username = ?")
            .bind(username)
            .fetch_optional(&mut *self.read().await?)
            .await
            .or_fault(USER, username)?;
        row.as_ref().map(read_user).transpose()
    }

    async fn insert(&self, user: &NewUser, now: Timestamp, with: Envelope) -> Result<User, StoreError> {
        let mut work = self.begin(with.fence).await?;
        let row = sqlx::query(
            "INSERT INTO operator_user (username, full_name, email, role, customer_id, password_hash, is_disabled,
             created_at, revision) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?) RETURNING *",
        )
        .bind(&user.username)
        .bind(&user.full_name)
        .bind(&user.email)
        .bind(user.role.as_str())
        .bind(user.customer.map(CustomerId::get))
        .bind(user.password_hash.expose())
        .bind(now.as_micros())
        .bind(Revision::FIRST.0)
        .fetch_one(work.conn())
        .await
        .or_fault(USER, &user.username)?;
        let user = read_user(&row)?;
        work.seal(&with, Some(user.id.get())).await?;
        Ok(user)
    }

    async fn has_users(&self) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM operator_user)")
            .fetch_one(&mut *self.read().await?)
            .await
            .or_fault(USER, "")
    }

    async fn begin_session(
        &self,
        session: &NewSession,
        now: Timestamp,
        with: Envelope,
    ) -> Result<SessionId, StoreError> {
        let mut work = self.begin(with.fence).await?;
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO operator_session (user_id, access_hash, access_until, refresh_hash, expires_at, is_revoked,
             address, created_at) VALUES (?, ?, ?, ?, ?, 0, ?, ?) RETURNING id",
        )
        .bind(session.user.get())
        .bind(session.tokens.access.0.to_vec())
        .bind(session.tokens.access_until.as_micros())
        .bind(session.tokens.refresh.0.to_vec())
        .bind(session.expires_at.as_micros())
        .bind(session.address.map(|address| address.to_string()))
        .bind(now.as_micros())
        .fetch_one(work.conn())
        .await
        .or_fault(SESSION, "")?;
        let id = SessionId::new(id).map_err(|e| StoreError::Corrupt(EntityRef::new(SESSION, id), e.into()))?;
        remember(work.conn(), id, session.tokens.refresh).await?;
        work.seal(&with, Some(id.get())).await?;
        Ok(id)
    }

    async fn find_by_access(&self, access: TokenHash) -> Result<Option<(Session, User)>, StoreError> {
        let row = sqlx::query(concat!(session_columns!(), " WHERE s.access_hash = ?"))
            .bind(access.0.to_vec())
            .fetch_optional(&mut *self.read().await?)
            .await
            .or_fault(SESSION, "")?;
        row.as_ref().map(read_session).transpose()
    }

    async fn find_by_refresh(&self, refresh: TokenHash) -> Result<Option<(Session, User)>, StoreError> {
        let row = sqlx::query(concat!(
            session_columns!(),
            " WHERE s.id = (SELECT session_id FROM operator_refresh_token WHERE hash = ?)"
        ))
        .bind(refresh.0.to_vec())
        .fetch_optional(&mut *self.read().await?)
        .await
        .or_fault(SESSION, "")?;
        row.as_ref().map(read_session).transpose()
    }

    async fn rotate_session(
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
        .or_fault(SESSION, session)?;
        if rotated.rows_affected() == 0 {
            return Err(StoreError::Stale(EntityRef::new(SESSION, session)));
        }
        remember(work.conn(), session, next.refresh).await?;
        work.commit().await
    }

    async fn revoke_session(&self, session: SessionId, with: Envelope) -> Result<(), StoreError> {
        let mut work = self.begin(with.fence).await?;
        let revoked = sqlx::query("UPDATE operator_session SET is_revoked = 1 WHERE id = ? AND is_revoked = 0")
            .bind(session.get())
            .execute(work.conn())
            .await
            .or_fault(SESSION, session)?;
        if revoked.rows_affected() == 0 {
            return Ok(());
        }
        work.seal(&with, Some(session.get())).await
    }

    async fn drop_sessions(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut work = self.begin(None).await?;
        let dropped = sqlx::query("DELETE FROM operator_session WHERE expires_at < ?")
            .bind(before.as_micros())
            .execute(work.conn())
            .await
            .or_fault(SESSION, "")?;
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
        .or_fault(SESSION, session)
        .map(drop)
}

fn read_user(row: &SqliteRow) -> Result<User, StoreError> {
    let fields = Fields::new(USER, row);
    Ok(User {
        id: fields.id("id", UserId::new)?,
        username: fields.get("username")?,
        full_name: fields.get("full_name")?,
        email: fields.get("email")?,
        role: fields.named("role")?,
        customer: fields.maybe_id("customer_id", CustomerId::new)?,
        password_hash: Secret::new(fields.get("password_hash")?),
        is_disabled: fields.get("is_disabled")?,
        created_at: fields.time("created_at")?,
        revision: fields.revision("revision")?,
    })
}

fn read_session(row: &SqliteRow) -> Result<(Session, User), StoreError> {
    let user = read_user(row)?;
    let fields = Fields::new(SESSION, row);
    let session = Session {
        id: fields.id("session_id", SessionId::new)?,
        user: user.id,
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
        address: fields.maybe_address("address")?,
        created_at: fields.time("began_at")?,
    };
    Ok((session, user))
}
