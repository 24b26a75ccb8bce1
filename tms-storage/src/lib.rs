//! The ports of `tms-core` on databases: `postgres` for production, `sqlite` for one machine, and `redis` beside the former
//! where there are several nodes; and blobs in a folder. No rule of the business.

#![warn(missing_docs)]

mod folder_blobs;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod taken_in;

pub use folder_blobs::FolderBlobs;
