//! Channels of notifications. The outbox is in [`super::outbox`].

use async_trait::async_trait;
use sqlx::{PgConnection, QueryBuilder, postgres::PgRow, types::Json};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{ChannelId, MessageId, Revision},
    lease::Fence,
    notification::{
        Channel, ChannelDraft, ChannelState, Message, NotificationStore, Outcome, SealedSecret, document,
        store::{Ending, Progress, Step},
    },
    page::{Page, PageRequest, PageStart},
    time::Timestamp,
};

use super::{
    cells::{Cells, unsigned},
    error::Fault,
    listing::{COUNT, Conditions, count, page_by_id, push_limit},
    pool::PgStore,
    time::At,
};

pub(super) const KIND: &str = "notification channel";

macro_rules! columns {
    () => {
        "c.id, c.name, c.is_enabled, c.document, c.secret, c.failures, c.last_error, c.last_failed_at, c.last_sent_at, \
         c.resume_at, (SELECT count(*) FROM notification_message m WHERE m.channel_id = c.id AND m.state = 'pending'), \
         c.created_at, c.updated_at, c.revision"
    };
}

fn read(row: &PgRow) -> Result<Channel, Fault> {
    let mut cells = Cells::of(KIND, row);
    let id = cells.id(ChannelId::new)?;
    let (name, is_enabled) = (cells.get()?, cells.get()?);
    let draft = document::read(name, is_enabled, &cells.json()?).map_err(|error| Fault::corrupt(KIND, error))?;
    Ok(Channel {
        id,
        draft,
        secret: cells.get::<Option<Vec<u8>>>()?.map(SealedSecret),
        state: ChannelState {
            failures: cells.narrow()?,
            last_error: cells.get()?,
            last_failed_at: cells.maybe_time()?,
            last_sent_at: cells.maybe_time()?,
            resume_at: cells.maybe_time()?,
            queued: unsigned(cells.get()?),
        },
        created_at: cells.time()?,
        updated_at: cells.time()?,
        revision: cells.revision()?,
    })
}

#[async_trait]
impl NotificationStore for PgStore {
    async fn insert(
        &self,
        draft: &ChannelDraft,
        secret: Option<SealedSecret>,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Channel, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            let row = sqlx::query(concat!(
                "INSERT INTO notification_channel AS c (name, is_enabled, document, secret, created_at, updated_at, \
                 revision) VALUES ($1, $2, $3, $4, $5, $5, 1) RETURNING ",
                columns!()
            ))
            .bind(&draft.name)
            .bind(draft.is_enabled)
            .bind(Json(document::write(draft)))
            .bind(secret.map(|secret| secret.0))
            .bind(At::from(now))
            .fetch_one(&mut *act.tx)
            .await?;
            let made = read(&row)?;
            act.finish(Some(made.id.get())).await?;
            Ok(made)
        })
        .await
    }

    async fn find(&self, id: ChannelId) -> Result<Option<Channel>, StoreError> {
        self.bounded(async {
            let sql = concat!("SELECT ", columns!(), " FROM notification_channel c WHERE c.id = $1");
            let row = sqlx::query(sql).bind(id.get()).fetch_optional(self.pool()).await?;
            row.as_ref().map(read).transpose()
        })
        .await
    }

    async fn list(&self, page: &PageRequest) -> Result<Page<Channel>, StoreError> {
        self.bounded(async {
            let mut connection = self.pool().acquire().await?;
            let total = if page.count {
                let mut counting = QueryBuilder::new(COUNT);
                counting.push("notification_channel c");
                Some(count(&mut connection, &mut counting).await?)
            } else {
                None
            };
            let mut query = QueryBuilder::new(concat!("SELECT ", columns!(), " FROM notification_channel c"));
            if let PageStart::After(cursor) = &page.start {
                Conditions::of(&mut query).and("c.id < ").push_bind(cursor.id);
            }
            query.push(" ORDER BY c.id DESC");
            push_limit(&mut query, page);
            let rows = query.build().fetch_all(&mut *connection).await?;
            page_by_id(&rows, page, total, read, |channel| channel.id.get())
        })
        .await
    }

    async fn enabled(&self) -> Result<Vec<Channel>, StoreError> {
        self.bounded(async {
            let sql = concat!(
                "SELECT ",
                columns!(),
                " FROM notification_channel c WHERE c.is_enabled ORDER BY c.id"
            );
            let rows = sqlx::query(sql).fetch_all(self.pool()).await?;
            rows.iter().map(read).collect()
        })
        .await
    }

    async fn save(&self, next: &Channel, seen: Revision, with: Envelope) -> Result<Revision, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            expect(&mut act.tx, next.id, seen).await?;
            sqlx::query(
                "UPDATE notification_channel SET name = $2, is_enabled = $3, document = $4, secret = $5, \
                 updated_at = $6, revision = $7 WHERE id = $1",
            )
            .bind(next.id.get())
            .bind(&next.draft.name)
            .bind(next.draft.is_enabled)
            .bind(Json(document::write(&next.draft)))
            .bind(next.secret.as_ref().map(|secret| &secret.0))
            .bind(At::from(next.updated_at))
            .bind(seen.next().0)
            .execute(&mut *act.tx)
            .await?;
            act.finish(Some(next.id.get())).await?;
            Ok(seen.next())
        })
        .await
    }

    async fn delete(&self, id: ChannelId, seen: Revision, with: Envelope) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            expect(&mut act.tx, id, seen).await?;
            sqlx::query("DELETE FROM notification_channel WHERE id = $1")
                .bind(id.get())
                .execute(&mut *act.tx)
                .await?;
            act.finish(Some(id.get())).await
        })
        .await
    }

    async fn note(&self, id: ChannelId, outcome: &Outcome, with: Envelope) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            if !note(&mut act.tx, id, outcome).await? {
                return Err(Fault::missing(KIND, id));
            }
            act.finish(Some(id.get())).await
        })
        .await
    }

    async fn progress(&self) -> Result<Option<Progress>, StoreError> {
        self.bounded(self.told_to()).await
    }

    async fn growing(&self) -> Result<Vec<Message>, StoreError> {
        self.bounded(self.growing_messages()).await
    }

    async fn advance(&self, step: &Step, now: Timestamp, fence: Fence) -> Result<(), StoreError> {
        self.bounded(self.tell(step, now, fence)).await
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Message>, StoreError> {
        self.bounded(self.due_messages(now, limit)).await
    }

    async fn begin(&self, message: &Message, again_at: Timestamp, fence: Fence) -> Result<bool, StoreError> {
        self.bounded(self.begin_try(message, again_at, fence)).await
    }

    async fn finish(&self, message: MessageId, ending: &Ending, fence: Fence) -> Result<(), StoreError> {
        self.bounded(self.end_try(message, ending, fence)).await
    }

    async fn drop_old(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.bounded(async {
            let dropped = sqlx::query(
                "DELETE FROM notification_message WHERE id IN \
                 (SELECT id FROM notification_message WHERE created_at < $1 LIMIT $2)",
            )
            .bind(At::from(before))
            .bind(i64::from(limit))
            .execute(self.pool())
            .await?;
            Ok(dropped.rows_affected())
        })
        .await
    }
}

/// Locks a channel and checks its revision.
async fn expect(tx: &mut PgConnection, id: ChannelId, seen: Revision) -> Result<(), Fault> {
    let stored: Option<i64> = sqlx::query_scalar("SELECT revision FROM notification_channel WHERE id = $1 FOR UPDATE")
        .bind(id.get())
        .fetch_optional(tx)
        .await?;
    match stored {
        None => Err(Fault::missing(KIND, id)),
        Some(revision) if revision != seen.0 => Err(Fault::stale(KIND, id)),
        Some(_) => Ok(()),
    }
}

/// Writes what came of a try; tells whether there is such a channel.
pub(super) async fn note(tx: &mut PgConnection, id: ChannelId, outcome: &Outcome) -> Result<bool, Fault> {
    let noted = sqlx::query(
        "UPDATE notification_channel SET failures = CASE WHEN $2::text IS NULL THEN 0 ELSE failures + 1 END, \
         last_error = $2, last_failed_at = CASE WHEN $2 IS NULL THEN last_failed_at ELSE $3 END, \
         last_sent_at = CASE WHEN $2 IS NULL THEN $3 ELSE last_sent_at END, resume_at = $4 WHERE id = $1",
    )
    .bind(id.get())
    .bind(&outcome.error)
    .bind(At::from(outcome.at))
    .bind(At::from(outcome.resume_at))
    .execute(tx)
    .await?;
    Ok(noted.rows_affected() > 0)
}
