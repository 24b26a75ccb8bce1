//! Reading a body of an operator so that everything that is wrong with it is said at once, where serde stops at the first
//! fault: a field that can't be read is named, gets a stand-in, and reading goes on. Never on the path of a heartbeat.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tms_core::error::FieldErrors;

use super::{explain, guarded, refusal, short};
use crate::problem::Problem;

/// How many fields are named; who has more of them wrong is told the rest when these are right.
const MOST: usize = 20;

/// Reads a body. What is wrong with it comes beside the value, in which those fields have stand-ins.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, FieldErrors), Problem> {
    let text = guarded(bytes)?;
    let mut errors = FieldErrors::default();
    if let Ok(value) = serde_json::from_str(text) {
        return Ok((value, errors));
    }
    let Ok(mut document @ Value::Object(_)) = serde_json::from_str(text) else {
        return Err(explain::<T>(text));
    };
    // A stand-in may be refused once what was refused before it is mended.
    for _ in 0..2 * MOST {
        let (field, message) = match attempt::<T>(&document) {
            Ok(_) if errors.is_empty() => return Err(explain::<T>(text)),
            Ok(value) => return Ok((value, errors)),
            Err(refused) => refused,
        };
        if errors.iter().all(|(known, _)| root(known) != root(&field)) {
            errors.add(short(&field), message);
        }
        if errors.len() == MOST || !stand_in::<T>(&mut document, root(&field)) {
            break;
        }
    }
    Err(Problem::invalid(errors))
}

/// Returns the field of the body that `field` is, or is a part of.
pub(crate) fn root(field: &str) -> &str {
    field.split(['.', '[']).next().unwrap_or(field)
}

fn attempt<T: DeserializeOwned>(document: &Value) -> Result<T, (String, &'static str)> {
    serde_path_to_error::deserialize(document).map_err(|error| refusal(&error))
}

/// Leaves a field out, or puts something into it, so that it is no longer the first that is refused. Tells whether that
/// was to be had.
fn stand_in<T: DeserializeOwned>(document: &mut Value, field: &str) -> bool {
    let Some(fields) = document.as_object_mut() else {
        return false;
    };
    fields.remove(field);
    if is_past::<T>(document, field) {
        return true;
    }
    let kinds = [json!(""), json!(0), json!(false), json!([]), json!({})];
    kinds.into_iter().any(|value| {
        if let Some(fields) = document.as_object_mut() {
            fields.insert(field.to_owned(), value);
        }
        is_past::<T>(document, field)
    })
}

fn is_past<T: DeserializeOwned>(document: &Value, field: &str) -> bool {
    attempt::<T>(document)
        .err()
        .is_none_or(|(other, _)| root(&other) != field)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "the type alone is looked at")]
    struct Wish {
        name: String,
        count: u32,
        parts: Vec<Part>,
        #[serde(default)]
        note: Option<String>,
        #[serde(default)]
        part: Option<Part>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "the type alone is looked at")]
    struct Part {
        size: u32,
    }

    fn named(body: &Value) -> Vec<String> {
        let (_, errors) = read::<Wish>(body.to_string().as_bytes()).ok().unwrap();
        errors.iter().map(|(field, _)| field.to_owned()).collect()
    }

    #[test]
    fn every_wrong_field_is_named() {
        let right = json!({ "name": "x", "count": 1, "parts": [{ "size": 1 }] });
        assert_eq!(named(&right), [] as [&str; 0]);
        assert_eq!(named(&json!({})), ["count", "name", "parts"]);
        let wrong = json!({ "name": 7, "count": -1, "parts": {}, "note": [], "part": { "size": "x" }, "colour": 1 });
        assert_eq!(named(&wrong), ["colour", "count", "name", "note", "part.size", "parts"]);
        let inner = json!({ "name": null, "count": 1.5, "parts": [{ "size": 1 }, { "size": 2, "x": 1 }] });
        assert_eq!(named(&inner), ["count", "name", "parts[1].x"]);
    }

    #[test]
    fn what_is_no_object_and_what_has_no_end_is_refused_as_a_whole() {
        for body in ["[]", "7", "{", "{} {}", ""] {
            assert!(read::<Wish>(body.as_bytes()).is_err(), "{body}");
        }
        let many: serde_json::Map<_, _> = (0..3_000).map(|n| (format!("f{n}"), json!(n))).collect();
        let refused = read::<Wish>(Value::Object(many).to_string().as_bytes()).err().unwrap();
        assert_eq!(refused.fields().unwrap().len(), MOST);
    }
}
