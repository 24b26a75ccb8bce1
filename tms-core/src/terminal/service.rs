//! What people do with terminals.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Lifecycle, TerminalDraft, TerminalStore, TerminalView,
    store::{TerminalFilter, TerminalSort},
};
use crate::{
    audit::{AuditTarget, changes},
    ctx::Ctx,
    customer::CustomerStore,
    envelope::Envelope,
    error::{Error, FieldErrors, StoreError},
    heartbeat::{HeartbeatRecord, HeartbeatStore},
    id::{Revision, TerminalId},
    idempotency::{IdempotencyStore, once_made, unreadable},
    page::{Order, Page, PageRequest},
    permission::Permission,
    presence::{PresenceStore, Status, StatusInterval, store::Retirement},
    stores::Stores,
    text::{SerialNumber, search_key},
    time::Timestamp,
};

/// What people do with terminals.
#[derive(Debug, Clone)]
pub struct Terminals {
    pub(super) store: Arc<dyn TerminalStore>,
    pub(super) customers: Arc<dyn CustomerStore>,
    pub(super) idempotency: Arc<dyn IdempotencyStore>,
    presence: Arc<dyn PresenceStore>,
    heartbeats: Arc<dyn HeartbeatStore>,
}

impl Terminals {
    pub(crate) fn new(stores: &Stores) -> Self {
        Self {
            store: stores.terminals.clone(),
            customers: stores.customers.clone(),
            idempotency: stores.idempotency.clone(),
            presence: stores.presence.clone(),
            heartbeats: stores.heartbeats.clone(),
        }
    }

    /// Returns a terminal, a retired one too.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or not the actor's to see.
    pub async fn get(&self, ctx: &Ctx, id: TerminalId) -> Result<TerminalView, Error> {
        ctx.require(Permission::TerminalRead)?;
        let found = self
            .store
            .find(id)
            .await?
            .filter(|view| ctx.sees(view.terminal.draft.customer));
        found.ok_or_else(|| Error::not_found("terminal", id))
    }

    /// Returns those of these terminals that are the actor's to see, in order of id; retired ones too.
    pub async fn get_many(&self, ctx: &Ctx, ids: &[TerminalId]) -> Result<Vec<TerminalView>, Error> {
        ctx.require(Permission::TerminalRead)?;
        let mut found = self.store.find_many(ids).await?;
        found.retain(|view| ctx.sees(view.terminal.draft.customer));
        Ok(found)
    }

    /// Returns the terminal with this serial number.
    pub async fn get_by_serial(&self, ctx: &Ctx, serial: &SerialNumber) -> Result<TerminalView, Error> {
        ctx.require(Permission::TerminalRead)?;
        let found = self.store.find_by_serial(serial).await?;
        let found = found.filter(|view| ctx.sees(view.terminal.draft.customer));
        found.ok_or_else(|| Error::not_found("terminal", serial))
    }

    /// Lists terminals; `search` is folded here, and the actor's scope bounds the filter.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor with the sort that has none.
    pub async fn list(
        &self,
        ctx: &Ctx,
        mut filter: TerminalFilter,
        sort: TerminalSort,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<TerminalView>, Error> {
        ctx.require(Permission::TerminalRead)?;
        if sort == TerminalSort::LastHeartbeat && matches!(page.start, crate::page::PageStart::After(_)) {
            return Err(FieldErrors::single("cursor", "this sort is read by page number only"));
        }
        let none = Page {
            items: Vec::new(),
            next: None,
            total: Some(0),
        };
        if let Some(own) = ctx.scope() {
            if filter.customer.is_some_and(|asked| asked != own) {
                return Ok(none);
            }
            filter.customer = Some(own);
        }
        if filter.lifecycle == Some(Lifecycle::Retired)
            && let Some(status) = filter.status.take()
            && status != Status::Offline
        {
            // Whatever its last status was, a retired terminal is shown as offline.
            return Ok(none);
        }
        filter.search = filter.search.as_deref().map(search_key).filter(|key| !key.is_empty());
        Ok(self.store.list(&filter, sort, order, page).await?)
    }

    /// Registers a terminal before its agent enrols.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong fields, [`Error::Conflict`] when the serial number is taken or the customer has as
    /// many terminals as it may have.
    pub async fn create(&self, ctx: &Ctx, draft: TerminalDraft) -> Result<TerminalView, Error> {
        ctx.require(Permission::TerminalWrite)?;
        if !ctx.sees(draft.customer) {
            return Err(unknown_customer());
        }
        let draft = draft.checked()?;
        let again = async |id: i64| TerminalId::new(id).map_err(unreadable);
        let id = once_made(&*self.idempotency, ctx, || self.add(ctx, &draft), again).await?;
        self.get(ctx, id).await
    }

    async fn add(&self, ctx: &Ctx, draft: &TerminalDraft) -> Result<TerminalId, Error> {
        let changes = changes(&Value::Null, &shown(draft));
        let entry = ctx.audit("terminal.create", AuditTarget::created("terminal"), changes);
        let with = Envelope::audited(entry.of_customer(draft.customer)).once(ctx, Value::Null);
        let made = self.store.insert(draft, ctx.now, with).await;
        Ok(made.map_err(missing_customer)?.id)
    }

    /// Changes a terminal whose revision is still `seen`.
    ///
    /// # Errors
    /// [`Error::Stale`] when it is not, [`Error::Conflict`] for a retired one, for another serial number of an enrolled
    /// one, or for a taken one, [`Error::Invalid`].
    pub async fn update(
        &self,
        ctx: &Ctx,
        id: TerminalId,
        seen: Revision,
        draft: TerminalDraft,
    ) -> Result<TerminalView, Error> {
        ctx.require(Permission::TerminalWrite)?;
        let before = self.get(ctx, id).await?.terminal;
        if !ctx.sees(draft.customer) {
            return Err(unknown_customer());
        }
        let next = before.changed(draft, ctx.now)?;
        let changes = changes(&shown(&before.draft), &shown(&next.draft));
        let entry = ctx.audit("terminal.update", AuditTarget::existing("terminal", id.get()), changes);
        // One that changes hands is told to whom it was: the other knows nothing of what was before.
        let entry = entry.of_customer(before.draft.customer);
        self.store
            .save(&next, seen, Envelope::audited(entry))
            .await
            .map_err(missing_customer)?;
        self.get(ctx, id).await
    }

    /// Retires a terminal: its tokens end, its open alerts are resolved by the reconciler, its history stays.
    ///
    /// # Errors
    /// [`Error::Stale`] when the revision is not `seen`, [`Error::Conflict`] when it is retired already.
    pub async fn retire(&self, ctx: &Ctx, id: TerminalId, seen: Revision) -> Result<(), Error> {
        ctx.require(Permission::TerminalWrite)?;
        // A heartbeat may change the presence row between reading and writing it; the operator's revision tells the
        // two kinds of staleness apart.
        for _ in 0..5 {
            let view = self.get(ctx, id).await?;
            if view.terminal.lifecycle == Lifecycle::Retired {
                return Err(Error::Conflict("the terminal is retired already".to_owned()));
            }
            if view.terminal.revision != seen {
                return Err(Error::Stale(crate::id::EntityRef::new("terminal", id)));
            }
            let retirement = Retirement::of(view.presence, ctx.now);
            let changes = json!({ "lifecycle": { "before": view.terminal.lifecycle.as_str(), "after": "retired" } });
            let entry = ctx.audit("terminal.retire", AuditTarget::existing("terminal", id.get()), changes);
            let entry = entry.of_customer(view.terminal.draft.customer);
            match self.store.retire(id, seen, &retirement, Envelope::audited(entry)).await {
                Err(StoreError::Stale(_)) => {}
                outcome => return Ok(outcome?),
            }
        }
        Err(Error::unavailable("the terminal is too busy to be retired"))
    }

    /// Returns stored heartbeats of a terminal received in `[from, to)`, newest first.
    pub async fn history(
        &self,
        ctx: &Ctx,
        id: TerminalId,
        (from, to): (Timestamp, Timestamp),
        page: &PageRequest,
    ) -> Result<Page<HeartbeatRecord>, Error> {
        self.get(ctx, id).await?;
        Ok(self.heartbeats.history(id, from, to, page).await?)
    }

    /// Returns the closed intervals of status of a terminal, newest first.
    pub async fn status_history(
        &self,
        ctx: &Ctx,
        id: TerminalId,
        page: &PageRequest,
    ) -> Result<Page<StatusInterval>, Error> {
        self.get(ctx, id).await?;
        Ok(self.presence.status_history(id, page).await?)
    }
}

fn unknown_customer() -> Error {
    FieldErrors::single("customer_id", "there is no such customer")
}

fn missing_customer(error: StoreError) -> Error {
    match error {
        StoreError::Missing(what) if what.kind == "customer" => unknown_customer(),
        other => other.into(),
    }
}

/// Shows a draft in the audit trail.
fn shown(draft: &TerminalDraft) -> Value {
    json!({
        "serial_number": draft.serial.as_str(),
        "customer_id": draft.customer.get(),
        "model": draft.model,
        "store_name": draft.store_name,
        "store_code": draft.store_code,
        "installation_address": draft.installation_address,
        "heartbeat_interval": draft.heartbeat_interval_s,
        "auto_update_enabled": draft.auto_update_enabled,
        "installed_date": draft.installed_date.map(|date| date.to_string()),
        "warranty_end_date": draft.warranty_end_date.map(|date| date.to_string()),
    })
}
