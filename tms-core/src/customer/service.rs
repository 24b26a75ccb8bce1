//! What people do with customers.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Customer, CustomerDraft, CustomerStore, store::CustomerFilter};
use crate::{
    audit::{AuditTarget, changes},
    ctx::Ctx,
    envelope::Envelope,
    error::Error,
    id::{CustomerId, Revision},
    idempotency::{IdempotencyStore, once_made, unreadable},
    page::{Order, Page, PageRequest},
    permission::Permission,
    stores::Stores,
    text::search_key,
};

/// What people do with customers.
#[derive(Debug, Clone)]
pub struct Customers {
    store: Arc<dyn CustomerStore>,
    idempotency: Arc<dyn IdempotencyStore>,
}

impl Customers {
    pub(crate) fn new(stores: &Stores) -> Self {
        Self {
            store: stores.customers.clone(),
            idempotency: stores.idempotency.clone(),
        }
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
        let again = async |id: i64| self.get(ctx, CustomerId::new(id).map_err(unreadable)?).await;
        once_made(&*self.idempotency, ctx, || self.add(ctx, &draft), again).await
    }

    async fn add(&self, ctx: &Ctx, draft: &CustomerDraft) -> Result<Customer, Error> {
        let entry = ctx.audit(
            "customer.create",
            AuditTarget::created("customer"),
            changes(&Value::Null, &shown(draft)),
        );
        let with = Envelope::audited(entry).once(ctx, Value::Null);
        Ok(self.store.insert(draft, ctx.now, with).await?)
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

    /// Changes a customer whose revision is still `seen`. Who is bound to it changes its name and contact, not what was
    /// agreed with it.
    ///
    /// # Errors
    /// [`Error::Stale`] when it is not, [`Error::Invalid`], [`Error::Conflict`] when the name is taken,
    /// [`Error::Denied`].
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
        if ctx.scope().is_some() && agreed(&before.draft) != agreed(&next.draft) {
            return Err(ctx.denied(Permission::CustomerWrite));
        }
        let changes = changes(&shown(&before.draft), &shown(&next.draft));
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
        let before = self.get(ctx, id).await?;
        let entry = ctx.audit(
            "customer.delete",
            AuditTarget::existing("customer", id.get()),
            changes(&shown(&before.draft), &Value::Null),
        );
        Ok(self.store.delete(id, seen, Envelope::audited(entry)).await?)
    }
}

/// Somebody bound to one customer neither makes nor deletes customers.
fn refuse_scoped(ctx: &Ctx) -> Result<(), Error> {
    if ctx.scope().is_some() {
        Err(ctx.denied(Permission::CustomerWrite))
    } else {
        Ok(())
    }
}

/// Returns what was agreed with a customer, and what the support team notes of it.
fn agreed(draft: &CustomerDraft) -> impl PartialEq {
    (
        draft.contract_type,
        draft.contract_start_date,
        draft.contract_end_date,
        draft.is_active,
        draft.max_terminals,
        draft.notes.clone(),
    )
}

/// Shows a draft in the audit trail.
fn shown(draft: &CustomerDraft) -> Value {
    json!({
        "company_name": draft.company_name,
        "company_name_kana": draft.company_name_kana,
        "contact_person": draft.contact_person,
        "contact_email": draft.contact_email,
        "contact_phone": draft.contact_phone,
        "postal_code": draft.postal_code,
        "address": draft.address,
        "contract_type": draft.contract_type.as_str(),
        "contract_start_date": draft.contract_start_date.map(|date| date.to_string()),
        "contract_end_date": draft.contract_end_date.map(|date| date.to_string()),
        "is_active": draft.is_active,
        "max_terminals": draft.max_terminals,
        "notes": draft.notes,
    })
}
