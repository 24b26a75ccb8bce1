//! Reports: availability and figures of a time, reckoned from what was recorded. No report contains a constant.

pub mod availability;
pub mod calendar;
pub mod figures;
pub mod reconcile;
pub mod service;
pub mod store;
pub mod tally;

pub use availability::{Availability, AvailabilityRequest, Share};
pub use calendar::{Bucket, Calendar, Granularity, Window};
pub use figures::{Period, Summary};
pub use service::Reports;
pub use store::ReportStore;
pub use tally::Times;
