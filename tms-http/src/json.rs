//! Reading JSON that strangers send: guarded, then typed; every fault becomes a problem that names the field.

pub(crate) mod guard;
pub(crate) mod whole;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::error::Category;

use crate::problem::Problem;
use guard::Fault;

/// Reads a message; unknown fields are refused by its type.
pub(crate) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    let text = guarded(bytes)?;
    serde_json::from_str(text).map_err(|_| explain::<T>(text))
}

/// Reads a body of an agent; returns how many unknown fields it had, too.
pub(crate) fn read_from_agent<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, u64), Problem> {
    let text = guarded(bytes)?;
    let mut ignored = 0;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_ignored::deserialize(&mut reader, |_| ignored += 1);
    match value.and_then(|value| reader.end().map(|()| value)) {
        Ok(value) => Ok((value, ignored)),
        Err(_) => Err(explain::<T>(text)),
    }
}

/// Returns the text once the guard has let it pass.
fn guarded(bytes: &[u8]) -> Result<&str, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::malformed("not UTF-8"))?;
    guard::check(bytes).map_err(refused)?;
    Ok(text)
}

fn refused(fault: Fault) -> Problem {
    match fault {
        Fault::TooDeep => Problem::malformed(format!(
            "more than {} objects and lists inside one another",
            guard::MAX_DEPTH
        )),
        Fault::Duplicate(key) => Problem::field(short(&key), "is given twice"),
        Fault::Nul(key) => Problem::field(short(&key), "must not contain control character NUL"),
        Fault::Control => Problem::malformed("a text has a bare control character"),
        Fault::NotAnObject(key) => Problem::field(short(&key), "must be an object"),
    }
}

/// Reads again, slowly, to say what is wrong and where.
fn explain<'a, T: Deserialize<'a>>(text: &'a str) -> Problem {
    // A text that is no JSON says so, whatever field came before the fault.
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return Problem::malformed(format!("not JSON at line {}, column {}", error.line(), error.column()));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut reader) else {
        return Problem::malformed("something follows the JSON document");
    };
    let cause = error.inner();
    if cause.classify() != Category::Data {
        return Problem::malformed(format!("not JSON at line {}, column {}", cause.line(), cause.column()));
    }
    let (field, message) = refusal(&error);
    Problem::field(short(&field), message)
}

/// Says which field a type refuses, and why.
fn refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> (String, &'static str) {
    let path = match error.path().to_string() {
        path if path == "." => String::new(),
        path => path,
    };
    let message = error.inner().to_string();
    if let Some(name) = quoted_after(&message, "missing field `") {
        return (join(&path, name), "is required");
    }
    if let Some(name) = quoted_after(&message, "unknown field `") {
        let parent = path
            .strip_suffix(name)
            .map_or(path.as_str(), |parent| parent.trim_end_matches('.'));
        return (join(parent, name), "is not known");
    }
    let field = if path.is_empty() { "body".to_owned() } else { path };
    (field, wanted(&message))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn quoted_after<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    text.strip_prefix(prefix)?.split_once('`').map(|(name, _)| name)
}

/// Says what serde wanted, without repeating what was sent.
fn wanted(text: &str) -> &'static str {
    let wanted = text.rsplit_once("expected ").map_or("", |(_, wanted)| wanted);
    match wanted.split([' ', ',']).next().unwrap_or_default() {
        "i64" | "i32" | "i16" => "must be a whole number",
        "u64" | "u32" | "u16" => "must be a whole number, not negative and not too large",
        "struct" | "map" => "must be an object",
        "a" | "an" if wanted.starts_with("a string") || wanted.starts_with("a borrowed") => "must be text",
        "a" if wanted.starts_with("a boolean") => "must be true or false",
        "a" if wanted.starts_with("a sequence") => "must be a list",
        "a" if wanted.starts_with("a map") => "must be an object",
        _ => "has the wrong type",
    }
}

/// Bounds a name that a stranger chose.
fn short(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect()
}
