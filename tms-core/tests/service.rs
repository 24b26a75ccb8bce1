//! Services and reconcilers over stores in memory, where something else happens between two of their steps.
#![cfg(feature = "testkit")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that finds the unexpected stops loudly"
)]

#[path = "service/fleet.rs"]
mod fleet;
#[path = "service/person.rs"]
mod person;
#[path = "service/work.rs"]
mod work;
