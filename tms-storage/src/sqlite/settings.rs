//! The settings document.

use async_trait::async_trait;
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{EntityRef, Revision},
    settings::{Settings, SettingsStore, StoredSettings},
};

use super::{SqliteStore, error::OrFault, fields::Fields};

const KIND: &str = "settings";

#[async_trait]
impl SettingsStore for SqliteStore {
    async fn load(&self) -> Result<Option<StoredSettings>, StoreError> {
        let row = sqlx::query("SELECT document, revision FROM settings")
            .fetch_optional(&mut *self.read().await?)
            .await
            .or_fault(KIND, "")?;
        let Some(row) = row else { return Ok(None) };
        let fields = Fields::new(KIND, &row);
        let settings = Settings::from_document(&fields.json("document")?);
        Ok(Some(StoredSettings {
            settings: settings.map_err(|error| fields.corrupt("document", error))?,
            revision: fields.revision("revision")?,
        }))
    }

    async fn save(&self, next: &Settings, seen: Option<Revision>, with: Envelope) -> Result<Revision, StoreError> {
        let mut work = self.act(&with).await?;
        let stored: Option<i64> = sqlx::query_scalar("SELECT revision FROM settings")
            .fetch_optional(work.conn())
            .await
            .or_fault(KIND, "")?;
        if stored.map(Revision) != seen {
            return Err(StoreError::Stale(EntityRef::new(KIND, "")));
        }
        let revision = seen.map_or(Revision::FIRST, Revision::next);
        sqlx::query("REPLACE INTO settings (id, document, revision) VALUES (1, ?, ?)")
            .bind(next.to_document().to_string())
            .bind(revision.0)
            .execute(work.conn())
            .await
            .or_fault(KIND, "")?;
        work.seal(&with, None).await?;
        Ok(revision)
    }
}
