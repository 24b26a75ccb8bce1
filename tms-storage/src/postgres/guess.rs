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

use super::{
    cells::{Cells, unsigned},
    pool::PgStore,
    time::At,
};

#[async_trait]
impl GuessStore for PgStore {
    async fn count(&self, guesser: TokenHash, now: Timestamp) -> Result<GuessWindow, StoreError> {
        self.bounded(async {
            let mut tx = self.begin().await?;
            // The row is there from now on, and locked: of parallel guesses each sees the one before.
            sqlx::query(
                "INSERT INTO operator_guess (guesser, count, begun_at) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING",
            )
            .bind(guesser.0)
            .bind(At::from(now))
            .execute(&mut *tx)
            .await?;
            let row = sqlx::query("SELECT count, begun_at FROM operator_guess WHERE guesser = $1 FOR UPDATE")
                .bind(guesser.0)
                .fetch_optional(&mut *tx)
                .await?;
            let before = row.as_ref().map(|row| {
                let mut cells = Cells::of("guess", row);
                Ok::<_, super::error::Fault>(GuessWindow {
                    count: unsigned(cells.get()?),
                    begun: cells.time()?,
                })
            });
            let before = before.transpose()?.filter(|window| window.count > 0);
            let window = GuessWindow::with_one_more(before, now);
            // Somebody may have been forgiven in between: then the row is gone, and comes back.
            sqlx::query(
                "INSERT INTO operator_guess (guesser, count, begun_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (guesser) DO UPDATE SET count = excluded.count, begun_at = excluded.begun_at",
            )
            .bind(guesser.0)
            .bind(i64::try_from(window.count).unwrap_or(i64::MAX))
            .bind(At::from(window.begun))
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            Ok(window)
        })
        .await
    }

    async fn forgive(&self, guesser: TokenHash) -> Result<(), StoreError> {
        self.bounded(async {
            sqlx::query("DELETE FROM operator_guess WHERE guesser = $1")
                .bind(guesser.0)
                .execute(self.pool())
                .await?;
            Ok(())
        })
        .await
    }

    async fn remember_device(&self, device: TokenHash, user: UserId, now: Timestamp) -> Result<(), StoreError> {
        self.bounded(async {
            let mut tx = self.begin().await?;
            sqlx::query(
                "INSERT INTO operator_device (hash, user_id, seen_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (hash) DO UPDATE SET user_id = excluded.user_id, seen_at = excluded.seen_at",
            )
            .bind(device.0)
            .bind(user.get())
            .bind(At::from(now))
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "DELETE FROM operator_device WHERE hash IN (SELECT hash FROM operator_device WHERE user_id = $1 \
                 ORDER BY seen_at DESC, hash DESC OFFSET $2)",
            )
            .bind(user.get())
            .bind(i64::from(MOST_DEVICES))
            .execute(&mut *tx)
            .await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    async fn find_device(&self, device: TokenHash) -> Result<Option<KnownDevice>, StoreError> {
        self.bounded(async {
            let row = sqlx::query("SELECT user_id, seen_at FROM operator_device WHERE hash = $1")
                .bind(device.0)
                .fetch_optional(self.pool())
                .await?;
            let Some(row) = row else { return Ok(None) };
            let mut cells = Cells::of("device", &row);
            Ok(Some(KnownDevice {
                user: cells.id(UserId::new)?,
                seen_at: cells.time()?,
            }))
        })
        .await
    }

    async fn drop_old(&self, windows: Timestamp, devices: Timestamp) -> Result<u64, StoreError> {
        self.bounded(async {
            let guesses = sqlx::query("DELETE FROM operator_guess WHERE begun_at < $1")
                .bind(At::from(windows))
                .execute(self.pool())
                .await?;
            let devices = sqlx::query("DELETE FROM operator_device WHERE seen_at < $1")
                .bind(At::from(devices))
                .execute(self.pool())
                .await?;
            Ok(guesses.rows_affected() + devices.rows_affected())
        })
        .await
    }
}
