//! Customers in memory.

use async_trait::async_trait;

use super::{
    MemoryStore,
    paging::{Keyed, page_of},
    state::State,
};
use crate::{
    customer::{Customer, CustomerDraft, CustomerStore, store::CustomerFilter},
    envelope::Envelope,
    error::StoreError,
    id::{CustomerId, EntityRef, Revision},
    page::{Order, Page, PageRequest},
    time::Timestamp,
};

fn check_name(state: &State, name: &str, own: Option<CustomerId>) -> Result<(), StoreError> {
    let mut others = state.customers.values().filter(|customer| Some(customer.id) != own);
    if others.any(|customer| customer.draft.company_name == name) {
        return Err(StoreError::Duplicate(EntityRef::new("customer", name)));
    }
    Ok(())
}

fn check_revision(customer: &Customer, seen: Revision) -> Result<(), StoreError> {
    if customer.revision == seen {
        Ok(())
    } else {
        Err(StoreError::Stale(EntityRef::new("customer", customer.id)))
    }
}

#[async_trait]
impl CustomerStore for MemoryStore {
    async fn find(&self, id: CustomerId) -> Result<Option<Customer>, StoreError> {
        Ok(self.enter()?.customers.get(&id.get()).cloned())
    }

    async fn find_by_name(&self, company_name: &str) -> Result<Option<Customer>, StoreError> {
        let state = self.enter()?;
        let mut all = state.customers.values();
        Ok(all
            .find(|customer| customer.draft.company_name == company_name)
            .cloned())
    }

    async fn list(
        &self,
        filter: &CustomerFilter,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<Customer>, StoreError> {
        let state = self.enter()?;
        let matching = state.customers.values().filter(|customer| {
            let draft = &customer.draft;
            filter.only.is_none_or(|only| customer.id == only)
                && filter.is_active.is_none_or(|is_active| draft.is_active == is_active)
                && filter
                    .search
                    .as_ref()
                    .is_none_or(|needle| draft.search_key().contains(needle))
        });
        let rows = matching.map(|customer| Keyed {
            value: customer.draft.company_name.clone(),
            id: customer.id.get(),
            row: customer,
        });
        Ok(page_of(rows.collect(), order, page, Customer::clone))
    }

    async fn insert(&self, draft: &CustomerDraft, now: Timestamp, with: Envelope) -> Result<Customer, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        check_name(&state, &draft.company_name, None)?;
        let id = state.next_id();
        let customer = Customer {
            id: CustomerId::new(id).expect("ids grow from one"),
            draft: draft.clone(),
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        state.customers.insert(id, customer.clone());
        state.finish(with, id);
        Ok(customer)
    }

    async fn save(&self, next: &Customer, seen: Revision, with: Envelope) -> Result<Revision, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        check_revision(state.customer(next.id)?, seen)?;
        check_name(&state, &next.draft.company_name, Some(next.id))?;
        let saved = Customer {
            revision: seen.next(),
            ..next.clone()
        };
        state.customers.insert(next.id.get(), saved);
        state.finish(with, next.id.get());
        Ok(seen.next())
    }

    async fn delete(&self, id: CustomerId, seen: Revision, with: Envelope) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        check_revision(state.customer(id)?, seen)?;
        if state.terminals.values().any(|terminal| terminal.draft.customer == id) {
            return Err(StoreError::Referenced(EntityRef::new("customer", id)));
        }
        if state.users.values().any(|user| user.profile.customer == Some(id)) {
            return Err(StoreError::Referenced(EntityRef::new("customer", id)));
        }
        state.customers.remove(&id.get());
        state.codes.retain(|_, (_, code)| code.customer != id);
        state.finish(with, id.get());
        Ok(())
    }
}
