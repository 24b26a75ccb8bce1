//! The port of the settings document.

use std::fmt;

use async_trait::async_trait;

use super::{Settings, StoredSettings};
use crate::{envelope::Envelope, error::StoreError, id::Revision};

/// Durable home of the settings.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait SettingsStore: fmt::Debug + Send + Sync + 'static {
    /// Returns the settings; `None` until they are saved first.
    async fn load(&self) -> Result<Option<StoredSettings>, StoreError>;

    /// Writes `next` and its envelope in one transaction; `seen` is `None` for the first save.
    ///
    /// What is saved loads back equal (case `settings::saved_settings_load_back`).
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the stored revision is not `seen` (case `settings::stale_revision_is_refused`).
    async fn save(&self, next: &Settings, seen: Option<Revision>, with: Envelope) -> Result<Revision, StoreError>;
}
