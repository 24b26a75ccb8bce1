//! Sessions of people.

use async_trait::async_trait;
use sqlx::{QueryBuilder, postgres::PgRow};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{SessionId, UserId},
    operator::{NewSession, Session, SessionStore, SessionTokens, User},
    page::{Page, PageRequest, PageStart},
    secret::TokenHash,
    time::Timestamp,
};

use super::{
    cells::Cells,
    error::Fault,
    listing::{COUNT, Conditions, count, page_by_id, push_limit},
    pool::PgStore,
    time::At,
    user::{self, user_columns},
};

macro_rules! session_columns {
    () => {
        "s.id, s.user_id, s.access_hash, s.access_until, s.refresh_hash, s.previous_hash, s.rotated_at, s.expires_at, \
         s.is_revoked, coalesce(s.proven_at, s.created_at), s.address, s.user_agent, s.created_at"
    };
}

fn read(cells: &mut Cells<'_>) -> Result<Session, Fault> {
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
        proven_at: cells.time()?,
        address: cells.address()?,
        user_agent: cells.get()?,
        created_at: cells.time()?,
    })
}

fn read_row(row: &PgRow) -> Result<Session, Fault> {
    read(&mut Cells::of("session", row))
}

fn read_both(row: &PgRow) -> Result<(Session, User), Fault> {
    let mut cells = Cells::of("session", row);
    Ok((read(&mut cells)?, user::read(&mut cells)?))
}

#[async_trait]
impl SessionStore for PgStore {
    async fn begin(&self, session: &NewSession, now: Timestamp, with: Envelope) -> Result<SessionId, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            // Whoever changes the password or the person waits for this lock, and then ends this session too.
            let id: Option<i64> = sqlx::query_scalar(
                "WITH person AS (SELECT id FROM operator_user \
                 WHERE id = $1 AND password_hash = $9 AND NOT is_disabled FOR SHARE) \
                 INSERT INTO operator_session (user_id, access_hash, access_until, refresh_hash, expires_at, \
                 is_revoked, address, user_agent, proven_at, created_at) \
                 SELECT id, $2, $3, $4, $5, false, $6, $7, $8, $8 FROM person RETURNING id",
            )
            .bind(session.user.get())
            .bind(session.tokens.access.0)
            .bind(At::from(session.tokens.access_until))
            .bind(session.tokens.refresh.0)
            .bind(At::from(session.expires_at))
            .bind(session.address.map(|address| address.to_string()))
            .bind(&session.user_agent)
            .bind(At::from(now))
            .bind(session.password_hash.as_ref().map_or("", |hash| hash.expose()))
            .fetch_optional(&mut *act.tx)
            .await?;
            let id = id.ok_or_else(|| Fault::missing("user", session.user))?;
            remember_refresh(&mut act.tx, id, session.tokens.refresh).await?;
            act.finish(Some(id)).await?;
            SessionId::new(id).map_err(|error| Fault::corrupt("session", error))
        })
        .await
    }

    async fn find(&self, user: UserId, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(concat!(
                "SELECT ",
                session_columns!(),
                " FROM operator_session s WHERE s.id = $1 AND s.user_id = $2"
            ))
            .bind(id.get())
            .bind(user.get())
            .fetch_optional(self.pool())
            .await?;
            row.as_ref().map(read_row).transpose()
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

    async fn list(&self, user: UserId, now: Timestamp, page: &PageRequest) -> Result<Page<Session>, StoreError> {
        self.bounded(async {
            let mut connection = self.pool().acquire().await?;
            let scope = |all: &mut Conditions<'_>| {
                all.and("s.user_id = ").push_bind(user.get());
                all.and("NOT s.is_revoked");
                all.and("s.expires_at > ").push_bind(At::from(now));
            };
            let total = if page.count {
                let mut counting = QueryBuilder::new(COUNT);
                counting.push("operator_session s");
                scope(&mut Conditions::of(&mut counting));
                Some(count(&mut connection, &mut counting).await?)
            } else {
                None
            };
            let mut query = QueryBuilder::new(concat!("SELECT ", session_columns!(), " FROM operator_session s"));
            let mut all = Conditions::of(&mut query);
            scope(&mut all);
            if let PageStart::After(cursor) = &page.start {
                all.and("s.id < ").push_bind(cursor.id);
            }
            query.push(" ORDER BY s.id DESC");
            push_limit(&mut query, page);
            let rows = query.build().fetch_all(&mut *connection).await?;
            page_by_id(&rows, page, total, read_row, |session| session.id.get())
        })
        .await
    }

    async fn rotate(
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
            tx.commit().await?;
            self.tell_people().await;
            Ok(())
        })
        .await
    }

    async fn extend(&self, session: SessionId, access: TokenHash, until: Timestamp) -> Result<(), StoreError> {
        self.bounded(async {
            sqlx::query(
                "UPDATE operator_session SET access_until = greatest(access_until, $3) \
                 WHERE id = $1 AND access_hash = $2 AND NOT is_revoked",
            )
            .bind(session.get())
            .bind(access.0)
            .bind(At::from(until))
            .execute(self.pool())
            .await?;
            self.tell_people().await;
            Ok(())
        })
        .await
    }

    async fn prove(&self, session: SessionId, now: Timestamp) -> Result<(), StoreError> {
        self.bounded(async {
            sqlx::query("UPDATE operator_session SET proven_at = greatest(proven_at, $2) WHERE id = $1")
                .bind(session.get())
                .bind(At::from(now))
                .execute(self.pool())
                .await?;
            self.tell_people().await;
            Ok(())
        })
        .await
    }

    async fn revoke(&self, session: SessionId, with: Envelope) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act_on_people(with).await?;
            let ended = sqlx::query("UPDATE operator_session SET is_revoked = true WHERE id = $1 AND NOT is_revoked")
                .bind(session.get())
                .execute(&mut *act.tx)
                .await?;
            if ended.rows_affected() == 0 {
                return Ok(());
            }
            act.finish(Some(session.get())).await
        })
        .await
    }

    async fn revoke_all(
        &self,
        user: UserId,
        spared: Option<SessionId>,
        now: Timestamp,
        with: Envelope,
    ) -> Result<u64, StoreError> {
        self.bounded(async {
            let mut act = self.act_on_people(with).await?;
            let ended = sqlx::query(
                "UPDATE operator_session SET is_revoked = true \
                 WHERE user_id = $1 AND NOT is_revoked AND expires_at > $2 AND id <> coalesce($3, 0)",
            )
            .bind(user.get())
            .bind(At::from(now))
            .bind(spared.map(SessionId::get))
            .execute(&mut *act.tx)
            .await?;
            act.finish(Some(user.get())).await?;
            Ok(ended.rows_affected())
        })
        .await
    }

    async fn drop_ended(&self, before: Timestamp) -> Result<u64, StoreError> {
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
