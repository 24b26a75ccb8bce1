//! Personal API tokens.

use async_trait::async_trait;
use sqlx::{QueryBuilder, postgres::PgRow};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{ApiTokenId, EntityRef, UserId},
    operator::{
        ApiToken, ApiTokenStore, NewApiToken, User,
        api_token::{MOST_TOKENS, Scopes},
    },
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

macro_rules! columns {
    () => {
        "t.id, t.user_id, t.name, t.scopes, t.expires_at, t.last_used_at, t.created_at"
    };
}

fn read(cells: &mut Cells<'_>) -> Result<ApiToken, Fault> {
    Ok(ApiToken {
        id: cells.id(ApiTokenId::new)?,
        user: cells.id(UserId::new)?,
        name: cells.get()?,
        scopes: Scopes::parse_stored(cells.get::<&str>()?),
        expires_at: cells.time()?,
        last_used_at: cells.maybe_time()?,
        created_at: cells.time()?,
    })
}

fn read_row(row: &PgRow) -> Result<ApiToken, Fault> {
    read(&mut Cells::of("api token", row))
}

#[async_trait]
impl ApiTokenStore for PgStore {
    async fn insert(&self, token: &NewApiToken, now: Timestamp, with: Envelope) -> Result<ApiToken, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            // Whoever makes another one for this person waits, and counts this one.
            sqlx::query("SELECT 1 FROM operator_user WHERE id = $1 FOR NO KEY UPDATE")
                .bind(token.user.get())
                .execute(&mut *act.tx)
                .await?;
            let held: i64 = sqlx::query_scalar("SELECT count(*) FROM operator_api_token WHERE user_id = $1")
                .bind(token.user.get())
                .fetch_one(&mut *act.tx)
                .await?;
            if held.unsigned_abs() >= MOST_TOKENS {
                return Err(StoreError::Full(EntityRef::new("user", token.user)).into());
            }
            let row = sqlx::query(concat!(
                "INSERT INTO operator_api_token AS t (user_id, hash, name, scopes, expires_at, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) RETURNING ",
                columns!()
            ))
            .bind(token.user.get())
            .bind(token.hash.0)
            .bind(&token.name)
            .bind(token.scopes.to_string())
            .bind(At::from(token.expires_at))
            .bind(At::from(now))
            .fetch_one(&mut *act.tx)
            .await?;
            let stored = read_row(&row)?;
            act.finish(Some(stored.id.get())).await?;
            Ok(stored)
        })
        .await
    }

    async fn find_by_hash(&self, hash: TokenHash) -> Result<Option<(ApiToken, User)>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(concat!(
                "SELECT ",
                columns!(),
                ", ",
                user_columns!(),
                " FROM operator_api_token t JOIN operator_user u ON u.id = t.user_id WHERE t.hash = $1"
            ))
            .bind(hash.0)
            .fetch_optional(self.pool())
            .await?;
            let both = |row: &PgRow| {
                let mut cells = Cells::of("api token", row);
                Ok((read(&mut cells)?, user::read(&mut cells)?))
            };
            row.as_ref().map(both).transpose()
        })
        .await
    }

    async fn find(&self, user: UserId, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(concat!(
                "SELECT ",
                columns!(),
                " FROM operator_api_token t WHERE t.id = $1 AND t.user_id = $2"
            ))
            .bind(id.get())
            .bind(user.get())
            .fetch_optional(self.pool())
            .await?;
            row.as_ref().map(read_row).transpose()
        })
        .await
    }

    async fn list(&self, user: UserId, page: &PageRequest) -> Result<Page<ApiToken>, StoreError> {
        self.bounded(async {
            let mut connection = self.pool().acquire().await?;
            let total = if page.count {
                let mut counting = QueryBuilder::new(COUNT);
                counting.push("operator_api_token t");
                Conditions::of(&mut counting).and("t.user_id = ").push_bind(user.get());
                Some(count(&mut connection, &mut counting).await?)
            } else {
                None
            };
            let mut query = QueryBuilder::new(concat!("SELECT ", columns!(), " FROM operator_api_token t"));
            let mut all = Conditions::of(&mut query);
            all.and("t.user_id = ").push_bind(user.get());
            if let PageStart::After(cursor) = &page.start {
                all.and("t.id < ").push_bind(cursor.id);
            }
            query.push(" ORDER BY t.id DESC");
            push_limit(&mut query, page);
            let rows = query.build().fetch_all(&mut *connection).await?;
            page_by_id(&rows, page, total, read_row, |token| token.id.get())
        })
        .await
    }

    async fn note_use(&self, id: ApiTokenId, now: Timestamp) -> Result<(), StoreError> {
        self.bounded(async {
            sqlx::query("UPDATE operator_api_token SET last_used_at = greatest(last_used_at, $2) WHERE id = $1")
                .bind(id.get())
                .bind(At::from(now))
                .execute(self.pool())
                .await?;
            Ok(())
        })
        .await
    }

    async fn delete(&self, user: UserId, id: ApiTokenId, with: Envelope) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            let gone = sqlx::query("DELETE FROM operator_api_token WHERE id = $1 AND user_id = $2")
                .bind(id.get())
                .bind(user.get())
                .execute(&mut *act.tx)
                .await?;
            if gone.rows_affected() == 0 {
                return Err(Fault::missing("api token", id));
            }
            act.finish(Some(id.get())).await
        })
        .await
    }

    async fn drop_ended(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.bounded(async {
            let gone = sqlx::query("DELETE FROM operator_api_token WHERE expires_at < $1")
                .bind(At::from(before))
                .execute(self.pool())
                .await?;
            Ok(gone.rows_affected())
        })
        .await
    }
}
