//! The domain of TMS, a terminal management system: types, pure rules, services, the ports they need, and reconcilers.
//!
//! Start at [`Tms`]: built from a [`Stores`], it offers one service per aggregate, and a future that does the
//! background work. This crate starts no runtime and knows no SQL, HTTP, environment variable or wall clock.

#![warn(missing_docs)]

pub mod error;
pub mod id;
pub mod key;
mod names;
pub mod page;
pub mod random;
mod recent;
pub mod seal;
pub mod secret;
pub mod text;
pub mod time;

pub mod audit;
pub mod blob;
pub mod ctx;
pub mod envelope;
pub mod event;
pub mod idempotency;
pub mod lease;
pub mod limit;
pub mod permission;
pub mod settings;

pub mod customer;
pub mod terminal;

pub mod credential;
pub mod enrolment;

pub mod heartbeat;
pub mod maintenance;
pub mod metric;
pub mod presence;
pub mod terminal_log;

pub mod alert;
pub mod notification;

pub mod operator;
pub mod report;
pub mod summary;
pub mod transfer;
pub mod upkeep;

mod stores;
pub mod tms;

pub use ctx::{Actor, Ctx};
pub use error::{Error, ErrorClass, StoreError};
pub use stores::Stores;
pub use tms::{NodeSettings, Tms, TmsBuilder};

#[cfg(feature = "testkit")]
pub mod testkit;
