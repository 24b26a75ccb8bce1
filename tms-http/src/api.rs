//! The routes of the contract, one module for each thing it talks of.

pub(crate) mod agent;

use axum::Router;

use crate::state::App;

/// All routes below `/api/v1` but the heartbeat.
pub(crate) fn routes(app: &App) -> Router<App> {
    Router::new().merge(agent::routes(app))
}
