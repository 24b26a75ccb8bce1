//! Second factors and recovery codes.

use async_trait::async_trait;
use sqlx::postgres::PgRow;
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{EntityRef, UserId},
    operator::{SecondFactor, SecondFactorStore, seal::SealedSeed, totp::Step},
    secret::TokenHash,
    time::Timestamp,
};

use super::{cells::Cells, error::Fault, pool::PgStore, time::At};

fn read(row: &PgRow) -> Result<SecondFactor, Fault> {
    let mut cells = Cells::of("second factor", row);
    Ok(SecondFactor {
        user: cells.id(UserId::new)?,
        seed: SealedSeed(cells.get()?),
        confirmed_at: cells.maybe_time()?,
        last_step: cells.get()?,
        recovery_left: cells.narrow()?,
    })
}

#[async_trait]
impl SecondFactorStore for PgStore {
    async fn find(&self, user: UserId) -> Result<Option<SecondFactor>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(
                "SELECT f.user_id, f.seed, f.confirmed_at, f.last_step, \
                 (SELECT count(*) FROM operator_recovery_code r WHERE r.user_id = f.user_id) \
                 FROM operator_second_factor f WHERE f.user_id = $1",
            )
            .bind(user.get())
            .fetch_optional(self.pool())
            .await?;
            row.as_ref().map(read).transpose()
        })
        .await
    }

    async fn propose(&self, user: UserId, seed: &SealedSeed) -> Result<(), StoreError> {
        self.bounded(async {
            let kept = sqlx::query(
                "INSERT INTO operator_second_factor AS f (user_id, seed, last_step) VALUES ($1, $2, 0) \
                 ON CONFLICT (user_id) DO UPDATE SET seed = excluded.seed WHERE f.confirmed_at IS NULL",
            )
            .bind(user.get())
            .bind(&seed.0)
            .execute(self.pool())
            .await?;
            if kept.rows_affected() == 0 {
                return Err(StoreError::Duplicate(EntityRef::new("second factor", user)).into());
            }
            Ok(())
        })
        .await
    }

    async fn confirm(
        &self,
        seen: &SecondFactor,
        step: Step,
        recovery: &[TokenHash],
        now: Timestamp,
        with: Envelope,
    ) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act_on_people(with).await?;
            let confirmed = sqlx::query(
                "UPDATE operator_second_factor SET confirmed_at = $3, last_step = $4 \
                 WHERE user_id = $1 AND seed = $2 AND confirmed_at IS NULL",
            )
            .bind(seen.user.get())
            .bind(&seen.seed.0)
            .bind(At::from(now))
            .bind(step)
            .execute(&mut *act.tx)
            .await?;
            if confirmed.rows_affected() == 0 {
                return Err(Fault::stale("second factor", seen.user));
            }
            let hashes: Vec<_> = recovery.iter().map(|hash| hash.0).collect();
            sqlx::query("INSERT INTO operator_recovery_code (user_id, hash) SELECT $1, unnest($2::bytea[])")
                .bind(seen.user.get())
                .bind(hashes)
                .execute(&mut *act.tx)
                .await?;
            act.finish(Some(seen.user.get())).await
        })
        .await
    }

    async fn use_step(&self, user: UserId, step: Step) -> Result<bool, StoreError> {
        self.bounded(async {
            let spent = sqlx::query(
                "UPDATE operator_second_factor SET last_step = $2 \
                 WHERE user_id = $1 AND last_step < $2 AND confirmed_at IS NOT NULL",
            )
            .bind(user.get())
            .bind(step)
            .execute(self.pool())
            .await?;
            Ok(spent.rows_affected() > 0)
        })
        .await
    }

    async fn use_recovery(&self, user: UserId, code: TokenHash, with: Envelope) -> Result<bool, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            let spent = sqlx::query("DELETE FROM operator_recovery_code WHERE user_id = $1 AND hash = $2")
                .bind(user.get())
                .bind(code.0)
                .execute(&mut *act.tx)
                .await?;
            if spent.rows_affected() == 0 {
                return Ok(false);
            }
            act.finish(Some(user.get())).await?;
            Ok(true)
        })
        .await
    }

    async fn reseal(&self, user: UserId, seen: &SealedSeed, next: &SealedSeed) -> Result<(), StoreError> {
        self.bounded(async {
            sqlx::query("UPDATE operator_second_factor SET seed = $3 WHERE user_id = $1 AND seed = $2")
                .bind(user.get())
                .bind(&seen.0)
                .bind(&next.0)
                .execute(self.pool())
                .await?;
            Ok(())
        })
        .await
    }

    async fn remove(&self, user: UserId, with: Envelope) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act_on_people(with).await?;
            let gone = sqlx::query("DELETE FROM operator_second_factor WHERE user_id = $1")
                .bind(user.get())
                .execute(&mut *act.tx)
                .await?;
            if gone.rows_affected() == 0 {
                return Ok(());
            }
            act.finish(Some(user.get())).await
        })
        .await
    }
}
