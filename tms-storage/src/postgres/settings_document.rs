//! The settings document.

use async_trait::async_trait;
use sqlx::types::Json;
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::Revision,
    settings::{Settings, SettingsStore, StoredSettings},
};

use super::{cells::Cells, error::Fault, pool::PgStore};

#[async_trait]
impl SettingsStore for PgStore {
    async fn load(&self) -> Result<Option<StoredSettings>, StoreError> {
        self.bounded(async {
            let row = sqlx::query("SELECT document, revision FROM settings")
                .fetch_optional(self.pool())
                .await?;
            let Some(row) = row else { return Ok(None) };
            let mut cells = Cells::of("settings", &row);
            let settings =
                Settings::from_document(&cells.json()?).map_err(|error| Fault::corrupt("settings", error))?;
            Ok(Some(StoredSettings {
                settings,
                revision: cells.revision()?,
            }))
        })
        .await
    }

    async fn save(&self, next: &Settings, seen: Option<Revision>, with: Envelope) -> Result<Revision, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            let revision = seen.map_or(Revision::FIRST, Revision::next);
            let statement = match seen {
                None => "INSERT INTO settings (one, document, revision) VALUES (true, $1, $2) ON CONFLICT DO NOTHING",
                Some(_) => "UPDATE settings SET document = $1, revision = $2 WHERE revision = $2 - 1",
            };
            let written = sqlx::query(statement)
                .bind(Json(next.to_document()))
                .bind(revision.0)
                .execute(&mut *act.tx)
                .await?;
            if written.rows_affected() == 0 {
                return Err(Fault::stale("settings", ""));
            }
            act.finish(Some(1)).await?;
            Ok(revision)
        })
        .await
    }
}
