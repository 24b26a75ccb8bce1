//! The port of customers.

use std::fmt;

use async_trait::async_trait;

use super::{Customer, CustomerDraft};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{CustomerId, Revision},
    page::{Order, Page, PageRequest},
    time::Timestamp,
};

/// Which customers to list, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomerFilter {
    /// Only this one; how a scoped reader is bounded.
    pub only: Option<CustomerId>,
    /// Only those whose search key contains this (already folded) text.
    pub search: Option<String>,
    /// Only active, or only inactive.
    pub is_active: Option<bool>,
}

/// Durable home of customers.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait CustomerStore: fmt::Debug + Send + Sync + 'static {
    /// Returns `None` when there is no such customer.
    async fn find(&self, id: CustomerId) -> Result<Option<Customer>, StoreError>;

    /// Returns the customer of exactly this name.
    async fn find_by_name(&self, company_name: &str) -> Result<Option<Customer>, StoreError>;

    /// Lists customers by name (bytewise), then id. The cursor's value is the name.
    async fn list(
        &self,
        filter: &CustomerFilter,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<Customer>, StoreError>;

    /// Writes a customer and its envelope in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken (case `customer::names_are_unique`).
    async fn insert(&self, draft: &CustomerDraft, now: Timestamp, with: Envelope) -> Result<Customer, StoreError>;

    /// Writes `next` with revision `seen + 1` and its envelope in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the stored revision is not `seen` (case `customer::stale_revision_is_refused`),
    /// [`StoreError::Duplicate`] when the name is taken, [`StoreError::Missing`] when it is gone.
    async fn save(&self, next: &Customer, seen: Revision, with: Envelope) -> Result<Revision, StoreError>;

    /// Deletes a customer together with its enrolment codes.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] while it has terminals, retired ones included (case
    /// `customer::one_with_terminals_stays`), or people are bound to it (case `customer::one_with_people_stays`), [`StoreError::Stale`], [`StoreError::Missing`].
    async fn delete(&self, id: CustomerId, seen: Revision, with: Envelope) -> Result<(), StoreError>;
}
