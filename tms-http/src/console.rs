//! The web console: pages for people over the same services as the API. How to add one is in CONTRIBUTING.md.
//!
//! Never here: a look into a store, a rule of the business, a script or a style inside a page, anything from elsewhere.

mod account;
mod alert;
mod alert_row;
mod answer;
mod asset;
mod audit;
mod bars;
mod chart;
mod customer;
mod customer_choice;
mod dashboard;
mod enrolment;
mod failure;
mod flash;
mod form;
mod format;
mod frame;
mod guard;
mod icon;
mod kept;
mod list;
mod nav;
mod notification;
mod preference;
mod report;
mod setting;
mod sign_in;
mod terminal;
mod user;
mod visit;

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::Response,
    routing::get,
};
use http::header::CONTENT_TYPE;

use crate::{
    api::routes::{Route, Routes},
    cookie::{self, SetCookie},
    state::App,
};

pub(crate) use failure::Reader;
pub(crate) use guard::check_reading;

pub use asset::{ASSET_CACHING, Asset, assets};

/// Lists every page and form of the console, so that a test can leave none out.
pub fn routes() -> Vec<Route> {
    let mut routes: Vec<Route> = pages().into_parts().1.iter().map(|page| page.route).collect();
    routes.sort_unstable();
    routes
}

/// All pages and forms.
fn pages() -> Routes {
    Routes::default()
        .merge(sign_in::routes())
        .merge(preference::routes())
        .merge(dashboard::routes())
        .merge(terminal::routes())
        .merge(account::routes())
        .merge(alert::routes())
        .merge(customer::routes())
        .merge(user::routes())
        .merge(audit::routes())
        .merge(report::routes())
        .merge(enrolment::routes())
        .merge(notification::routes())
        .merge(setting::routes())
}

/// Returns the pages with what surrounds them, and the assets.
pub(crate) fn router(app: &App) -> Router<App> {
    let (pages, _) = pages().into_parts();
    pages
        .route_layer(from_fn(guard::check_forms))
        .route_layer(from_fn_with_state(app.clone(), dress))
        .route("/static/{name}", get(asset::get_asset))
}

/// Hardens each page, and forgets what it said once.
async fn dress(State(app): State<App>, request: Request, next: Next) -> Response {
    let says = !frame::is_live(request.headers()) && cookie::find(request.headers(), cookie::FLASH).is_some();
    let mut response = next.run(request).await;
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("text/html")) {
        answer::harden(&mut response, app.settings.static_url.as_ref());
        if says {
            SetCookie::forget(cookie::FLASH).add_to(response.headers_mut());
        }
    }
    response
}
