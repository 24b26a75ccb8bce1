//! Walks a list to its end, page by page, by cursor.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::OperatorClient;
use crate::{client::ClientError, wire::List};

/// The rows that a page has at most.
const PER_PAGE: &str = "100";

/// A list on the way to its end.
#[derive(Debug)]
pub struct Walk<'a, T> {
    client: &'a OperatorClient,
    path: String,
    filters: Vec<(&'static str, String)>,
    cursor: Option<String>,
    is_over: bool,
    rows: PhantomData<fn() -> T>,
}

impl<'a, T: DeserializeOwned> Walk<'a, T> {
    pub(super) fn new(client: &'a OperatorClient, path: String, filters: Vec<(&'static str, String)>) -> Self {
        Self {
            client,
            path,
            filters,
            cursor: None,
            is_over: false,
            rows: PhantomData,
        }
    }

    /// Reads the rows as another type, such as one with fewer fields.
    #[must_use]
    pub fn as_rows<U: DeserializeOwned>(self) -> Walk<'a, U> {
        Walk {
            client: self.client,
            path: self.path,
            filters: self.filters,
            cursor: self.cursor,
            is_over: self.is_over,
            rows: PhantomData,
        }
    }

    /// Returns the next page; `None` behind the last. After an error the same page may be asked for again.
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, ClientError> {
        if self.is_over {
            return Ok(None);
        }
        let mut query: Vec<(&str, &str)> = self.filters.iter().map(|(k, v)| (*k, v.as_str())).collect();
        query.push(("per_page", PER_PAGE));
        query.extend(self.cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page: List<T> = self.client.list(&self.path, &query).await?;
        self.cursor = page.meta.next_cursor;
        self.is_over = self.cursor.is_none();
        Ok(Some(page.data))
    }
}
