//! The outbox: messages that wait, and how far the events have been turned into them.

use sqlx::sqlite::SqliteRow;
use tms_core::{
    StoreError,
    event::EventPosition,
    id::{AlertId, ChannelId, EntityRef, MessageId},
    lease::Fence,
    notification::{
        Message, Outcome, document,
        store::{Ending, Progress, Step},
    },
    time::Timestamp,
};

use super::{SqliteStore, error::OrFault, fields::Fields, notification};

const KIND: &str = "notification";

fn read(row: &SqliteRow) -> Result<Message, StoreError> {
    let fields = Fields::new(KIND, row);
    let items = document::read_items(&fields.json("items")?);
    Ok(Message {
        id: fields.id("id", MessageId::new)?,
        channel: fields.id("channel_id", ChannelId::new)?,
        items: items.map_err(|error| fields.corrupt("items", error))?,
        attempts: fields.number("attempts")?,
        due_at: fields.time("due_at")?,
        created_at: fields.time("created_at")?,
    })
}

impl SqliteStore {
    pub(super) async fn told_to(&self) -> Result<Option<Progress>, StoreError> {
        let row = sqlx::query("SELECT * FROM notification_progress")
            .fetch_optional(&mut *self.read().await?)
            .await
            .or_fault(KIND, "progress")?;
        let read = |row: &SqliteRow| {
            let fields = Fields::new("notification progress", row);
            let position = EventPosition {
                transaction: fields.get("event_transaction")?,
                row: fields.get("event_row")?,
            };
            let last_alert = fields.maybe_id("last_alert", AlertId::new)?;
            Ok(Progress { position, last_alert })
        };
        row.as_ref().map(read).transpose()
    }

    pub(super) async fn growing_messages(&self) -> Result<Vec<Message>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM notification_message WHERE state = 'pending' AND attempts = 0 ORDER BY id")
                .fetch_all(&mut *self.read().await?)
                .await
                .or_fault(KIND, "")?;
        rows.iter().map(read).collect()
    }

    pub(super) async fn tell(&self, step: &Step, now: Timestamp, fence: Fence) -> Result<(), StoreError> {
        let mut work = self.begin(Some(fence)).await?;
        for (id, items) in &step.grown {
            let grown = sqlx::query(
                "UPDATE notification_message SET items = ? WHERE id = ? AND state = 'pending' AND attempts = 0",
            )
            .bind(document::write_items(items).to_string())
            .bind(id.get())
            .execute(work.conn())
            .await
            .or_fault(KIND, id)?;
            if grown.rows_affected() == 0 {
                return Err(StoreError::Stale(EntityRef::new(KIND, id)));
            }
        }
        for new in &step.new {
            sqlx::query("INSERT INTO notification_message (channel_id, items, due_at, created_at) VALUES (?, ?, ?, ?)")
                .bind(new.channel.get())
                .bind(document::write_items(&new.items).to_string())
                .bind(new.due_at.as_micros())
                .bind(now.as_micros())
                .execute(work.conn())
                .await
                .or_fault("notification channel", new.channel)?;
        }
        sqlx::query(
            "INSERT INTO notification_progress (only_one, event_transaction, event_row, last_alert)
             VALUES (1, ?, ?, ?) ON CONFLICT (only_one) DO UPDATE SET event_transaction = excluded.event_transaction,
             event_row = excluded.event_row, last_alert = excluded.last_alert",
        )
        .bind(step.progress.position.transaction)
        .bind(step.progress.position.row)
        .bind(step.progress.last_alert.map(AlertId::get))
        .execute(work.conn())
        .await
        .or_fault(KIND, "progress")?;
        work.commit().await
    }

    pub(super) async fn due_messages(&self, now: Timestamp, limit: u32) -> Result<Vec<Message>, StoreError> {
        let rows = sqlx::query(
            "SELECT m.* FROM notification_message m WHERE m.id IN (
                 SELECT min(d.id) FROM notification_message d JOIN notification_channel c ON c.id = d.channel_id
                 WHERE d.state = 'pending' AND d.due_at <= ?1 AND c.is_enabled = 1
                 AND (c.resume_at IS NULL OR c.resume_at <= ?1) GROUP BY d.channel_id
             ) ORDER BY m.id LIMIT ?2",
        )
        .bind(now.as_micros())
        .bind(i64::from(limit))
        .fetch_all(&mut *self.read().await?)
        .await
        .or_fault(KIND, "")?;
        rows.iter().map(read).collect()
    }

    pub(super) async fn begin_try(
        &self,
        message: &Message,
        again_at: Timestamp,
        fence: Fence,
    ) -> Result<bool, StoreError> {
        let mut work = self.begin(Some(fence)).await?;
        let begun = sqlx::query(
            "UPDATE notification_message SET attempts = attempts + 1, due_at = ?
             WHERE id = ? AND state = 'pending' AND attempts = ? AND items = ?",
        )
        .bind(again_at.as_micros())
        .bind(message.id.get())
        .bind(i64::from(message.attempts))
        .bind(document::write_items(&message.items).to_string())
        .execute(work.conn())
        .await
        .or_fault(KIND, message.id)?;
        work.commit().await?;
        Ok(begun.rows_affected() > 0)
    }

    pub(super) async fn end_try(&self, message: MessageId, ending: &Ending, fence: Fence) -> Result<(), StoreError> {
        let mut work = self.begin(Some(fence)).await?;
        let (state, outcome, at): (_, Option<&Outcome>, _) = match ending {
            Ending::Sent(outcome) => ("sent", Some(outcome), outcome.at),
            Ending::Failed(outcome) => ("pending", Some(outcome), outcome.resume_at),
            Ending::GivenUp(at) => ("given_up", None, *at),
        };
        // A channel that was deleted meanwhile has taken the message along.
        let channel: Option<i64> = sqlx::query_scalar(
            "UPDATE notification_message SET state = ?2, due_at = CASE WHEN ?2 = 'pending' THEN ?3 ELSE due_at END,
             ended_at = CASE WHEN ?2 = 'pending' THEN NULL ELSE ?3 END WHERE id = ?1 RETURNING channel_id",
        )
        .bind(message.get())
        .bind(state)
        .bind(at.as_micros())
        .fetch_optional(work.conn())
        .await
        .or_fault(KIND, message)?;
        if let Some((channel, outcome)) = channel.zip(outcome) {
            let corrupt =
                |error: tms_core::id::InvalidId| StoreError::Corrupt(EntityRef::new(KIND, message), error.into());
            let channel = ChannelId::new(channel).map_err(corrupt)?;
            notification::note(work.conn(), channel, outcome).await?;
        }
        work.commit().await
    }
}
