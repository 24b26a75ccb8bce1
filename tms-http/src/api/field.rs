//! Fields of bodies and queries that several resources have in common.

use std::str::FromStr;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use chrono::{Days, NaiveDate};
use http::{StatusCode, header::LOCATION};
use serde::Serialize;
use serde_json::Value;
use tms_core::{error::FieldErrors, text::InvalidText, time::Timestamp};

use crate::{
    extract::{ContentTag, repeatable::REPLAYED},
    problem::Problem,
    router::API,
    state::App,
    wire::Patch,
};

/// Reads a date.
pub(crate) fn date(errors: &mut FieldErrors, field: &str, text: &str) -> Option<NaiveDate> {
    errors.take(field, parse_date(text))
}

fn parse_date(text: &str) -> Result<NaiveDate, InvalidText> {
    let wrong = || InvalidText("must be a date such as 2026-01-24".to_owned());
    let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if !is_plain {
        return Err(wrong());
    }
    NaiveDate::from_str(text).map_err(|_| wrong())
}

/// Reads an optional date; an empty text counts as absent.
pub(crate) fn optional_date(errors: &mut FieldErrors, field: &str, text: Option<&String>) -> Option<NaiveDate> {
    date(errors, field, text.filter(|text| !text.is_empty())?)
}

/// Carries out the wish for a date.
pub(crate) fn patch_date(
    errors: &mut FieldErrors,
    field: &str,
    wish: Patch<String>,
    date_field: &mut Option<NaiveDate>,
) {
    match wish {
        Patch::Keep => {}
        Patch::Clear => *date_field = None,
        Patch::Set(text) => *date_field = date(errors, field, &text),
    }
}

/// Reads a time.
pub(crate) fn time(errors: &mut FieldErrors, field: &str, text: &str) -> Option<Timestamp> {
    let parsed = text
        .parse()
        .map_err(|e: tms_core::time::InvalidTimestamp| InvalidText(e.to_string()));
    errors.take(field, parsed)
}

/// Which end of a span a bound is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// The first moment that belongs to it.
    From,
    /// The first moment that does not.
    To,
}

/// Reads a bound of a span: a time, or a whole day that belongs to the span.
pub(crate) fn bound(errors: &mut FieldErrors, field: &str, text: &str, bound: Bound) -> Option<Timestamp> {
    let Ok(day) = parse_date(text) else {
        return time(errors, field, text);
    };
    let day = match bound {
        Bound::From => day,
        Bound::To => day.checked_add_days(Days::new(1)).unwrap_or(day),
    };
    Some(Timestamp::from(day.and_time(chrono::NaiveTime::MIN).and_utc()))
}

/// Makes a set of values of optional texts that are empty when absent.
pub(crate) fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// Reads an id inside a body or a query; what can't be one names nothing.
pub(crate) fn id<T>(errors: &mut FieldErrors, field: &str, made: Result<T, tms_core::id::InvalidId>) -> Option<T> {
    errors.take(
        field,
        made.map_err(|_| InvalidText("must be a whole number above zero".to_owned())),
    )
}

/// Ends a check whose values are there unless something was wrong.
pub(crate) fn checked<T>(errors: FieldErrors, value: Option<T>) -> Result<T, Problem> {
    match value {
        Some(value) if errors.is_empty() => Ok(value),
        _ => Err(Problem::invalid(errors)),
    }
}

/// Answers with a resource that has no revision.
pub(crate) fn tagged<T: Serialize>(body: T) -> Result<Response, Problem> {
    Ok((ContentTag::of(&body)?, Json(body)).into_response())
}

/// Answers 201 with the resource and where it is.
pub(crate) fn created<T: Serialize>(app: &App, path: &str, id: i64, body: T) -> Response {
    let location = format!("{}{API}{path}/{id}", app.settings.base_path);
    (StatusCode::CREATED, [(LOCATION, location)], Json(body)).into_response()
}

/// Answers again what was made before; the field that shows a secret once is null now.
pub(crate) fn created_before<T: Serialize>(
    app: &App,
    path: &str,
    id: i64,
    body: T,
    secret: &str,
) -> Result<Response, Problem> {
    let mut again = serde_json::to_value(body).map_err(Problem::internal)?;
    if let Value::Object(fields) = &mut again {
        fields.insert(secret.to_owned(), Value::Null);
    }
    Ok(([REPLAYED], created(app, path, id, again)).into_response())
}

/// Spells an optional time.
pub(crate) fn spelled(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_as_a_bound_is_whole() {
        let mut errors = FieldErrors::default();
        let mut read = |text: &str, end| bound(&mut errors, "x", text, end).map(|time| time.to_string());
        assert_eq!(read("2026-01-24", Bound::From).unwrap(), "2026-01-24T00:00:00Z");
        assert_eq!(read("2026-01-24", Bound::To).unwrap(), "2026-01-25T00:00:00Z");
        assert_eq!(
            read("2026-01-24T10:00:00+09:00", Bound::To).unwrap(),
            "2026-01-24T01:00:00Z"
        );
        assert_eq!(read("24.1.2026", Bound::To), None);
        assert!(!errors.is_empty());
    }
}
