//! The ports of `tms-core` on databases: `postgres` for production, `sqlite` for one machine. No rule of the business.

#![warn(missing_docs)]

#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;
