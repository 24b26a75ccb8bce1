//! The JSON of the contract: what travels, and nothing else. No rule, no conversion from the domain (the server has
//! those), no dependency beyond serde, so that a client can use it alone.
//!
//! Times are RFC 3339 text and ids are `i64`. Names of an enumeration travel as [`Name`]: the domain owns the lists, and
//! a client must live with a name that it does not know. Requests of operators refuse unknown fields; requests of
//! agents ignore them, because a newer agent must live with an older node.

pub mod account;
pub mod agent;
pub mod alert;
pub mod alert_rule;
pub mod audit;
pub mod auth;
pub mod command;
pub mod customer;
pub mod enrollment_code;
pub mod event;
pub mod history;
pub mod list;
pub mod maintenance;
pub mod notification;
pub mod patch;
pub mod problem;
pub mod report;
pub mod setting;
pub mod summary;
pub mod terminal;
pub mod text;
pub mod user;

pub use list::{List, PageQuery};
pub use patch::Patch;
pub use problem::{ErrorBody, Problem};
pub use text::Text;

/// A name of an enumeration: borrowed where the domain wrote it, owned where it was read.
pub type Name = std::borrow::Cow<'static, str>;

#[cfg(test)]
mod snapshot_tests;
