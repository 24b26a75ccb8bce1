//! Puts the routes together.

use axum::{
    Router,
    handler::Handler,
    middleware::from_fn_with_state,
    routing::{MethodRouter, post},
};
use tms_core::Tms;

use crate::{
    api::{self, Route, routes::Described},
    console,
    edge::{around, check_host, unknown_route, wrong_method},
    health, hsts,
    settings::HttpSettings,
    state::App,
};

/// Where the API is mounted, below the base path.
pub(crate) const API: &str = "/api/v1";
const HEARTBEAT: &str = "/agent/heartbeat";

/// Lists every route of the API, so that a test or a document can leave none out.
pub fn routes(tms: &Tms) -> Vec<Route> {
    let app = App::new(tms.clone(), HttpSettings::new([]));
    let mut routes: Vec<Route> = all_routes(&app).1.iter().map(|described| described.route).collect();
    routes.sort_unstable();
    routes
}

/// Returns the routes below the API: a router without the heartbeat, and the list of all with it.
pub(crate) fn all_routes(app: &App) -> (Router<App>, Vec<Described>) {
    let (router, mut list) = api::routes(app).into_parts();
    list.push(api::agent::heartbeat::described(HEARTBEAT));
    (router, list)
}

/// Makes the router of TMS, to be served by [`crate::serve`] or merged into another application.
///
/// It has no global state: two routers in one process do not know of each other. With a base path the rest of the
/// application keeps its own answer to unknown addresses; without one, unknown addresses are answered here. Install a
/// `metrics` recorder before calling this, if there is to be one.
pub fn router(tms: Tms, settings: HttpSettings) -> Router {
    let base = settings.base_path.as_str().to_owned();
    let app = App::new(tms, settings);
    let mut routes = Router::new();
    if app.settings.console {
        routes = routes.merge(console::router(&app));
    }
    if app.settings.api {
        routes = routes.nest(API, all_routes(&app).0).merge(api::docs::page_routes());
    }
    let mut routes = routes
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(app.clone(), check_host));
    if app.settings.health {
        let health = health::routes(&app).method_not_allowed_fallback(wrong_method);
        routes = routes.merge(health);
    }
    let mut routes = routes.layer(from_fn_with_state(app.clone(), around));
    if app.settings.hsts.is_some() {
        routes = routes.layer(from_fn_with_state(app.clone(), hsts::tell));
    }
    if app.settings.api {
        // The hot path has the same surroundings, done by hand; agents are no browsers, which alone follow HSTS.
        routes = routes.route(&format!("{API}{HEARTBEAT}"), heartbeat(&app));
    }
    let routes = routes.with_state(app);
    if base.is_empty() {
        routes
    } else {
        Router::new().nest(&base, routes)
    }
}

fn heartbeat(app: &App) -> MethodRouter<App> {
    let others = wrong_method.layer(from_fn_with_state(app.clone(), around));
    post(api::agent::heartbeat::post_heartbeat).fallback(others)
}
