//! The OpenAPI document and the page that shows it.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
};

use crate::{
    api::routes::Routes,
    openapi::{STYLE, document, page},
    router::API,
    state::App,
};

/// Nothing runs, nothing comes from elsewhere.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/openapi.json", get_openapi)
        .doc("Returns this document", |d| d.anyone().answers::<serde_json::Value>())
}

/// The page, beside the API.
pub(crate) fn page_routes() -> Router<App> {
    Router::new()
        .route("/api/docs", get(get_docs))
        .route("/api/docs/style.css", get(get_style))
}

/// `GET /openapi.json`
async fn get_openapi(State(app): State<App>) -> Response {
    let text = app.document.json.get_or_init(|| present(&app).to_string().into());
    typed("application/json", text.clone())
}

/// `GET /api/docs`
async fn get_docs(State(app): State<App>) -> Response {
    let html = app.document.html.get_or_init(|| page(&present(&app)).into());
    let mut response = typed("text/html; charset=utf-8", html.clone());
    let policy = HeaderValue::from_static(POLICY);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

async fn get_style() -> Response {
    typed("text/css; charset=utf-8", STYLE.into())
}

fn present(app: &App) -> serde_json::Value {
    let (_, routes) = crate::router::all_routes(app);
    document(&format!("{}{API}", app.settings.base_path), &routes)
}

fn typed(kind: &'static str, body: bytes::Bytes) -> Response {
    let kind = HeaderValue::from_static(kind);
    let cache = HeaderValue::from_static("no-cache");
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, cache)], body).into_response()
}
