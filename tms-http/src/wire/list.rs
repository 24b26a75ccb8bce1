//! The envelope of every list.

use serde::{Deserialize, Serialize};

/// The query of a list without filters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Page number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Rows of a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_page: Option<u32>,
    /// Wins over the page number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct List<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Where this page stands in the list.
    pub meta: Meta,
    /// Addresses of other pages.
    pub links: Links,
}

/// Where a page stands in its list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"current_page": 1, "per_page": 20, "total": 1, "total_exact": true, "total_pages": 1, "from": 1,
        "to": 1, "next_cursor": null}
    ))
)]
pub struct Meta {
    /// The number of the page, from 1; null behind a cursor.
    #[serde(default)]
    pub current_page: Option<u32>,
    /// How many rows a page has at most.
    #[serde(default)]
    pub per_page: u32,
    /// How many rows there are, or at least are.
    #[serde(default)]
    pub total: Option<u64>,
    /// Whether `total` is exact.
    #[serde(default)]
    pub total_exact: bool,
    /// How many pages those are.
    #[serde(default)]
    pub total_pages: Option<u64>,
    /// The number of the first row, from 1; null behind a cursor.
    #[serde(default)]
    pub from: Option<u64>,
    /// The number of the last row; null behind a cursor.
    #[serde(default)]
    pub to: Option<u64>,
    /// What to ask for to get the next page; null on the last.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Addresses of other pages; null where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"first": "/api/v1/terminals?page=1&per_page=20", "last": "/api/v1/terminals?page=1&per_page=20",
        "prev": null, "next": null}
    ))
)]
pub struct Links {
    /// The first page.
    #[serde(default)]
    pub first: Option<String>,
    /// The last page; null where it is not known.
    #[serde(default)]
    pub last: Option<String>,
    /// The page before.
    #[serde(default)]
    pub prev: Option<String>,
    /// The page after.
    #[serde(default)]
    pub next: Option<String>,
}
