//! Second factors and recovery codes.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{EntityRef, UserId},
    operator::{SecondFactor, SecondFactorStore, seal::SealedSeed, totp::Step},
    secret::TokenHash,
    time::Timestamp,
};

use super::{SqliteStore, error::OrFault, fields::Fields};

const KIND: &str = "second factor";

#[async_trait]
impl SecondFactorStore for SqliteStore {
    async fn find(&self, user: UserId) -> Result<Option<SecondFactor>, StoreError> {
        let row = sqlx::query(
            "SELECT f.*, (SELECT count(*) FROM operator_recovery_code r WHERE r.user_id = f.user_id) AS recovery_left
             FROM operator_second_factor f WHERE f.user_id = ?",
        )
        .bind(user.get())
        .fetch_optional(&mut *self.read().await?)
        .await
        .or_fault(KIND, user)?;
        row.as_ref().map(read).transpose()
    }

    async fn propose(&self, user: UserId, seed: &SealedSeed) -> Result<(), StoreError> {
        let mut work = self.begin(None).await?;
        let kept = sqlx::query(
            "INSERT INTO operator_second_factor AS f (user_id, seed, last_step) VALUES (?, ?, 0)
             ON CONFLICT (user_id) DO UPDATE SET seed = excluded.seed WHERE f.confirmed_at IS NULL",
        )
        .bind(user.get())
        .bind(seed.0.clone())
        .execute(work.conn())
        .await
        .or_fault("user", user)?;
        if kept.rows_affected() == 0 {
            return Err(StoreError::Duplicate(EntityRef::new(KIND, user)));
        }
        work.commit().await
    }

    async fn confirm(
        &self,
        seen: &SecondFactor,
        step: Step,
        recovery: &[TokenHash],
        now: Timestamp,
        with: Envelope,
    ) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        let confirmed = sqlx::query(
            "UPDATE operator_second_factor SET confirmed_at = ?, last_step = ?
             WHERE user_id = ? AND seed = ? AND confirmed_at IS NULL",
        )
        .bind(now.as_micros())
        .bind(step)
        .bind(seen.user.get())
        .bind(seen.seed.0.clone())
        .execute(work.conn())
        .await
        .or_fault(KIND, seen.user)?;
        if confirmed.rows_affected() == 0 {
            return Err(StoreError::Stale(EntityRef::new(KIND, seen.user)));
        }
        for code in recovery {
            sqlx::query("INSERT INTO operator_recovery_code (user_id, hash) VALUES (?, ?)")
                .bind(seen.user.get())
                .bind(code.0.to_vec())
                .execute(work.conn())
                .await
                .or_fault(KIND, seen.user)?;
        }
        work.seal(&with, Some(seen.user.get())).await
    }

    async fn use_step(&self, user: UserId, step: Step) -> Result<bool, StoreError> {
        let mut work = self.begin(None).await?;
        let spent = sqlx::query(
            "UPDATE operator_second_factor SET last_step = ?1
             WHERE user_id = ?2 AND last_step < ?1 AND confirmed_at IS NOT NULL",
        )
        .bind(step)
        .bind(user.get())
        .execute(work.conn())
        .await
        .or_fault(KIND, user)?;
        work.commit().await?;
        Ok(spent.rows_affected() > 0)
    }

    async fn use_recovery(&self, user: UserId, code: TokenHash, with: Envelope) -> Result<bool, StoreError> {
        let mut work = self.act(&with).await?;
        let spent = sqlx::query("DELETE FROM operator_recovery_code WHERE user_id = ? AND hash = ?")
            .bind(user.get())
            .bind(code.0.to_vec())
            .execute(work.conn())
            .await
            .or_fault(KIND, user)?;
        if spent.rows_affected() == 0 {
            return Ok(false);
        }
        work.seal(&with, Some(user.get())).await?;
        Ok(true)
    }

    async fn reseal(&self, user: UserId, seen: &SealedSeed, next: &SealedSeed) -> Result<(), StoreError> {
        let mut work = self.begin(None).await?;
        sqlx::query("UPDATE operator_second_factor SET seed = ? WHERE user_id = ? AND seed = ?")
            .bind(next.0.clone())
            .bind(user.get())
            .bind(seen.0.clone())
            .execute(work.conn())
            .await
            .or_fault(KIND, user)?;
        work.commit().await
    }

    async fn remove(&self, user: UserId, with: Envelope) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        let gone = sqlx::query("DELETE FROM operator_second_factor WHERE user_id = ?")
            .bind(user.get())
            .execute(work.conn())
            .await
            .or_fault(KIND, user)?;
        if gone.rows_affected() == 0 {
            return Ok(());
        }
        work.seal(&with, Some(user.get())).await
    }
}

fn read(row: &SqliteRow) -> Result<SecondFactor, StoreError> {
    let fields = Fields::new(KIND, row);
    Ok(SecondFactor {
        user: fields.id("user_id", UserId::new)?,
        seed: SealedSeed(fields.get("seed")?),
        confirmed_at: fields.maybe_time("confirmed_at")?,
        last_step: fields.get("last_step")?,
        recovery_left: fields.number("recovery_left")?,
    })
}
