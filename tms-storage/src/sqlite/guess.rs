//! Guesses and known devices.

use async_trait::async_trait;
use tms_core::{
    StoreError,
    id::UserId,
    operator::{
        GuessStore,
        guess::{GuessWindow, KnownDevice, MOST_DEVICES},
    },
    secret::TokenHash,
    time::Timestamp,
};

use super::{SqliteStore, error::OrFault, fields::Fields};

const GUESS: &str = "guess";
const DEVICE: &str = "device";

#[async_trait]
impl GuessStore for SqliteStore {
    async fn count(&self, guesser: TokenHash, now: Timestamp) -> Result<GuessWindow, StoreError> {
        let mut work = self.begin(None).await?;
        let row = sqlx::query("SELECT count, begun_at FROM operator_guess WHERE guesser = ?")
            .bind(guesser.0.to_vec())
            .fetch_optional(work.conn())
            .await
            .or_fault(GUESS, "")?;
        let before = row.as_ref().map(|row| {
            let fields = Fields::new(GUESS, row);
            Ok::<_, StoreError>(GuessWindow {
                count: fields.number("count")?,
                begun: fields.time("begun_at")?,
            })
        });
        let window = GuessWindow::with_one_more(before.transpose()?, now);
        sqlx::query(
            "INSERT INTO operator_guess (guesser, count, begun_at) VALUES (?, ?, ?)
             ON CONFLICT (guesser) DO UPDATE SET count = excluded.count, begun_at = excluded.begun_at",
        )
        .bind(guesser.0.to_vec())
        .bind(i64::try_from(window.count).unwrap_or(i64::MAX))
        .bind(window.begun.as_micros())
        .execute(work.conn())
        .await
        .or_fault(GUESS, "")?;
        work.commit().await?;
        Ok(window)
    }

    async fn forgive(&self, guesser: TokenHash) -> Result<(), StoreError> {
        let mut work = self.begin(None).await?;
        sqlx::query("DELETE FROM operator_guess WHERE guesser = ?")
            .bind(guesser.0.to_vec())
            .execute(work.conn())
            .await
            .or_fault(GUESS, "")?;
        work.commit().await
    }

    async fn remember_device(&self, device: TokenHash, user: UserId, now: Timestamp) -> Result<(), StoreError> {
        let mut work = self.begin(None).await?;
        sqlx::query(
            "INSERT INTO operator_device (hash, user_id, seen_at) VALUES (?, ?, ?)
             ON CONFLICT (hash) DO UPDATE SET user_id = excluded.user_id, seen_at = excluded.seen_at",
        )
        .bind(device.0.to_vec())
        .bind(user.get())
        .bind(now.as_micros())
        .execute(work.conn())
        .await
        .or_fault("user", user)?;
        sqlx::query(
            "DELETE FROM operator_device WHERE hash IN (SELECT hash FROM operator_device WHERE user_id = ?
             ORDER BY seen_at DESC, hash DESC LIMIT -1 OFFSET ?)",
        )
        .bind(user.get())
        .bind(MOST_DEVICES)
        .execute(work.conn())
        .await
        .or_fault(DEVICE, "")?;
        work.commit().await
    }

    async fn find_device(&self, device: TokenHash) -> Result<Option<KnownDevice>, StoreError> {
        let row = sqlx::query("SELECT user_id, seen_at FROM operator_device WHERE hash = ?")
            .bind(device.0.to_vec())
            .fetch_optional(&mut *self.read().await?)
            .await
            .or_fault(DEVICE, "")?;
        let Some(row) = row else { return Ok(None) };
        let fields = Fields::new(DEVICE, &row);
        Ok(Some(KnownDevice {
            user: fields.id("user_id", UserId::new)?,
            seen_at: fields.time("seen_at")?,
        }))
    }

    async fn drop_old(&self, windows: Timestamp, devices: Timestamp) -> Result<u64, StoreError> {
        let mut work = self.begin(None).await?;
        let guesses = sqlx::query("DELETE FROM operator_guess WHERE begun_at < ?")
            .bind(windows.as_micros())
            .execute(work.conn())
            .await
            .or_fault(GUESS, "")?;
        let devices = sqlx::query("DELETE FROM operator_device WHERE seen_at < ?")
            .bind(devices.as_micros())
            .execute(work.conn())
            .await
            .or_fault(DEVICE, "")?;
        work.commit().await?;
        Ok(guesses.rows_affected() + devices.rows_affected())
    }
}
