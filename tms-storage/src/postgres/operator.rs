//! People and their sessions.

use async_trait::async_trait;
use sqlx::postgres::PgRow;
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{CustomerId, SessionId, UserId},
    operator::{NewUser, OperatorStore, Session, SessionTokens, User, store::NewSession},
    secret::{Secret, TokenHash},
    time::Timestamp,
};

use super::{cells::Cells, error::Fault, pool::PgStore, time::At};

macro_rules! user_columns {
    () => {
        "u.id, u.username, u.full_name, u.email, u.role, u.customer_id, u.password_hash, u.is_disabled, u.created_at, \
         u.revision"
    };
}

macro_rules! session_columns {
    () => {
        "s.id, s.user_id, s.access_hash, s.access_until, s.refresh_hash, s.previous_hash, s.rotated_at, s.expires_at, \
         s.is_revoked, s.address, s.created_at"
    };
}

fn read_user(cells: &mut Cells<'_>) -> Result<User, Fault> {
    Ok(User {
        id: cells.id(UserId::new)?,
        username: cells.get()?,
        full_name: cells.get()?,
        email: cells.get()?,
        role: cells.parse()?,
        customer: cells.maybe_id(CustomerId::new)?,
        password_hash: Secret::new(cells.get()?),
        is_disabled: cells.get()?,
        created_at: cells.time()?,
        revision: cells.revision()?,
    })
}

fn read_session(cells: &mut Cells<'_>) -> Result<Session, Fault> {
    Ok(Session {
        id: cells.id(SessionId::new)?,
        user: cells.id(UserId::new)?,
        tokens: SessionTokens {
            access: cells.hash()?,
            access_until: cells.time()?,
            refresh: cells.hash()?,
        },
        previous: cells.maybe_hash()?.zip(cells.maybe_time()?),
        expires_at: cells.time()?,
        is_revoked: cells.get()?,
        address: cells.address()?,
        created_at: cells.time()?,
    })
}

fn read_both(row: &PgRow) -> Result<(Session, User), Fault> {
    let mut cells = Cells::of("session", row);
    Ok((read_session(&mut cells)?, read_user(&mut cells)?))
}

#[async_trait]
impl OperatorStore for PgStore {
    async fn find_by_name(&self, username: &str) -> Result<Option<User>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(concat!(
                "SELECT ",
                user_columns!(),
                " FROM operator_user u WHERE u.username = $1"
            ))
            .bind(username)
            .fetch_optional(self.pool())
            .await?;
            row.map(|row| read_user(&mut Cells::of("user", &row))).transpose()
        })
        .await
    }

    async fn insert(&self, user: &NewUser, now: Timestamp, with: Envelope) -> Result<User, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            let row = sqlx::query(concat!(
                "INSERT INTO operator_user AS u (username, full_name, email, role, customer_id, password_hash, \
                 is_disabled, created_at, revision) VALUES ($1, $2, $3, $4, $5, $6, false, $7, 1) RETURNING ",
                user_columns!()
            ))
            .bind(&user.username)
            .bind(&user.full_name)
            .bind(&user.email)
            .bind(user.role.as_str())
            .bind(user.customer.map(CustomerId::get))
            .bind(user.password_hash.expose())
            .bind(At::from(now))
            .fetch_one(&mut *act.tx)
            .await?;
            let stored = read_user(&mut Cells::of("user", &row))?;
            act.finish(Some(stored.id.get())).await?;
            Ok(stored)
        })
        .await
    }

    async fn has_users(&self) -> Result<bool, StoreError> {
        self.bounded(async {
            let found = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM operator_user)");
            Ok(found.fetch_one(self.pool()).await?)
        })
        .await
    }

    async fn begin_session(
        &self,
        session: &NewSession,
        now: Timestamp,
        with: Envelope,
    ) -> Result<SessionId, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            let id: i64 = sqlx::query_scalar(
                "INSERT INTO operator_session (user_id, access_hash, access_until, refresh_hash, expires_at, \
                 is_revoked, address, created_at) VALUES ($1, $2, $3, $4, $5, false, $6, $7) RETURNING id",
            )
            .bind(session.user.get())
            .bind(session.tokens.access.0)
            .bind(At::from(session.tokens.access_until))
            .bind(session.tokens.refresh.0)
            .bind(At::from(session.expires_at))
            .bind(session.address.map(|address| address.to_string()))
            .bind(At::from(now))
            .fetch_one(&mut *act.tx)
            .await?;
            remember_refresh(&mut act.tx, id, session.tokens.refresh).await?;
            act.finish(Some(id)).await?;
            SessionId::new(id).map_err(|error| Fault::corrupt("session", error))
        })
        .await
    }

    async fn find_by_access(&self, access: TokenHash) -> Result<Option<(Session, User)>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(concat!(
                "SELECT ",
                session_columns!(),
                ", ",
                user_columns!(),
                " FROM operator_session s JOIN operator_user u ON u.id = s.user_id WHERE s.access_hash = $1"
            ))
            .bind(access.0)
            .fetch_optional(self.pool())
            .await?;
            row.as_ref().map(read_both).transpose()
        })
        .await
    }

    async fn find_by_refresh(&self, refresh: TokenHash) -> Result<Option<(Session, User)>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(concat!(
                "SELECT ",
                session_columns!(),
                ", ",
                user_columns!(),
                " FROM operator_refresh r JOIN operator_session s ON s.id = r.session_id \
                 JOIN operator_user u ON u.id = s.user_id WHERE r.hash = $1"
            ))
            .bind(refresh.0)
            .fetch_optional(self.pool())
            .await?;
            row.as_ref().map(read_both).transpose()
        })
        .await
    }

    async fn rotate_session(
        &self,
        session: SessionId,
        seen: TokenHash,
        next: &SessionTokens,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.bounded(async {
            let mut tx = self.begin().await?;
            let rotated = sqlx::query(
                "UPDATE operator_session SET access_hash = $3, access_until = $4, refresh_hash = $5, \
                 previous_hash = $2, rotated_at = $6 WHERE id = $1 AND refresh_hash = $2",
            )
            .bind(session.get())
            .bind(seen.0)
            .bind(next.access.0)
            .bind(At::from(next.access_until))
            .bind(next.refresh.0)
            .bind(At::from(now))
            .execute(&mut *tx)
            .await?;
            if rotated.rows_affected() == 0 {
                return Err(Fault::stale("session", session));
            }
            remember_refresh(&mut tx, session.get(), next.refresh).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    async fn revoke_session(&self, session: SessionId, with: Envelope) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            let found = sqlx::query("UPDATE operator_session SET is_revoked = true WHERE id = $1")
                .bind(session.get())
                .execute(&mut *act.tx)
                .await?;
            if found.rows_affected() == 0 {
                return Err(Fault::missing("session", session));
            }
            act.finish(Some(session.get())).await
        })
        .await
    }

    async fn drop_sessions(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.bounded(async {
            let gone = sqlx::query("DELETE FROM operator_session WHERE expires_at < $1")
                .bind(At::from(before))
                .execute(self.pool())
                .await?;
            Ok(gone.rows_affected())
        })
        .await
    }
}

/// Every refresh token of a session stays known while the session does, so that one used again is noticed.
async fn remember_refresh(tx: &mut sqlx::PgConnection, session: i64, token: TokenHash) -> Result<(), Fault> {
    sqlx::query("INSERT INTO operator_refresh (hash, session_id) VALUES ($1, $2)")
        .bind(token.0)
        .bind(session)
        .execute(tx)
        .await?;
    Ok(())
}
