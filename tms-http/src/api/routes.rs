//! Routes with a list of themselves, so that a test can walk every one there is.

use std::convert::Infallible;

use axum::{
    Router,
    extract::Request,
    handler::Handler,
    response::IntoResponse,
    routing::{MethodFilter, Route as AxumRoute, on},
};
use tower::{Layer, Service};

use crate::{openapi::Doc, state::App};

/// A method and a path below the API, with `{id}` where an id stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Such as `GET`.
    pub method: &'static str,
    /// Such as `/terminals/{id}`.
    pub path: &'static str,
}

/// The summary of a route, and what adds the rest.
pub(crate) type Words = (&'static str, fn(Doc) -> Doc);

/// A route with what it says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Described {
    pub(crate) route: Route,
    /// The name of the handler, which names the operation too.
    pub(crate) handler: &'static str,
    pub(crate) doc: Option<Words>,
}

/// Routes and the list of them. Every module builds its routes with this, so that none is left out of the list.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<App>,
    list: Vec<Described>,
}

macro_rules! methods {
    ($($(#[$meta:meta])* $name:ident $filter:ident,)+) => {$(
        $(#[$meta])*
        pub(crate) fn $name<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
            self.on(stringify!($filter), MethodFilter::$filter, path, handler)
        }
    )+};
}

impl Routes {
    methods! {
        get GET,
        post POST,
        put PUT,
        patch PATCH,
        delete DELETE,
    }

    fn on<H, T>(mut self, method: &'static str, filter: MethodFilter, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.router = self.router.route(path, on(filter, handler));
        let name = std::any::type_name::<H>();
        self.list.push(Described {
            route: Route { method, path },
            handler: name.rsplit_once("::").map_or(name, |(_, name)| name),
            doc: None,
        });
        self
    }

    /// Says what the last route is for; see CONTRIBUTING.md.
    pub(crate) fn doc(mut self, summary: &'static str, more: fn(Doc) -> Doc) -> Self {
        if let Some(last) = self.list.last_mut() {
            last.doc = Some((summary, more));
        }
        self
    }

    /// Adds the routes of another.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.list.extend(other.list);
        self
    }

    /// Surrounds the routes so far with `layer`.
    pub(crate) fn surrounded<L>(mut self, layer: L) -> Self
    where
        L: Layer<AxumRoute> + Clone + Send + Sync + 'static,
        L::Service: Service<Request, Error: Into<Infallible>, Response: IntoResponse> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        self.router = self.router.route_layer(layer);
        self
    }

    /// Gives up the router and the list.
    pub(crate) fn into_parts(self) -> (Router<App>, Vec<Described>) {
        (self.router, self.list)
    }
}
