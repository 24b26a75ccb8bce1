//! The settings as everybody uses them: read once in a while, shared by all.

use std::sync::Arc;

use tokio::sync::watch;

use super::{SecuritySettings, Settings, SettingsStore, StoredSettings};
use crate::{
    audit::{AuditTarget, changes},
    ctx::Ctx,
    envelope::Envelope,
    error::Error,
    heartbeat::plan::BatchRules,
    id::Revision,
    permission::Permission,
};

/// Reads and changes the settings, and hands the rules to those who judge by them.
#[derive(Debug, Clone)]
pub struct SettingsService {
    store: Arc<dyn SettingsStore>,
    initial: Arc<Settings>,
    rules: watch::Sender<Arc<BatchRules>>,
    security: watch::Sender<SecuritySettings>,
    present: watch::Sender<Arc<Settings>>,
}

impl SettingsService {
    pub(crate) fn new(store: Arc<dyn SettingsStore>, initial: Settings) -> Self {
        let (rules, _) = watch::channel(Arc::new(rules_of(&initial)));
        let (security, _) = watch::channel(initial.security.clone());
        let initial = Arc::new(initial);
        let (present, _) = watch::channel(Arc::clone(&initial));
        Self {
            store,
            initial,
            rules,
            security,
            present,
        }
    }

    /// Returns the rules that hold on this node, as of the last [`Self::reload`].
    pub fn rules(&self) -> Arc<BatchRules> {
        Arc::clone(&self.rules.borrow())
    }

    /// Follows the rules.
    pub fn follow_rules(&self) -> watch::Receiver<Arc<BatchRules>> {
        self.rules.subscribe()
    }

    /// Follows what people must show.
    pub fn follow_security(&self) -> watch::Receiver<SecuritySettings> {
        self.security.subscribe()
    }

    /// Returns the settings that hold on this node, as of the last [`Self::reload`].
    pub fn present(&self) -> Arc<Settings> {
        Arc::clone(&self.present.borrow())
    }

    /// Follows the settings.
    pub fn follow(&self) -> watch::Receiver<Arc<Settings>> {
        self.present.subscribe()
    }

    /// Returns the stored settings, or those the program was built with while nobody has saved any.
    pub async fn get(&self, ctx: &Ctx) -> Result<StoredSettings, Error> {
        ctx.require(Permission::SettingsRead)?;
        Ok(self.load().await?.unwrap_or_else(|| StoredSettings {
            settings: (*self.initial).clone(),
            revision: Revision(0),
        }))
    }

    /// Saves settings whose revision is still `seen` (zero while nobody has saved any).
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong values, [`Error::Stale`].
    pub async fn save(&self, ctx: &Ctx, next: Settings, seen: Revision) -> Result<StoredSettings, Error> {
        ctx.require(Permission::SettingsWrite)?;
        next.validate()?;
        let before = self.get(ctx).await?.settings.to_document();
        let changes = changes(&before, &next.to_document());
        let entry = ctx.audit("settings.update", AuditTarget::existing("settings", 1), changes);
        self.save_as(ctx, next, seen, Envelope::audited(entry)).await
    }

    /// Saves settings with an envelope that says what was changed.
    pub(crate) async fn save_as(
        &self,
        ctx: &Ctx,
        next: Settings,
        seen: Revision,
        with: Envelope,
    ) -> Result<StoredSettings, Error> {
        ctx.require(Permission::SettingsWrite)?;
        next.validate()?;
        let seen = Some(seen).filter(|seen| seen.0 > 0);
        let revision = self.store.save(&next, seen, with).await?;
        self.rules.send_replace(Arc::new(rules_of(&next)));
        self.security.send_replace(next.security.clone());
        self.present.send_replace(Arc::new(next.clone()));
        Ok(StoredSettings {
            settings: next,
            revision,
        })
    }

    /// Reads the settings again; every node does so every few seconds.
    pub async fn reload(&self) -> Result<Settings, Error> {
        let settings = self
            .load()
            .await?
            .map_or_else(|| (*self.initial).clone(), |stored| stored.settings);
        let next = rules_of(&settings);
        self.rules.send_if_modified(|rules| {
            let differs = **rules != next;
            if differs {
                *rules = Arc::new(next);
            }
            differs
        });
        self.security.send_if_modified(|security| {
            let differs = *security != settings.security;
            if differs {
                security.clone_from(&settings.security);
            }
            differs
        });
        self.present.send_replace(Arc::new(settings.clone()));
        Ok(settings)
    }

    async fn load(&self) -> Result<Option<StoredSettings>, Error> {
        Ok(self.store.load().await?)
    }
}

fn rules_of(settings: &Settings) -> BatchRules {
    BatchRules {
        presence: settings.presence,
        alerts: settings.rules.clone(),
    }
}
