//! The files with which data is taken into TMS and out of it: fixtures, and the `dumpdata` of a Django system.
//!
//! Files become a [`tms_core::transfer::Fixture`] and the other way round; what is right and what is written is the
//! core's matter.

pub mod django;
mod error;
mod fixture;

pub use error::TransferError;
pub use fixture::{print_fixture, read_fixture};
