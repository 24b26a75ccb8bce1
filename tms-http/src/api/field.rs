//! Fields of bodies and queries that several resources have in common.

use std::str::FromStr;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use chrono::NaiveDate;
use http::{StatusCode, header::LOCATION};
use serde::Serialize;
use serde_json::Value;
use tms_core::{
    error::FieldErrors,
    report::{Calendar, availability::Edge},
    text::InvalidText,
    time::{InvalidTimestamp, Timestamp},
};

use crate::{
    extract::{ContentTag, Params, repeatable::REPLAYED},
    json::whole::root,
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

/// Reads an end of a time: a date, which is a day of the zone of reports, or a moment.
pub(crate) fn edge(errors: &mut FieldErrors, field: &str, text: &str) -> Option<Edge> {
    if let Ok(date) = parse_date(text) {
        return Some(Edge::Date(date));
    }
    let wrong = || "must be a date or an RFC 3339 time, such as 2026-01-24 or 2026-01-24T10:00:00Z".to_owned();
    let moment = text
        .parse::<Timestamp>()
        .map_err(|_: InvalidTimestamp| InvalidText(wrong()));
    errors.take(field, moment).map(Edge::Moment)
}

/// Reads the ends of a time, either of which may be left open: its first moment, and the first that does not belong to it.
pub(crate) fn span(
    errors: &mut FieldErrors,
    calendar: Calendar,
    (from, begin): (&str, Option<&str>),
    (to, end): (&str, Option<&str>),
) -> (Option<Timestamp>, Option<Timestamp>) {
    let begin = begin.and_then(|text| edge(errors, from, text));
    let end = end.and_then(|text| edge(errors, to, text));
    let span = (
        begin.map(|edge| edge.begin(calendar)),
        end.map(|edge| edge.end(calendar)),
    );
    let is_turned = matches!(span, (Some(begin), Some(end)) if end < begin);
    if is_turned || are_turned(begin, end) {
        errors.add(to, TURNED);
    }
    span
}

/// What is said of an end before the begin.
pub(crate) const TURNED: &str = "must not be before the begin";

/// Tells whether these dates are turned: the end of a day is the begin of the next, so that their moments may not tell.
pub(crate) fn are_turned(begin: Option<Edge>, end: Option<Edge>) -> bool {
    matches!((begin, end), (Some(Edge::Date(begin)), Some(Edge::Date(end))) if end < begin)
}

/// Takes the ends of a time from a query.
pub(crate) fn take_span(
    params: &mut Params,
    calendar: Calendar,
    [from, to]: [&'static str; 2],
) -> (Option<Timestamp>, Option<Timestamp>) {
    let (begin, end) = (params.text(from), params.text(to));
    span(
        &mut params.errors,
        calendar,
        (from, begin.as_deref()),
        (to, end.as_deref()),
    )
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

/// Tells whether a field of the body, or a part of it, is known to be wrong.
pub(crate) fn is_wrong(errors: &FieldErrors, name: &str) -> bool {
    errors.iter().any(|(field, _)| root(field) == name)
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
    fn a_day_belongs_to_a_span_as_a_whole() {
        let tokyo = Calendar::parse("Asia/Tokyo").unwrap();
        let mut errors = FieldErrors::default();
        let mut read = |from: &str, to: &str| {
            let (from, to) = span(&mut errors, tokyo, ("from", Some(from)), ("to", Some(to)));
            (from.map(|at| at.to_string()), to.map(|at| at.to_string()))
        };
        let (from, to) = read("2026-01-24", "2026-01-24");
        assert_eq!(from.unwrap(), "2026-01-23T15:00:00Z");
        assert_eq!(to.unwrap(), "2026-01-24T15:00:00Z");
        let moment = "2026-01-24T10:00:00+09:00";
        assert_eq!(read(moment, moment).1.unwrap(), "2026-01-24T01:00:00Z");
        assert!(errors.is_empty(), "a time may be empty");
        span(
            &mut errors,
            tokyo,
            ("from", Some("24.1.2026")),
            ("to", Some("2026-02-30")),
        );
        assert!(errors.has("from") && errors.has("to"), "{errors:?}");
        let mut errors = FieldErrors::default();
        span(
            &mut errors,
            tokyo,
            ("from", Some("2026-01-25")),
            ("to", Some("2026-01-24")),
        );
        assert!(errors.has("to") && errors.len() == 1, "{errors:?}");
    }
}
