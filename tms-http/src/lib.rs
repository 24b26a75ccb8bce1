//! The REST API of TMS: [`router`] makes an [`axum::Router`] over a [`tms_core::Tms`], [`serve`] runs it, and [`wire`] has
//! the JSON of the contract, which a client can use without either.
//!
//! Never here: a rule of the business, or a look into a store that a service could give.

#![warn(missing_docs)]

pub mod wire;

#[cfg(feature = "client")]
pub mod client;

#[cfg(feature = "server")]
mod alert_text;
#[cfg(feature = "server")]
mod api;
#[cfg(feature = "server")]
mod console;
#[cfg(feature = "server")]
mod cookie;
#[cfg(feature = "server")]
mod csv;
#[cfg(feature = "server")]
mod drain;
#[cfg(feature = "server")]
mod edge;
#[cfg(feature = "server")]
mod extract;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "server")]
mod health;
#[cfg(feature = "server")]
mod hsts;
#[cfg(feature = "server")]
mod json;
#[cfg(feature = "server")]
mod limit;
#[cfg(feature = "server")]
mod openapi;
#[cfg(feature = "server")]
mod origin;
#[cfg(feature = "server")]
mod paging;
#[cfg(feature = "server")]
mod problem;
#[cfg(feature = "server")]
mod router;
#[cfg(feature = "server")]
mod serve;
#[cfg(feature = "server")]
mod settings;
#[cfg(feature = "server")]
mod state;
#[cfg(feature = "server")]
mod words;

#[cfg(feature = "server")]
pub use crate::{
    api::Route,
    console::{ASSET_CACHING, Asset, assets, routes as console_routes},
    drain::Drain,
    origin::{OverTls, PeerAddress},
    router::{router, routes},
    serve::serve,
    settings::{Aid, BasePath, HttpSettings, Network, RenderMetrics, ServeSettings, StaticUrl},
};
