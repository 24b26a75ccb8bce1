//! The port of reports: sums that a store makes where the rows are.

use std::fmt;

use async_trait::async_trait;

use super::{
    calendar::Window,
    figures::{CustomerAlerts, CustomerTrouble, Issue},
    tally::{Cuts, Spans, Times},
};
use crate::{
    error::StoreError,
    id::{CustomerId, TerminalId},
    lease::Fence,
    metric::Hour,
    time::Timestamp,
};

/// Whose time is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Every terminal's.
    Everybody,
    /// That of a customer's terminals: each interval is of the customer who had the terminal when it ended.
    Customer(CustomerId),
    /// That of one terminal.
    Terminal(TerminalId),
}

/// Adds up what was recorded.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait ReportStore: fmt::Debug + Send + Sync + 'static {
    /// Adds up, by phase and by the pieces in which they begin and end, the intervals of status that touch the window
    /// of `cuts`: those that were closed, and the present one of each terminal, which is open (cases
    /// `report::intervals_are_added_up`, `report::life_before_and_after_service_is_told_apart`).
    ///
    /// Both are read at one moment, so that an interval which is closed meanwhile is in the sum once (case
    /// `report::a_change_meanwhile_counts_once`).
    async fn status_time(&self, whose: Whose, cuts: &Cuts) -> Result<Vec<Spans>, StoreError>;

    /// Returns the first hour whose status is not added up so far; `None` while none was.
    async fn next_hour(&self) -> Result<Option<Hour>, StoreError>;

    /// Keeps the times of the whole fleet by the quarter of an hour, in place of what was kept of these quarters before, and
    /// notes that `next` is the next hour unless a later one is, in one transaction (case
    /// `report::quarters_are_kept_once`).
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when `fence` is not the present one; nothing is kept then.
    async fn save_quarters(&self, rows: &[(Timestamp, Times)], next: Hour, fence: Fence) -> Result<(), StoreError>;

    /// Returns what is kept of the quarters that begin in a time, in order; those without any time are left out.
    async fn quarters(&self, window: Window) -> Result<Vec<(Timestamp, Times)>, StoreError>;

    /// Counts the alerts about terminals that were raised in a time, by cause, the most first, then by name of the cause
    /// (case `report::alerts_are_counted_by_cause`).
    async fn issues(&self, customer: Option<CustomerId>, window: Window) -> Result<Vec<Issue>, StoreError>;

    /// Counts the same by customer, the most first, then by id; customers without any are there too, up to `limit` in
    /// all (case `report::alerts_are_counted_by_customer`).
    async fn customer_alerts(
        &self,
        customer: Option<CustomerId>,
        window: Window,
        limit: u32,
    ) -> Result<Vec<CustomerAlerts>, StoreError>;

    /// Returns the customers at whom something is wrong: those with the most terminals offline or in error first, then
    /// those with the most unresolved alerts, then by id; those without either are left out (case
    /// `report::customers_in_trouble_come_first`).
    async fn troubles(&self, customer: Option<CustomerId>, limit: u32) -> Result<Vec<CustomerTrouble>, StoreError>;
}
