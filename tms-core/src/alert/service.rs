//! What people do with alerts.

use std::sync::Arc;

use serde_json::json;

use super::{Alert, AlertState, AlertStore, store::AlertFilter};
use crate::{
    audit::AuditTarget,
    ctx::Ctx,
    envelope::Envelope,
    error::{Error, FieldErrors, StoreError},
    event::EventKind,
    id::{AlertId, EntityRef, Revision},
    idempotency::IdempotencyStore,
    page::{Order, Page, PageRequest},
    permission::Permission,
    stores::Stores,
    text::{Lines, clean},
    time::Timestamp,
};

/// What a person says about an alert.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertAnswer {
    /// They have seen it.
    pub acknowledge: bool,
    /// It is over.
    pub resolve: bool,
    /// What they note when it is over.
    pub notes: Option<String>,
}

impl AlertAnswer {
    /// Checks the notes.
    pub(super) fn checked(mut self) -> Result<Self, Error> {
        if let Some(notes) = self.notes.take() {
            let notes = clean(&notes, 0, 2_000, Lines::Many);
            self.notes = Some(notes.map_err(|e| FieldErrors::single("resolution_notes", e.0))?);
        }
        Ok(self)
    }

    /// Carries the answer out on an alert.
    pub(super) fn apply(&self, alert: &mut Alert, by: &str, at: Timestamp) -> Result<(), Error> {
        if self.acknowledge {
            alert.acknowledge(by, at)?;
        }
        if self.resolve {
            alert.resolve(by, self.notes.clone(), at)?;
        }
        Ok(())
    }
}

/// What people do with alerts.
#[derive(Debug, Clone)]
pub struct Alerts {
    pub(super) store: Arc<dyn AlertStore>,
    pub(super) idempotency: Arc<dyn IdempotencyStore>,
}

impl Alerts {
    pub(crate) fn new(stores: &Stores) -> Self {
        Self {
            store: stores.alerts.clone(),
            idempotency: stores.idempotency.clone(),
        }
    }

    /// Returns an alert.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or not the actor's to see.
    pub async fn get(&self, ctx: &Ctx, id: AlertId) -> Result<Alert, Error> {
        ctx.require(Permission::AlertRead)?;
        let sees = |alert: &Alert| match alert.customer {
            Some(customer) => ctx.sees(customer),
            None => ctx.scope().is_none(),
        };
        let found = self.store.find(id).await?.filter(sees);
        found.ok_or_else(|| Error::not_found("alert", id))
    }

    /// Lists alerts in the order of raising, or newest first.
    pub async fn list(
        &self,
        ctx: &Ctx,
        mut filter: AlertFilter,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<Alert>, Error> {
        ctx.require(Permission::AlertRead)?;
        if let Some(own) = ctx.scope() {
            if filter.customer.is_some_and(|asked| asked != own) {
                return Ok(Page {
                    items: Vec::new(),
                    next: None,
                    total: Some(0),
                });
            }
            filter.customer = Some(own);
        }
        Ok(self.store.list(&filter, order, page).await?)
    }

    /// Acknowledges or resolves an alert. The reconciler may change it at the same time; that is not the person's
    /// concern unless they name the revision that they have seen, so the answer is applied to the alert as it then is.
    ///
    /// # Errors
    /// [`Error::Conflict`] once it is resolved, [`Error::Stale`] if its revision is not the one `seen`,
    /// [`Error::Invalid`] for wrong notes.
    pub async fn answer(
        &self,
        ctx: &Ctx,
        id: AlertId,
        seen: Option<Revision>,
        answer: AlertAnswer,
    ) -> Result<Alert, Error> {
        ctx.require(Permission::AlertWrite)?;
        let answer = answer.checked()?;
        for _ in 0..5 {
            let mut alert = self.get(ctx, id).await?;
            if seen.is_some_and(|seen| seen != alert.revision) {
                return Err(Error::Stale(EntityRef::new("alert", id)));
            }
            let before = alert.state;
            answer.apply(&mut alert, &ctx.actor_name(), ctx.now)?;
            if alert.state == before {
                return Ok(alert);
            }
            match self.save(ctx, &alert, before).await {
                Err(StoreError::Stale(_)) => {}
                outcome => {
                    alert.revision = outcome?;
                    return Ok(alert);
                }
            }
        }
        Err(Error::unavailable("the alert is changed by others all the time"))
    }

    async fn save(&self, ctx: &Ctx, alert: &Alert, before: AlertState) -> Result<Revision, StoreError> {
        let action = if alert.state == AlertState::Resolved {
            "alert.resolve"
        } else {
            "alert.acknowledge"
        };
        let changes = json!({ "state": { "before": before.as_str(), "after": alert.state.as_str() } });
        let entry = ctx.audit(action, AuditTarget::existing("alert", alert.id.get()), changes);
        let entry = entry.of_customer(alert.customer);
        let with = Envelope::audited(entry).with_event(alert.event(EventKind::AlertUpdate, ctx.now));
        self.store.save(alert, alert.revision, with).await
    }
}
