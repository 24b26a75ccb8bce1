//! What people do with maintenance times.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Maintenance, MaintenanceStore, NewMaintenance, reconcile};
use crate::{
    audit::AuditTarget,
    ctx::Ctx,
    envelope::Envelope,
    error::{Error, FieldErrors},
    heartbeat::plan::BatchRules,
    id::{MaintenanceId, TerminalId},
    idempotency::{IdempotencyStore, once_made, unreadable},
    page::{Page, PageRequest},
    permission::Permission,
    presence::PresenceStore,
    stores::Stores,
    terminal::{Lifecycle, Terminals},
};

/// What people do with maintenance times.
#[derive(Debug, Clone)]
pub struct Maintenances {
    store: Arc<dyn MaintenanceStore>,
    presence: Arc<dyn PresenceStore>,
    idempotency: Arc<dyn IdempotencyStore>,
    terminals: Terminals,
    rules: watch::Receiver<Arc<BatchRules>>,
}

impl Maintenances {
    pub(crate) fn new(stores: &Stores, terminals: Terminals, rules: watch::Receiver<Arc<BatchRules>>) -> Self {
        Self {
            store: stores.maintenance.clone(),
            presence: stores.presence.clone(),
            idempotency: stores.idempotency.clone(),
            terminals,
            rules,
        }
    }

    /// Plans a time; one that has begun acts at once.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong fields, an unknown terminal or one that is not the actor's to see among them,
    /// [`Error::Conflict`] for a retired one.
    pub async fn plan(&self, ctx: &Ctx, plan: NewMaintenance) -> Result<Maintenance, Error> {
        ctx.require(Permission::MaintenanceWrite)?;
        let again = async |id: i64| self.get(ctx, MaintenanceId::new(id).map_err(unreadable)?).await;
        once_made(&*self.idempotency, ctx, || self.add(ctx, plan.clone()), again).await
    }

    async fn add(&self, ctx: &Ctx, mut plan: NewMaintenance) -> Result<Maintenance, Error> {
        let mut errors = FieldErrors::default();
        let terminal = match self.terminals.get(ctx, plan.terminal).await {
            Ok(view) => Some(view.terminal),
            Err(Error::NotFound(_)) => None,
            Err(other) => return Err(other),
        };
        if terminal.is_none() {
            errors.add("terminal_id", "there is no such terminal");
        }
        plan.reason = plan.note_faults(ctx.now, &mut errors);
        errors.finish()?;
        if terminal
            .as_ref()
            .is_some_and(|known| known.lifecycle == Lifecycle::Retired)
        {
            return Err(Error::Conflict("a retired terminal needs no maintenance".to_owned()));
        }
        let changes = json!({
            "terminal_id": { "after": plan.terminal.get() },
            "from": { "after": plan.from.to_string() },
            "until": { "after": plan.until.map(|until| until.to_string()) },
        });
        let entry = ctx.audit("maintenance.plan", AuditTarget::created("maintenance"), changes);
        let entry = entry.of_customer(terminal.map(|known| known.draft.customer));
        let with = Envelope::audited(entry).once(ctx, Value::Null);
        let made = self.store.insert(&plan, &ctx.actor_name(), ctx.now, with).await?;
        self.put_in_step(ctx).await?;
        Ok(made)
    }

    /// Ends a time now.
    pub async fn end(&self, ctx: &Ctx, id: MaintenanceId) -> Result<(), Error> {
        ctx.require(Permission::MaintenanceWrite)?;
        let found = self.get(ctx, id).await?;
        let terminal = self.terminals.get(ctx, found.plan.terminal).await?.terminal;
        let changes = json!({
            "terminal_id": { "after": terminal.id.get() },
            "until": { "before": found.plan.until.map(|until| until.to_string()), "after": ctx.now.to_string() },
        });
        let entry = ctx.audit(
            "maintenance.end",
            AuditTarget::existing("maintenance", id.get()),
            changes,
        );
        let entry = entry.of_customer(terminal.draft.customer);
        self.store.end(id, ctx.now, Envelope::audited(entry)).await?;
        self.put_in_step(ctx).await
    }

    /// Returns a time.
    pub async fn get(&self, ctx: &Ctx, id: MaintenanceId) -> Result<Maintenance, Error> {
        ctx.require(Permission::TerminalRead)?;
        let found = self
            .store
            .find(id)
            .await?
            .ok_or_else(|| Error::not_found("maintenance", id))?;
        // Who may not see the terminal may not see its maintenance, and is told about the latter.
        let seen = self.terminals.get(ctx, found.plan.terminal).await;
        seen.map_err(|_| Error::not_found("maintenance", id))?;
        Ok(found)
    }

    /// Lists times, newest first.
    pub async fn list(
        &self,
        ctx: &Ctx,
        terminal: Option<TerminalId>,
        page: &PageRequest,
    ) -> Result<Page<Maintenance>, Error> {
        ctx.require(Permission::TerminalRead)?;
        Ok(self.store.list(ctx.scope(), terminal, page).await?)
    }

    async fn put_in_step(&self, ctx: &Ctx) -> Result<(), Error> {
        let rules = Arc::clone(&self.rules.borrow());
        reconcile::put_in_step(&*self.store, &*self.presence, &rules, ctx.now, None).await?;
        Ok(())
    }
}
