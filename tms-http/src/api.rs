//! The routes of the contract, one module for each thing it talks of.

pub(crate) mod agent;
pub(crate) mod alert;
mod alert_rule;
pub(crate) mod audit;
mod auth;
mod customer;
pub(crate) mod docs;
mod enrollment_code;
mod event;
pub(crate) mod field;
mod maintenance;
pub(crate) mod notification;
pub(crate) mod report;
pub(crate) mod routes;
mod setting;
mod summary;
pub(crate) mod terminal;
mod user;

use crate::state::App;

pub use routes::Route;
use routes::Routes;

/// All routes below `/api/v1` but the heartbeat.
pub(crate) fn routes(app: &App) -> Routes {
    Routes::default()
        .merge(agent::routes(app))
        .merge(auth::routes(app))
        .merge(terminal::routes())
        .merge(customer::routes())
        .merge(enrollment_code::routes())
        .merge(alert::routes())
        .merge(alert_rule::routes())
        .merge(audit::routes())
        .merge(maintenance::routes())
        .merge(notification::routes())
        .merge(summary::routes())
        .merge(report::routes())
        .merge(setting::routes())
        .merge(user::routes())
        .merge(docs::routes())
        .merge(event::routes())
}
