//! A simulated fleet of terminals, and a load generator that counts acknowledged work and can prove that none was lost.
//!
//! [`fleet`] lives like a fleet: enrolment, normal days, troubles, recovery. [`load`] sends heartbeats as fast as asked.
//! [`verify`] reads the server's state back and compares. All of it talks to the server by its public API only.

#![warn(missing_docs)]

pub mod access;
pub mod clock;
pub mod error;
pub mod rng;

pub mod fleet;
pub mod load;
pub mod verify;

pub use access::{Access, ENROL_AT_ONCE, Secret};
pub use error::SimError;
