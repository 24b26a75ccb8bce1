//! The port of enrolment codes.

use std::fmt;

use async_trait::async_trait;

use super::{Enrolled, EnrolmentCode, NewCode, Redemption, Refusal};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{CustomerId, EnrolmentCodeId},
    page::{Page, PageRequest},
    time::Timestamp,
};

/// Durable home of enrolment codes, and the act that spends one.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait EnrolmentStore: fmt::Debug + Send + Sync + 'static {
    /// Writes a code and the envelope in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the customer is unknown.
    async fn insert(&self, code: &NewCode, now: Timestamp, with: Envelope) -> Result<EnrolmentCode, StoreError>;

    /// Returns `None` when there is no such code.
    async fn find(&self, id: EnrolmentCodeId) -> Result<Option<EnrolmentCode>, StoreError>;

    /// Lists codes, newest first.
    async fn list(&self, customer: Option<CustomerId>, page: &PageRequest) -> Result<Page<EnrolmentCode>, StoreError>;

    /// Withdraws a code; again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such code.
    async fn revoke(&self, id: EnrolmentCodeId, with: Envelope) -> Result<(), StoreError>;

    /// Spends one use of a code, as [`super::admit`] decides, in one transaction: makes or takes over the terminal
    /// (now active, host and reported versions noted, shop of the code where it had none), revokes the older tokens of
    /// a terminal taken over, stores the new token, counts a terminal that counts anew, writes the envelope.
    ///
    /// A code with one use left admits one of any number of redemptions at the same time (case
    /// `enrolment::one_use_admits_one`). A refusal changes nothing and writes no envelope. An audit target without an
    /// id gets the terminal's.
    async fn redeem(
        &self,
        request: &Redemption,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Result<Enrolled, Refusal>, StoreError>;
}
