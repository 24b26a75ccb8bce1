//! What the pages load: embedded in the binary, named by its content, so that a browser may keep it for ever.

use std::sync::LazyLock;

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{
    HeaderName, HeaderValue,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE},
};
use sha2::{Digest, Sha256};

use crate::{problem::Problem, state::App};

/// A file that the pages of the console load.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its name in the source, such as `console.css`.
    pub name: &'static str,
    /// Its name below `/static/`, which changes with the content: `console.1f0c9a....css`.
    pub hashed_name: String,
    /// Its media type.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

/// How long a browser, or a cache on the way, may keep an asset: what has another content has another name.
pub const ASSET_CACHING: &str = "public, max-age=31536000, immutable";

macro_rules! embedded {
    ($($name:literal $kind:literal,)+) => {
        [$(($name, $kind, include_bytes!(concat!("../../assets/", $name)) as &'static [u8]),)+]
    };
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let files = embedded![
        "console.css" "text/css; charset=utf-8",
        "console.js" "text/javascript; charset=utf-8",
        "favicon.svg" "image/svg+xml",
        "password_link.js" "text/javascript; charset=utf-8",
    ];
    let asset = |(name, content_type, bytes): (&'static str, _, &'static [u8])| Asset {
        name,
        hashed_name: hashed(name, bytes),
        content_type,
        bytes,
    };
    files.into_iter().map(asset).collect()
});

/// Lists what the console serves below `/static/`, for whoever wants to serve it from elsewhere.
pub fn assets() -> &'static [Asset] {
    &ASSETS
}

/// Puts the begin of the content's SHA-256 before the ending of a name.
fn hashed(name: &str, bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let start = digest
        .iter()
        .take(8)
        .fold(0_u64, |hash, byte| (hash << 8) | u64::from(*byte));
    let hash = format!("{start:016x}");
    match name.rsplit_once('.') {
        Some((stem, ending)) => format!("{stem}.{hash}.{ending}"),
        None => format!("{name}.{hash}"),
    }
}

/// Returns the name below `/static/` of an asset; a test sees to it that every page names known ones only.
pub(super) fn name_of(name: &str) -> &'static str {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    found.map_or("", |asset| &asset.hashed_name)
}

/// `GET /static/{name}`
pub(super) async fn get_asset(State(_): State<App>, Path(name): Path<String>) -> Result<Response, Problem> {
    let found = ASSETS.iter().find(|asset| asset.hashed_name == name);
    let asset = found.ok_or_else(Problem::not_found)?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (CACHE_CONTROL, HeaderValue::from_static(ASSET_CACHING)),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        ),
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    Ok((headers, asset.bytes).into_response())
}
