//! People.

use async_trait::async_trait;
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{CustomerId, EntityRef, Revision, SessionId, UserId},
    operator::{NewUser, PasswordLink, Profile, User, UserFilter, UserStore},
    page::{Cursor, Order, Page, PageRequest},
    secret::Secret,
    time::Timestamp,
};

use super::{
    SqliteStore,
    error::OrFault,
    fields::Fields,
    listing::{Listing, Query},
    password_link,
};

const KIND: &str = "user";

/// What [`read`] reads of a person `o`.
macro_rules! user_columns {
    () => {
        "o.*, EXISTS (SELECT 1 FROM operator_second_factor f WHERE f.user_id = o.id AND f.confirmed_at IS NOT NULL)
         AS has_second_factor"
    };
}
pub(super) use user_columns;

#[async_trait]
impl UserStore for SqliteStore {
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        find(&mut *self.read().await?, id).await
    }

    async fn find_by_name(&self, username: &str) -> Result<Option<User>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            user_columns!(),
            " FROM operator_user o WHERE o.username = ?"
        ))
        .bind(username)
        .fetch_optional(&mut *self.read().await?)
        .await
        .or_fault(KIND, username)?;
        row.as_ref().map(read).transpose()
    }

    async fn has_users(&self) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM operator_user)")
            .fetch_one(&mut *self.read().await?)
            .await
            .or_fault(KIND, "")
    }

    async fn list(&self, filter: &UserFilter, order: Order, page: &PageRequest) -> Result<Page<User>, StoreError> {
        let listing = Listing {
            kind: KIND,
            around: ("", ""),
            columns: user_columns!(),
            from: "operator_user o",
            key: Some("o.username"),
            id: "o.id",
            order,
        };
        let conditions = |query: &mut Query| narrow(query, filter);
        let cursor = |user: &User| Cursor {
            value: user.username.clone(),
            id: user.id.get(),
        };
        let mut conn = self.read().await?;
        listing.page(&mut conn, page, &conditions, read, cursor).await
    }

    async fn insert(&self, user: &NewUser, now: Timestamp, with: Envelope) -> Result<User, StoreError> {
        let mut work = self.act(&with).await?;
        let profile = &user.profile;
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO operator_user (username, full_name, email, role, customer_id, password_hash, is_disabled,
             search_key, created_at, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        )
        .bind(&user.username)
        .bind(&profile.full_name)
        .bind(&profile.email)
        .bind(profile.role.as_str())
        .bind(profile.customer.map(CustomerId::get))
        .bind(user.password_hash.as_ref().map_or("", |hash| hash.expose()))
        .bind(profile.is_disabled)
        .bind(User::search_key(&user.username, profile))
        .bind(now.as_micros())
        .bind(Revision::FIRST.0)
        .fetch_one(work.conn())
        .await
        .or_fault_referring(KIND, &user.username, "customer")?;
        let id = UserId::new(id).map_err(|e| StoreError::Corrupt(EntityRef::new(KIND, id), e.into()))?;
        if let Some((hash, expires_at)) = user.link {
            let user = id;
            password_link::write(work.conn(), &PasswordLink { user, hash, expires_at }).await?;
        }
        let stored = get(work.conn(), id).await?;
        work.seal(&with, Some(id.get())).await?;
        Ok(stored)
    }

    async fn save(&self, id: UserId, next: &Profile, seen: Revision, with: Envelope) -> Result<User, StoreError> {
        let mut work = self.act(&with).await?;
        let before = check(work.conn(), id, seen, Some(next)).await?;
        sqlx::query(
            "UPDATE operator_user SET full_name = ?, email = ?, role = ?, customer_id = ?, is_disabled = ?,
             search_key = ?, revision = ? WHERE id = ?",
        )
        .bind(&next.full_name)
        .bind(&next.email)
        .bind(next.role.as_str())
        .bind(next.customer.map(CustomerId::get))
        .bind(next.is_disabled)
        .bind(User::search_key(&before.username, next))
        .bind(seen.next().0)
        .bind(id.get())
        .execute(work.conn())
        .await
        .or_fault_referring(KIND, id, "customer")?;
        if next.is_disabled {
            disown(work.conn(), id).await?;
        }
        let saved = get(work.conn(), id).await?;
        work.seal(&with, Some(id.get())).await?;
        Ok(saved)
    }

    async fn set_password(
        &self,
        id: UserId,
        hash: &Secret<String>,
        spared: Option<SessionId>,
        with: Envelope,
    ) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        get(work.conn(), id).await?;
        write_password(work.conn(), id, hash).await?;
        end_sessions(work.conn(), id, spared).await?;
        forget(work.conn(), "DELETE FROM operator_password_link WHERE user_id = ?", id).await?;
        work.seal(&with, Some(id.get())).await
    }

    async fn rehash(&self, id: UserId, seen: &Secret<String>, next: &Secret<String>) -> Result<(), StoreError> {
        let mut work = self.begin(None).await?;
        sqlx::query("UPDATE operator_user SET password_hash = ? WHERE id = ? AND password_hash = ?")
            .bind(next.expose())
            .bind(id.get())
            .bind(seen.expose())
            .execute(work.conn())
            .await
            .or_fault(KIND, id)?;
        work.commit().await
    }

    async fn delete(&self, id: UserId, seen: Revision, with: Envelope) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        check(work.conn(), id, seen, None).await?;
        // All else that was given out goes with the person.
        forget(work.conn(), "DELETE FROM operator_session WHERE user_id = ?", id).await?;
        forget(work.conn(), "DELETE FROM operator_user WHERE id = ?", id).await?;
        work.seal(&with, Some(id.get())).await
    }
}

async fn find(conn: &mut SqliteConnection, id: UserId) -> Result<Option<User>, StoreError> {
    let row = sqlx::query(concat!(
        "SELECT ",
        user_columns!(),
        " FROM operator_user o WHERE o.id = ?"
    ))
    .bind(id.get())
    .fetch_optional(conn)
    .await
    .or_fault(KIND, id)?;
    row.as_ref().map(read).transpose()
}

async fn get(conn: &mut SqliteConnection, id: UserId) -> Result<User, StoreError> {
    let found = find(conn, id).await?;
    found.ok_or_else(|| StoreError::Missing(EntityRef::new(KIND, id)))
}

/// Checks that a person is as seen, and that somebody governs still once they have become `next`; returns them.
async fn check(
    conn: &mut SqliteConnection,
    id: UserId,
    seen: Revision,
    next: Option<&Profile>,
) -> Result<User, StoreError> {
    let user = get(&mut *conn, id).await?;
    if user.revision != seen {
        return Err(StoreError::Stale(EntityRef::new(KIND, id)));
    }
    if !user.profile.governs() || next.is_some_and(Profile::governs) {
        return Ok(user);
    }
    let others: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM operator_user WHERE id <> ? AND role = 'admin' AND NOT is_disabled
         AND customer_id IS NULL)",
    )
    .bind(id.get())
    .fetch_one(conn)
    .await
    .or_fault(KIND, id)?;
    if others {
        Ok(user)
    } else {
        Err(StoreError::LastAdministrator)
    }
}

/// Takes back everything that was given out to a person.
async fn disown(conn: &mut SqliteConnection, id: UserId) -> Result<(), StoreError> {
    end_sessions(conn, id, None).await?;
    forget(conn, "DELETE FROM operator_api_token WHERE user_id = ?", id).await?;
    forget(conn, "DELETE FROM operator_password_link WHERE user_id = ?", id).await?;
    forget_devices(conn, id).await
}

/// Sets the hash of a password.
pub(super) async fn write_password(
    conn: &mut SqliteConnection,
    id: UserId,
    hash: &Secret<String>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE operator_user SET password_hash = ? WHERE id = ?")
        .bind(hash.expose())
        .bind(id.get())
        .execute(conn)
        .await
        .or_fault(KIND, id)
        .map(drop)
}

/// Ends the sessions of a person but `spared`.
pub(super) async fn end_sessions(
    conn: &mut SqliteConnection,
    id: UserId,
    spared: Option<SessionId>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE operator_session SET is_revoked = 1 WHERE user_id = ? AND NOT is_revoked AND id <> coalesce(?, 0)",
    )
    .bind(id.get())
    .bind(spared.map(SessionId::get))
    .execute(conn)
    .await
    .or_fault(KIND, id)
    .map(drop)
}

/// Forgets the devices of a person.
pub(super) async fn forget_devices(conn: &mut SqliteConnection, id: UserId) -> Result<(), StoreError> {
    forget(conn, "DELETE FROM operator_device WHERE user_id = ?", id).await
}

async fn forget(conn: &mut SqliteConnection, sql: &'static str, id: UserId) -> Result<(), StoreError> {
    let done = sqlx::query(sql).bind(id.get()).execute(conn).await;
    done.or_fault(KIND, id).map(drop)
}

fn narrow(query: &mut Query, filter: &UserFilter) {
    if let Some(role) = filter.role {
        query.push(" AND o.role = ").push_bind(role.as_str());
    }
    if let Some(is_disabled) = filter.is_disabled {
        query.push(" AND o.is_disabled = ").push_bind(is_disabled);
    }
    if let Some(search) = &filter.search {
        query
            .push(" AND instr(o.search_key, ")
            .push_bind(search.clone())
            .push(") > 0");
    }
}

/// Reads the columns of a person.
pub(super) fn read(row: &SqliteRow) -> Result<User, StoreError> {
    let fields = Fields::new(KIND, row);
    let hash: String = fields.get("password_hash")?;
    Ok(User {
        id: fields.id("id", UserId::new)?,
        username: fields.get("username")?,
        profile: Profile {
            full_name: fields.get("full_name")?,
            email: fields.get("email")?,
            role: fields.named("role")?,
            customer: fields.maybe_id("customer_id", CustomerId::new)?,
            is_disabled: fields.get("is_disabled")?,
        },
        password_hash: Some(hash).filter(|hash| !hash.is_empty()).map(Secret::new),
        has_second_factor: fields.get("has_second_factor")?,
        created_at: fields.time("created_at")?,
        revision: fields.revision("revision")?,
    })
}
