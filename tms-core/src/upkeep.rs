//! Upkeep of a store: partitions ahead of time, retention behind it, counts kept small, and whether it can be trusted.

pub mod reconcile;
pub mod store;

pub use store::{Health, SchemaState, UpkeepStore};
