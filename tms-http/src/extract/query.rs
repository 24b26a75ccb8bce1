//! The query of a request: each name once, none unknown, no control character.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use axum::extract::{FromRequestParts, Query};
use http::{Uri, request::Parts};
use tms_core::{
    error::FieldErrors,
    text::{InvalidText, Lines, clean},
};

use crate::problem::Problem;

/// The longest value.
const MAX_VALUE: usize = 1_000;

/// The parameters that nobody has taken yet, and what was wrong with those that were.
#[derive(Debug, Default)]
pub(crate) struct Params {
    rest: BTreeMap<String, String>,
    /// What was taken, in order: the part of the query that links repeat and cursors are bound to.
    taken: Vec<(&'static str, String)>,
    pub(crate) errors: FieldErrors,
}

impl Params {
    /// Reads a query.
    ///
    /// # Errors
    /// The problem, when it can't be read at all.
    pub(crate) fn of_query(query: &str) -> Result<Self, Problem> {
        let uri = Uri::builder().path_and_query(format!("/?{query}")).build();
        let pairs = uri.ok().map(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri));
        let pairs = pairs.and_then(Result::ok);
        let Query(pairs) = pairs.ok_or_else(|| Problem::malformed("the query can't be read"))?;
        let mut params = Self::default();
        for (name, value) in pairs {
            let name: String = name.chars().filter(|c| !c.is_control()).collect();
            if let Some(value) = params.errors.take(&name, clean(&value, 0, MAX_VALUE, Lines::One))
                && params.rest.insert(name.clone(), value).is_some()
            {
                params.errors.add(name, "is given twice");
            }
        }
        Ok(params)
    }

    /// Takes a text; an empty one counts as absent.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let value = self.rest.remove(name).filter(|value| !value.is_empty())?;
        self.taken.push((name, value.clone()));
        Some(value)
    }

    /// Returns a text that nobody has taken yet, as it is; empty when there is none.
    pub(crate) fn peek(&self, name: &str) -> &str {
        self.rest.get(name).map_or("", String::as_str)
    }

    /// Takes a value, or notes what is wrong with it.
    pub(crate) fn value<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<T> {
        let text = self.text(name)?;
        text.parse()
            .map_err(|e: T::Err| self.errors.add(name, e.to_string()))
            .ok()
    }

    /// Takes `true` or `false`.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let text = self.text(name)?;
        let parsed = text
            .parse()
            .map_err(|_| InvalidText("must be true or false".to_owned()));
        self.errors.take(name, parsed)
    }

    /// Takes a name that has to be one of `known`.
    pub(crate) fn one_of(&mut self, name: &'static str, known: &[&str]) -> Option<String> {
        let text = self.text(name)?;
        if known.contains(&text.as_str()) {
            return Some(text);
        }
        self.errors.add(name, format!("must be one of {}", known.join(", ")));
        None
    }

    /// Takes a whole number between `low` and `high`.
    pub(crate) fn number(&mut self, name: &'static str, low: u32, high: u32) -> Option<u32> {
        let text = self.text(name)?;
        let parsed = Some(&text).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let parsed = parsed
            .and_then(|text| text.parse().ok())
            .filter(|n| (low..=high).contains(n));
        self.errors.take(
            name,
            parsed.ok_or_else(|| InvalidText(format!("must be {low} to {high}"))),
        )
    }

    /// Takes what was taken since the last time: the parameters that make a list the list it is.
    pub(crate) fn taken(&mut self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.taken)
    }

    /// Refuses what is wrong and what nobody has taken.
    pub(crate) fn finish(&mut self) -> Result<(), Problem> {
        for name in self.rest.keys() {
            self.errors
                .add(name.chars().take(50).collect::<String>(), "is not known");
        }
        let errors = std::mem::take(&mut self.errors);
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(errors))
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of_query(parts.uri.query().unwrap_or_default())
    }
}
