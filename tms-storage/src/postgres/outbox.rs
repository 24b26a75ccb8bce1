//! The outbox: messages that wait, and how far the events have been turned into them.

use sqlx::{postgres::PgRow, types::Json};
use tms_core::{
    event::EventPosition,
    id::{AlertId, ChannelId, MessageId},
    lease::Fence,
    notification::{
        Message, Outcome, document,
        store::{Ending, Progress, Step},
    },
    time::Timestamp,
};

use super::{cells::Cells, envelope::check_fence, error::Fault, notification, pool::PgStore, time::At};

const KIND: &str = "notification";

macro_rules! columns {
    () => {
        "m.id, m.channel_id, m.items, m.attempts, m.due_at, m.created_at"
    };
}

fn read(row: &PgRow) -> Result<Message, Fault> {
    let mut cells = Cells::of(KIND, row);
    Ok(Message {
        id: cells.id(MessageId::new)?,
        channel: cells.id(ChannelId::new)?,
        items: document::read_items(&cells.json()?).map_err(|error| Fault::corrupt(KIND, error))?,
        attempts: cells.narrow()?,
        due_at: cells.time()?,
        created_at: cells.time()?,
    })
}

impl PgStore {
    pub(super) async fn told_to(&self) -> Result<Option<Progress>, Fault> {
        let row = sqlx::query("SELECT event_transaction, event_row, last_alert FROM notification_progress")
            .fetch_optional(self.pool())
            .await?;
        let read = |row: &PgRow| {
            let mut cells = Cells::of("notification progress", row);
            let position = EventPosition {
                transaction: cells.get()?,
                row: cells.get()?,
            };
            let last_alert = cells.maybe_id(AlertId::new)?;
            Ok(Progress { position, last_alert })
        };
        row.as_ref().map(read).transpose()
    }

    pub(super) async fn growing_messages(&self) -> Result<Vec<Message>, Fault> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM notification_message m WHERE m.state = 'pending' AND m.attempts = 0 ORDER BY m.id"
        ))
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(read).collect()
    }

    pub(super) async fn tell(&self, step: &Step, now: Timestamp, fence: Fence) -> Result<(), Fault> {
        let mut tx = self.begin().await?;
        check_fence(&mut tx, fence).await?;
        for (id, items) in &step.grown {
            let grown = sqlx::query(
                "UPDATE notification_message SET items = $2 WHERE id = $1 AND state = 'pending' AND attempts = 0",
            )
            .bind(id.get())
            .bind(Json(document::write_items(items)))
            .execute(&mut *tx)
            .await?;
            if grown.rows_affected() == 0 {
                return Err(Fault::stale(KIND, id));
            }
        }
        for new in &step.new {
            sqlx::query(
                "INSERT INTO notification_message (channel_id, items, due_at, created_at) VALUES ($1, $2, $3, $4)",
            )
            .bind(new.channel.get())
            .bind(Json(document::write_items(&new.items)))
            .bind(At::from(new.due_at))
            .bind(At::from(now))
            .execute(&mut *tx)
            .await?;
        }
        sqlx::query(
            "INSERT INTO notification_progress (event_transaction, event_row, last_alert) VALUES ($1, $2, $3) \
             ON CONFLICT (only_one) DO UPDATE SET event_transaction = excluded.event_transaction, \
             event_row = excluded.event_row, last_alert = excluded.last_alert",
        )
        .bind(step.progress.position.transaction)
        .bind(step.progress.position.row)
        .bind(step.progress.last_alert.map(AlertId::get))
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    pub(super) async fn due_messages(&self, now: Timestamp, limit: u32) -> Result<Vec<Message>, Fault> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM (SELECT DISTINCT ON (d.channel_id) d.* \
             FROM notification_message d JOIN notification_channel c ON c.id = d.channel_id \
             WHERE d.state = 'pending' AND d.due_at <= $1 AND c.is_enabled \
             AND (c.resume_at IS NULL OR c.resume_at <= $1) ORDER BY d.channel_id, d.id) AS m ORDER BY m.id LIMIT $2"
        ))
        .bind(At::from(now))
        .bind(i64::from(limit))
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(read).collect()
    }

    pub(super) async fn begin_try(&self, message: &Message, again_at: Timestamp, fence: Fence) -> Result<bool, Fault> {
        let mut tx = self.begin().await?;
        check_fence(&mut tx, fence).await?;
        let begun = sqlx::query(
            "UPDATE notification_message SET attempts = attempts + 1, due_at = $4 \
             WHERE id = $1 AND state = 'pending' AND attempts = $2 AND items = $3",
        )
        .bind(message.id.get())
        .bind(i64::from(message.attempts))
        .bind(Json(document::write_items(&message.items)))
        .bind(At::from(again_at))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(begun.rows_affected() > 0)
    }

    pub(super) async fn end_try(&self, message: MessageId, ending: &Ending, fence: Fence) -> Result<(), Fault> {
        let mut tx = self.begin().await?;
        check_fence(&mut tx, fence).await?;
        let (state, outcome, ended_at): (_, Option<&Outcome>, _) = match ending {
            Ending::Sent(outcome) => ("sent", Some(outcome), outcome.at),
            Ending::Failed(outcome) => ("pending", Some(outcome), outcome.resume_at),
            Ending::GivenUp(at) => ("given_up", None, *at),
        };
        // A channel that was deleted meanwhile has taken the message along.
        let channel: Option<i64> = sqlx::query_scalar(
            "UPDATE notification_message SET state = $2, \
             due_at = CASE WHEN $2 = 'pending' THEN $3 ELSE due_at END, \
             ended_at = CASE WHEN $2 = 'pending' THEN NULL ELSE $3 END WHERE id = $1 RETURNING channel_id",
        )
        .bind(message.get())
        .bind(state)
        .bind(At::from(ended_at))
        .fetch_optional(&mut *tx)
        .await?;
        if let Some((channel, outcome)) = channel.zip(outcome) {
            let channel = ChannelId::new(channel).map_err(|error| Fault::corrupt(KIND, error))?;
            notification::note(&mut tx, channel, outcome).await?;
        }
        Ok(tx.commit().await?)
    }
}
