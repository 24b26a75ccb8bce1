//! What handlers take out of a request. Every refusal is a [`Problem`].

pub(crate) mod body;
pub(crate) mod csv_body;
pub(crate) mod if_match;
pub(crate) mod operator;
pub(crate) mod path_id;
pub(crate) mod query;
pub(crate) mod repeatable;

pub(crate) use body::JsonBody;
pub(crate) use csv_body::CsvBody;
pub(crate) use if_match::{ContentTag, Etag, IfMatch};
pub(crate) use operator::{Anyone, SignedIn};
pub(crate) use path_id::PathId;
pub(crate) use query::Params;
pub(crate) use repeatable::Repeatable;
