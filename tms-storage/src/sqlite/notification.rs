//! Channels of notifications. The outbox is in [`super::outbox`].

use async_trait::async_trait;
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{ChannelId, EntityRef, MessageId, Revision},
    lease::Fence,
    notification::{
        Channel, ChannelDraft, ChannelState, Message, NotificationStore, Outcome, SealedSecret, document,
        store::{Ending, Progress, Step},
    },
    page::{Order, Page, PageRequest},
    time::Timestamp,
};

use super::{
    SqliteStore,
    error::OrFault,
    fields::Fields,
    listing::{Listing, Query, by_id},
};

const KIND: &str = "notification channel";

macro_rules! columns {
    () => {
        "c.*, (SELECT count(*) FROM notification_message m WHERE m.channel_id = c.id AND m.state = 'pending') AS queued"
    };
}

#[async_trait]
impl NotificationStore for SqliteStore {
    async fn insert(
        &self,
        draft: &ChannelDraft,
        secret: Option<SealedSecret>,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Channel, StoreError> {
        let mut work = self.act(&with).await?;
        let row = sqlx::query(
            "INSERT INTO notification_channel (name, is_enabled, document, secret, created_at, updated_at, revision)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1) RETURNING *, 0 AS queued",
        )
        .bind(&draft.name)
        .bind(draft.is_enabled)
        .bind(document::write(draft).to_string())
        .bind(secret.map(|secret| secret.0))
        .bind(now.as_micros())
        .fetch_one(work.conn())
        .await
        .or_fault(KIND, &draft.name)?;
        let made = read(&row)?;
        work.seal(&with, Some(made.id.get())).await?;
        Ok(made)
    }

    async fn find(&self, id: ChannelId) -> Result<Option<Channel>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM notification_channel c WHERE c.id = ?");
        let row = sqlx::query(sql)
            .bind(id.get())
            .fetch_optional(&mut *self.read().await?)
            .await
            .or_fault(KIND, id)?;
        row.as_ref().map(read).transpose()
    }

    async fn list(&self, page: &PageRequest) -> Result<Page<Channel>, StoreError> {
        let listing = Listing {
            kind: KIND,
            around: ("", ""),
            columns: columns!(),
            from: "notification_channel c",
            key: None,
            id: "c.id",
            order: Order::Descending,
        };
        let mut conn = self.read().await?;
        listing
            .page(&mut conn, page, &|_: &mut Query| {}, read, |found| {
                by_id(found.id.get())
            })
            .await
    }

    async fn enabled(&self) -> Result<Vec<Channel>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM notification_channel c WHERE c.is_enabled = 1 ORDER BY c.id"
        );
        let rows = sqlx::query(sql)
            .fetch_all(&mut *self.read().await?)
            .await
            .or_fault(KIND, "")?;
        rows.iter().map(read).collect()
    }

    async fn save(&self, next: &Channel, seen: Revision, with: Envelope) -> Result<Revision, StoreError> {
        let mut work = self.act(&with).await?;
        expect(work.conn(), next.id, seen).await?;
        sqlx::query(
            "UPDATE notification_channel SET name = ?, is_enabled = ?, document = ?, secret = ?, updated_at = ?,
             revision = ? WHERE id = ?",
        )
        .bind(&next.draft.name)
        .bind(next.draft.is_enabled)
        .bind(document::write(&next.draft).to_string())
        .bind(next.secret.as_ref().map(|secret| &secret.0))
        .bind(next.updated_at.as_micros())
        .bind(seen.next().0)
        .bind(next.id.get())
        .execute(work.conn())
        .await
        .or_fault(KIND, &next.draft.name)?;
        work.seal(&with, Some(next.id.get())).await?;
        Ok(seen.next())
    }

    async fn delete(&self, id: ChannelId, seen: Revision, with: Envelope) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        expect(work.conn(), id, seen).await?;
        sqlx::query("DELETE FROM notification_channel WHERE id = ?")
            .bind(id.get())
            .execute(work.conn())
            .await
            .or_fault(KIND, id)?;
        work.seal(&with, Some(id.get())).await
    }

    async fn note(&self, id: ChannelId, outcome: &Outcome, with: Envelope) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        if !note(work.conn(), id, outcome).await? {
            return Err(StoreError::Missing(EntityRef::new(KIND, id)));
        }
        work.seal(&with, Some(id.get())).await
    }

    async fn progress(&self) -> Result<Option<Progress>, StoreError> {
        self.told_to().await
    }

    async fn growing(&self) -> Result<Vec<Message>, StoreError> {
        self.growing_messages().await
    }

    async fn advance(&self, step: &Step, now: Timestamp, fence: Fence) -> Result<(), StoreError> {
        self.tell(step, now, fence).await
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Message>, StoreError> {
        self.due_messages(now, limit).await
    }

    async fn begin(&self, message: &Message, again_at: Timestamp, fence: Fence) -> Result<bool, StoreError> {
        self.begin_try(message, again_at, fence).await
    }

    async fn finish(&self, message: MessageId, ending: &Ending, fence: Fence) -> Result<(), StoreError> {
        self.end_try(message, ending, fence).await
    }

    async fn drop_old(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut work = self.begin(None).await?;
        let dropped = sqlx::query(
            "DELETE FROM notification_message WHERE id IN
             (SELECT id FROM notification_message WHERE created_at < ? LIMIT ?)",
        )
        .bind(before.as_micros())
        .bind(i64::from(limit))
        .execute(work.conn())
        .await
        .or_fault("notification", "")?;
        work.commit().await?;
        Ok(dropped.rows_affected())
    }
}

fn read(row: &SqliteRow) -> Result<Channel, StoreError> {
    let fields = Fields::new(KIND, row);
    let draft = document::read(
        fields.get("name")?,
        fields.get("is_enabled")?,
        &fields.json("document")?,
    );
    Ok(Channel {
        id: fields.id("id", ChannelId::new)?,
        draft: draft.map_err(|error| fields.corrupt("document", error))?,
        secret: fields.get::<Option<Vec<u8>>>("secret")?.map(SealedSecret),
        state: ChannelState {
            failures: fields.number("failures")?,
            last_error: fields.get("last_error")?,
            last_failed_at: fields.maybe_time("last_failed_at")?,
            last_sent_at: fields.maybe_time("last_sent_at")?,
            resume_at: fields.maybe_time("resume_at")?,
            queued: fields.number("queued")?,
        },
        created_at: fields.time("created_at")?,
        updated_at: fields.time("updated_at")?,
        revision: fields.revision("revision")?,
    })
}

async fn expect(conn: &mut SqliteConnection, id: ChannelId, seen: Revision) -> Result<(), StoreError> {
    let stored: Option<i64> = sqlx::query_scalar("SELECT revision FROM notification_channel WHERE id = ?")
        .bind(id.get())
        .fetch_optional(conn)
        .await
        .or_fault(KIND, id)?;
    match stored {
        None => Err(StoreError::Missing(EntityRef::new(KIND, id))),
        Some(revision) if revision != seen.0 => Err(StoreError::Stale(EntityRef::new(KIND, id))),
        Some(_) => Ok(()),
    }
}

/// Writes what came of a try; tells whether there is such a channel.
pub(super) async fn note(conn: &mut SqliteConnection, id: ChannelId, outcome: &Outcome) -> Result<bool, StoreError> {
    let noted = sqlx::query(
        "UPDATE notification_channel SET failures = CASE WHEN ?2 IS NULL THEN 0 ELSE failures + 1 END,
         last_error = ?2, last_failed_at = CASE WHEN ?2 IS NULL THEN last_failed_at ELSE ?3 END,
         last_sent_at = CASE WHEN ?2 IS NULL THEN ?3 ELSE last_sent_at END, resume_at = ?4 WHERE id = ?1",
    )
    .bind(id.get())
    .bind(&outcome.error)
    .bind(outcome.at.as_micros())
    .bind(outcome.resume_at.as_micros())
    .execute(conn)
    .await
    .or_fault(KIND, id)?;
    Ok(noted.rows_affected() > 0)
}
