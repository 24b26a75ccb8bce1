//! People.

use async_trait::async_trait;
use sqlx::{PgConnection, postgres::PgRow};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{CustomerId, Revision, SessionId, UserId},
    operator::{NewUser, PasswordLink, Profile, User, UserFilter, UserStore},
    page::{Cursor, Order, Page, PageRequest, PageStart},
    secret::Secret,
    time::Timestamp,
};

use super::{
    cells::Cells,
    error::Fault,
    listing::{COUNT, Conditions, anywhere, behind, count, direction, push_limit},
    password_link,
    pool::PgStore,
    time::At,
};

/// What [`read`] reads of a person `u`.
macro_rules! user_columns {
    () => {
        "u.id, u.username, u.full_name, u.email, u.role, u.customer_id, u.is_disabled, u.password_hash, \
         EXISTS (SELECT 1 FROM operator_second_factor f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL), \
         u.created_at, u.revision"
    };
}
pub(super) use user_columns;

/// Reads the columns of a person.
pub(super) fn read(cells: &mut Cells<'_>) -> Result<User, Fault> {
    let (id, username) = (cells.id(UserId::new)?, cells.get()?);
    let profile = Profile {
        full_name: cells.get()?,
        email: cells.get()?,
        role: cells.parse()?,
        customer: cells.maybe_id(CustomerId::new)?,
        is_disabled: cells.get()?,
    };
    let hash: String = cells.get()?;
    Ok(User {
        id,
        username,
        profile,
        password_hash: Some(hash).filter(|hash| !hash.is_empty()).map(Secret::new),
        has_second_factor: cells.get()?,
        created_at: cells.time()?,
        revision: cells.revision()?,
    })
}

fn read_row(row: &PgRow) -> Result<User, Fault> {
    read(&mut Cells::of("user", row))
}

#[async_trait]
impl UserStore for PgStore {
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.bounded(async { find(&mut *self.pool().acquire().await?, id).await })
            .await
    }

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
            row.as_ref().map(read_row).transpose()
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

    async fn list(&self, filter: &UserFilter, order: Order, page: &PageRequest) -> Result<Page<User>, StoreError> {
        self.bounded(self.list_users(filter, order, page)).await
    }

    async fn insert(&self, user: &NewUser, now: Timestamp, with: Envelope) -> Result<User, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            let profile = &user.profile;
            let row = sqlx::query(concat!(
                "INSERT INTO operator_user AS u (username, full_name, email, role, customer_id, password_hash, \
                 is_disabled, search_key, created_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1) \
                 RETURNING ",
                user_columns!()
            ))
            .bind(&user.username)
            .bind(&profile.full_name)
            .bind(&profile.email)
            .bind(profile.role.as_str())
            .bind(profile.customer.map(CustomerId::get))
            .bind(user.password_hash.as_ref().map_or("", |hash| hash.expose()))
            .bind(profile.is_disabled)
            .bind(User::search_key(&user.username, profile))
            .bind(At::from(now))
            .fetch_one(&mut *act.tx)
            .await?;
            let stored = read_row(&row)?;
            if let Some((hash, expires_at)) = user.link {
                let user = stored.id;
                password_link::write(&mut act.tx, &PasswordLink { user, hash, expires_at }).await?;
            }
            act.finish(Some(stored.id.get())).await?;
            Ok(stored)
        })
        .await
    }

    async fn save(&self, id: UserId, next: &Profile, seen: Revision, with: Envelope) -> Result<User, StoreError> {
        self.bounded(async {
            let mut act = self.act_on_people(with).await?;
            let before = check(&mut act.tx, id, seen, Some(next)).await?;
            let row = sqlx::query(concat!(
                "UPDATE operator_user AS u SET full_name = $2, email = $3, role = $4, customer_id = $5, \
                 is_disabled = $6, search_key = $7, revision = $8 WHERE u.id = $1 RETURNING ",
                user_columns!()
            ))
            .bind(id.get())
            .bind(&next.full_name)
            .bind(&next.email)
            .bind(next.role.as_str())
            .bind(next.customer.map(CustomerId::get))
            .bind(next.is_disabled)
            .bind(User::search_key(&before.username, next))
            .bind(seen.next().0)
            .fetch_one(&mut *act.tx)
            .await?;
            if next.is_disabled {
                disown(&mut act.tx, id).await?;
            }
            act.finish(Some(id.get())).await?;
            read_row(&row)
        })
        .await
    }

    async fn set_password(
        &self,
        id: UserId,
        hash: &Secret<String>,
        spared: Option<SessionId>,
        with: Envelope,
    ) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act_on_people(with).await?;
            let set = sqlx::query("UPDATE operator_user SET password_hash = $2 WHERE id = $1")
                .bind(id.get())
                .bind(hash.expose())
                .execute(&mut *act.tx)
                .await?;
            if set.rows_affected() == 0 {
                return Err(Fault::missing("user", id));
            }
            end_sessions(&mut act.tx, id, spared).await?;
            forget(&mut act.tx, "DELETE FROM operator_password_link WHERE user_id = $1", id).await?;
            act.finish(Some(id.get())).await
        })
        .await
    }

    async fn rehash(&self, id: UserId, seen: &Secret<String>, next: &Secret<String>) -> Result<(), StoreError> {
        self.bounded(async {
            sqlx::query("UPDATE operator_user SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
                .bind(id.get())
                .bind(seen.expose())
                .bind(next.expose())
                .execute(self.pool())
                .await?;
            self.tell_people().await;
            Ok(())
        })
        .await
    }

    async fn delete(&self, id: UserId, seen: Revision, with: Envelope) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act_on_people(with).await?;
            check(&mut act.tx, id, seen, None).await?;
            // All that was given out goes with the person.
            forget(&mut act.tx, "DELETE FROM operator_user WHERE id = $1", id).await?;
            act.finish(Some(id.get())).await
        })
        .await
    }
}

async fn find(connection: &mut PgConnection, id: UserId) -> Result<Option<User>, Fault> {
    let row = sqlx::query(concat!(
        "SELECT ",
        user_columns!(),
        " FROM operator_user u WHERE u.id = $1"
    ))
    .bind(id.get())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read_row).transpose()
}

/// Checks that a person is as seen, and that somebody governs still once they have become `next`; returns them.
///
/// One change of people at a time, until the end of the transaction: two who demote each other must not both see the
/// other one govern.
async fn check(tx: &mut PgConnection, id: UserId, seen: Revision, next: Option<&Profile>) -> Result<User, Fault> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('tms_people', 0))")
        .execute(&mut *tx)
        .await?;
    let user = find(&mut *tx, id).await?.ok_or_else(|| Fault::missing("user", id))?;
    if user.revision != seen {
        return Err(Fault::stale("user", id));
    }
    if !user.profile.governs() || next.is_some_and(Profile::governs) {
        return Ok(user);
    }
    let others: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM operator_user WHERE id <> $1 AND role = 'admin' AND NOT is_disabled \
         AND customer_id IS NULL)",
    )
    .bind(id.get())
    .fetch_one(tx)
    .await?;
    if others {
        Ok(user)
    } else {
        Err(StoreError::LastAdministrator.into())
    }
}

/// Takes back everything that was given out to a person.
async fn disown(tx: &mut PgConnection, id: UserId) -> Result<(), Fault> {
    end_sessions(tx, id, None).await?;
    forget(tx, "DELETE FROM operator_api_token WHERE user_id = $1", id).await?;
    forget(tx, "DELETE FROM operator_password_link WHERE user_id = $1", id).await?;
    forget_devices(tx, id).await
}

/// Ends the sessions of a person but `spared`.
pub(super) async fn end_sessions(tx: &mut PgConnection, id: UserId, spared: Option<SessionId>) -> Result<(), Fault> {
    sqlx::query(
        "UPDATE operator_session SET is_revoked = true WHERE user_id = $1 AND NOT is_revoked AND id <> coalesce($2, 0)",
    )
    .bind(id.get())
    .bind(spared.map(SessionId::get))
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets the devices of a person.
pub(super) async fn forget_devices(tx: &mut PgConnection, id: UserId) -> Result<(), Fault> {
    forget(tx, "DELETE FROM operator_device WHERE user_id = $1", id).await
}

async fn forget(tx: &mut PgConnection, sql: &'static str, id: UserId) -> Result<(), Fault> {
    sqlx::query(sql).bind(id.get()).execute(tx).await?;
    Ok(())
}

impl PgStore {
    async fn list_users(&self, filter: &UserFilter, order: Order, page: &PageRequest) -> Result<Page<User>, Fault> {
        let mut connection = self.pool().acquire().await?;
        let total = if page.count {
            let mut counting = sqlx::QueryBuilder::new(COUNT);
            counting.push("operator_user u");
            conditions(filter, &mut Conditions::of(&mut counting));
            Some(count(&mut connection, &mut counting).await?)
        } else {
            None
        };
        let mut query = sqlx::QueryBuilder::new(concat!("SELECT ", user_columns!(), " FROM operator_user u"));
        let mut all = Conditions::of(&mut query);
        conditions(filter, &mut all);
        if let PageStart::After(cursor) = &page.start {
            // Names are unique, so that the id never decides.
            all.and("u.username")
                .push(behind(order))
                .push_bind(cursor.value.clone());
        }
        query.push(" ORDER BY u.username").push(direction(order));
        push_limit(&mut query, page);
        let rows = query.build().fetch_all(&mut *connection).await?;
        let items = rows.iter().map(read_row).collect::<Result<_, _>>()?;
        Ok(Page::from_rows(items, page.limit, total, |user: &User| Cursor {
            value: user.username.clone(),
            id: user.id.get(),
        }))
    }
}

fn conditions(filter: &UserFilter, all: &mut Conditions<'_>) {
    if let Some(role) = filter.role {
        all.and("u.role = ").push_bind(role.as_str());
    }
    if let Some(is_disabled) = filter.is_disabled {
        all.and("u.is_disabled = ").push_bind(is_disabled);
    }
    if let Some(search) = &filter.search {
        all.and("u.search_key LIKE ").push_bind(anywhere(search));
    }
}
