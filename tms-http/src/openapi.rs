//! The OpenAPI 3.1 document and the page that shows it, made from the routes and from what each says of itself.
//!
//! Never here: what one route alone has to say; that stands beside its handler (`Routes::doc`).

pub(crate) mod common;
mod doc;
pub(crate) mod names;
mod page;
mod schemas;

use serde_json::{Map, Value, json};

use crate::api::routes::Described;

pub(crate) use doc::Doc;
pub(crate) use page::{STYLE, page};
use schemas::Schemas;

/// Makes the document of `routes`, which are mounted below `root`.
///
/// A route that says nothing of itself is left out; a test finds it.
pub(crate) fn document(root: &str, routes: &[Described]) -> Value {
    let mut schemas = Schemas::default();
    let mut paths = Map::new();
    let mut sorted: Vec<&Described> = routes.iter().collect();
    sorted.sort_by_key(|described| described.route);
    sorted.sort_by_key(|described| described.route.path);
    let mut tags: Vec<&str> = Vec::new();
    for described in sorted {
        let Some((summary, build)) = described.doc else {
            continue;
        };
        let operation = build(Doc::new(summary)).operation(described, &mut schemas);
        let item = paths.entry(described.route.path).or_insert_with(|| json!({}));
        if let Value::Object(item) = item {
            item.insert(described.route.method.to_ascii_lowercase(), operation);
        }
        let tag = doc::tag(described.route.path);
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    let error = schemas.of::<crate::wire::ErrorBody>();
    let mut components = common::components(&error);
    components.insert("schemas".to_owned(), schemas.into_components());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "TMS",
            "version": env!("CARGO_PKG_VERSION"),
            "description": common::INTRODUCTION,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": root }],
        "tags": tags.iter().map(|tag| json!({ "name": tag })).collect::<Vec<_>>(),
        "paths": paths,
        "components": components,
    })
}
