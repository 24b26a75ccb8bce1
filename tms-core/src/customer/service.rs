//! What people do with customers.

use std::sync::Arc;

use serde_json::json;

use super::{Customer, CustomerDraft, CustomerStore, store::CustomerFilter};
use crate::{
    audit::AuditTarget,
    ctx::Ctx,
    envelope::Envelope,
    error::Error,
    id::{CustomerId, Revision},
    page::{Order, Page, PageRequest},
    permission::Permission,
    text::search_key,
};

/// What people do with customers.
#[derive(Debug, Clone)]
pub struct Customers {
    store: Arc<dyn CustomerStore>,
}

impl Customers {
    pub(crate) fn new(store: Arc<dyn CustomerStore>) -> Self {
        Self { store }
    }

    /// Returns a customer.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or not the actor's to see.
    pub async fn get(&self, ctx: &Ctx, id: CustomerId) -> Result<Customer, Error> {
        ctx.require(Permission::CustomerRead)?;
        let found = if ctx.sees(id) { self.store.find(id).await? } else { None };
        found.ok_or_else(|| Error::not_found("customer", id))
    }

    /// Lists customers by name; `search` is folded here.
    pub async fn list(
        &self,
        ctx: &Ctx,
        mut filter: CustomerFilter,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<Customer>, Error> {
        ctx.require(Permission::CustomerRead)?;
        filter.only = ctx.scope().or(filter.only);
        filter.search = filter.search.as_deref().map(search_key).filter(|key| !key.is_empty());
        Ok(self.store.list(&filter, order, page).await?)
    }

    /// Adds a customer.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong fields, [`Error::Conflict`] when the name is taken.
    pub async fn create(&self, ctx: &Ctx, draft: CustomerDraft) -> Result<Customer, Error> {
        ctx.require(Permission::CustomerWrite)?;
        refuse_scoped(ctx)?;
        let draft = draft.checked()?;
        let entry = ctx.audit(
            "customer.create",
            AuditTarget::created("customer"),
            json!({ "company_name": { "after": draft.company_name } }),
        );
        Ok(self.store.insert(&draft, ctx.now, Envelope::audited(entry)).await?)
    }

    /// Returns the customer of this name, or adds it.
    pub async fn find_or_create(&self, ctx: &Ctx, company_name: &str) -> Result<Customer, Error> {
        ctx.require(Permission::CustomerWrite)?;
        match self.store.find_by_name(company_name.trim()).await? {
            Some(known) => Ok(known),
            None => self.create(ctx, CustomerDraft::named(company_name)).await,
        }
    }

    /// Returns the customer of exactly this name.
    pub async fn find_by_name(&self, ctx: &Ctx, company_name: &str) -> Result<Option<Customer>, Error> {
        ctx.require(Permission::CustomerRead)?;
        let found = self.store.find_by_name(company_name.trim()).await?;
        Ok(found.filter(|customer| ctx.sees(customer.id)))
    }

    /// Changes a customer whose revision is still `seen`.
    ///
    /// # Errors
    /// [`Error::Stale`] when it is not, [`Error::Invalid`], [`Error::Conflict`] when the name is taken.
    pub async fn update(
        &self,
        ctx: &Ctx,
        id: CustomerId,
        seen: Revision,
        draft: CustomerDraft,
    ) -> Result<Customer, Error> {
        ctx.require(Permission::CustomerWrite)?;
        let before = self.get(ctx, id).await?;
        let mut next = Customer {
            draft: draft.checked()?,
            updated_at: ctx.now,
            ..before.clone()
        };
        let changes = json!({
            "company_name": { "before": before.draft.company_name, "after": next.draft.company_name },
            "is_active": { "before": before.draft.is_active, "after": next.draft.is_active },
            "max_terminals": { "before": before.draft.max_terminals, "after": next.draft.max_terminals },
        });
        let entry = ctx.audit("customer.update", AuditTarget::existing("customer", id.get()), changes);
        next.revision = self.store.save(&next, seen, Envelope::audited(entry)).await?;
        Ok(next)
    }

    /// Deletes a customer that has no terminals.
    ///
    /// # Errors
    /// [`Error::Conflict`] while it has terminals, [`Error::Stale`].
    pub async fn delete(&self, ctx: &Ctx, id: CustomerId, seen: Revision) -> Result<(), Error> {
        ctx.require(Permission::CustomerWrite)?;
        refuse_scoped(ctx)?;
        self.get(ctx, id).await?;
        let entry = ctx.audit(
            "customer.delete",
            AuditTarget::existing("customer", id.get()),
            json!({}),
        );
        Ok(self.store.delete(id, seen, Envelope::audited(entry)).await?)
    }
}

/// Somebody bound to one customer neither makes nor deletes customers.
fn refuse_scoped(ctx: &Ctx) -> Result<(), Error> {
    if ctx.scope().is_some() {
        Err(Error::Denied(Permission::CustomerWrite.as_str()))
    } else {
        Ok(())
    }
}
