//! The edge of TMS over HTTP: the wire types, a typed client (feature `client`), and the REST API as an axum router
//! (feature `server`). Never a rule of the business and never a store: the server calls the services of `tms-core`.

#![warn(missing_docs)]

pub mod wire;

#[cfg(feature = "client")]
pub mod client;
