//! What all routes share: headers, the error answers with the codes they carry, the ways to sign in.

use serde_json::{Map, Value, json};

use crate::problem::{Code, sample};

/// The text at the head of the document.
pub(super) const INTRODUCTION: &str = "Terminals, their alerts and those who look after them.\n\n\
    Times are RFC 3339 in UTC, ids are integers. Every error has the body `ErrorBody`; programs decide by its `code`. \
    Operator routes refuse unknown fields and parameters, agent routes ignore and count them. A resource shows its \
    revision as `ETag`; who changes one sends it back as `If-Match`.";

/// Name, schema, example, text.
type Described = (&'static str, &'static str, &'static str, &'static str);

const ANSWER_HEADERS: [Described; 9] = [
    (
        "X-Request-ID",
        "string",
        "b1946ac9",
        "Names the request in the log of the server; as it was sent, or made.",
    ),
    (
        "X-RateLimit-Limit",
        "integer",
        "120",
        "How many requests the client may send at once, where there is a limit.",
    ),
    ("X-RateLimit-Remaining", "integer", "119", "How many of them are left."),
    ("X-RateLimit-Reset", "integer", "1", "Seconds until all of them are."),
    ("Retry-After", "integer", "1", "Seconds after which to try again."),
    (
        "ETag",
        "string",
        "\"r12\"",
        "The revision of the resource, for `If-Match`.",
    ),
    (
        "WWW-Authenticate",
        "string",
        "Bearer",
        "The kind of token that is missing.",
    ),
    (
        "Content-Disposition",
        "string",
        "attachment; filename=\"terminals.csv\"",
        "The name of the file.",
    ),
    (
        "Location",
        "string",
        "/api/v1/terminals/123",
        "Where the new resource is.",
    ),
];

/// The component of `If-Match` where a request may come without it.
pub(super) const OPTIONAL_IF_MATCH: &str = "If-Match-optional";

const REQUEST_HEADERS: [(Described, bool); 7] = [
    (
        (
            "X-Request-ID",
            "string",
            "b1946ac9",
            "A name for the request, of 1 to 128 visible characters.",
        ),
        false,
    ),
    (
        (
            "If-Match",
            "string",
            "*",
            "The `ETag` of what is to be changed, or `*` for whatever there is.",
        ),
        true,
    ),
    (
        (
            OPTIONAL_IF_MATCH,
            "string",
            "*",
            "The `ETag` of what was seen, if only that may be changed.",
        ),
        false,
    ),
    (
        (
            "If-None-Match",
            "string",
            "\"v7\"",
            "The `ETag` that the client has; the answer is 304 if it is the present one.",
        ),
        false,
    ),
    (
        (
            "Idempotency-Key",
            "string",
            "6f1f3c1e-import-42",
            "The same key with the same body gets the same answer for 24 hours, or 404 once what it made is gone.",
        ),
        false,
    ),
    (
        (
            "Last-Event-ID",
            "string",
            "0-120",
            "The position of the last event that was read; what came after it follows.",
        ),
        false,
    ),
    (
        (
            "X-Terminal-Serial",
            "string",
            "TC-200-001",
            "Must be the serial number that the token belongs to.",
        ),
        false,
    ),
];

/// The error answers: status, text, codes.
const ERRORS: [(u16, &str, &[Code]); 14] = [
    (400, "The request can't be read.", &[Code::NotJson]),
    (
        401,
        "Nobody has signed in, or no longer.",
        &[Code::InvalidToken, Code::WrongCredentials],
    ),
    (
        403,
        "The role does not allow it, or the terminal is another's.",
        &[Code::Forbidden],
    ),
    (
        404,
        "There is no such thing, or it is not the caller's to see.",
        &[Code::NotFound],
    ),
    (408, "The body did not arrive in time.", &[Code::Slow]),
    (
        409,
        "The present state forbids it, or it exists already.",
        &[Code::Conflict],
    ),
    (412, "It was changed meanwhile.", &[Code::Stale]),
    (413, "The body is too large.", &[Code::TooLarge]),
    (415, "The body has another media type.", &[Code::MediaType]),
    (
        422,
        "Fields or parameters are wrong; `field_errors` names them.",
        &[Code::Invalid],
    ),
    (428, "`If-Match` is missing.", &[Code::IfMatchMissing]),
    (429, "Too many requests.", &[Code::TooMany]),
    (500, "Our fault; it is logged with the request id.", &[Code::Internal]),
    (
        503,
        "Something that is needed is away, or the server is shutting down.",
        &[Code::Unavailable],
    ),
];

/// Makes the components that every document has but the schemas.
pub(super) fn components(error: &Value) -> Map<String, Value> {
    let mut components = Map::new();
    let headers = ANSWER_HEADERS.iter().map(|(name, kind, example, text)| {
        let header = json!({ "description": text, "schema": { "type": kind }, "example": typed(kind, example) });
        ((*name).to_owned(), header)
    });
    components.insert("headers".to_owned(), Value::Object(headers.collect()));
    let parameters = REQUEST_HEADERS
        .iter()
        .map(|((name, kind, example, text), is_required)| {
            let parameter = json!({
                "name": name.trim_end_matches("-optional"), "in": "header", "description": text, "required": is_required,
                "schema": { "type": kind }, "example": typed(kind, example),
            });
            ((*name).to_owned(), parameter)
        });
    components.insert("parameters".to_owned(), Value::Object(parameters.collect()));
    let responses = ERRORS
        .iter()
        .map(|(status, text, codes)| (status.to_string(), refusal(*status, text, codes, error)));
    components.insert("responses".to_owned(), Value::Object(responses.collect()));
    components.insert("securitySchemes".to_owned(), security_schemes());
    components
}

fn typed(kind: &str, example: &str) -> Value {
    match example.parse::<i64>() {
        Ok(number) if kind == "integer" => number.into(),
        _ => example.into(),
    }
}

fn refusal(status: u16, text: &str, codes: &[Code], schema: &Value) -> Value {
    let mut headers = headers_of_every_answer();
    if matches!(status, 429 | 503) {
        headers.insert("Retry-After".to_owned(), header_ref("Retry-After"));
    }
    if status == 401 {
        headers.insert("WWW-Authenticate".to_owned(), header_ref("WWW-Authenticate"));
    }
    let examples = codes.iter().map(|code| {
        let example = sample(*code);
        let name = example
            .pointer("/error/code")
            .and_then(Value::as_str)
            .unwrap_or_default();
        (name.to_owned(), json!({ "value": example }))
    });
    let examples: Map<String, Value> = examples.collect();
    let names: Vec<_> = examples.keys().map(String::as_str).collect();
    json!({
        "description": format!("{text} ({})", names.join(", ")),
        "headers": headers,
        "content": { "application/json": { "schema": schema, "examples": examples } },
    })
}

fn security_schemes() -> Value {
    json!({
        "operator": {
            "type": "http", "scheme": "bearer", "bearerFormat": "tms_at_ or tms_pat_ and 43 characters",
            "description": "The access token of a sign-in (`POST /auth/login`, 15 minutes), or a personal API token.",
        },
        "agent": {
            "type": "http", "scheme": "bearer", "bearerFormat": "tms_ag_ and 43 characters",
            "description": "The token of an agent (`POST /agent/register`), bound to one terminal.",
        },
    })
}

/// The headers that any answer may have.
pub(super) fn headers_of_every_answer() -> Map<String, Value> {
    let names = [
        "X-Request-ID",
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
    ];
    names
        .iter()
        .map(|name| ((*name).to_owned(), header_ref(name)))
        .collect()
}

/// Refers to a header of an answer.
pub(super) fn header_ref(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// Describes a part of a path.
pub(super) fn path_parameter(name: &str) -> Value {
    json!({
        "name": name, "in": "path", "required": true, "description": "The id.",
        "schema": { "type": "integer", "format": "int64", "minimum": 1 }, "example": 123,
    })
}

/// Describes a parameter of a query from the field of its type; those of every list have their bounds here.
pub(super) fn query_parameter(name: &str, field: &Value, is_required: bool) -> Value {
    let mut schema = field.clone();
    let mut description = Value::Null;
    if let Value::Object(fields) = &mut schema {
        not_null(fields);
        description = fields.remove("description").unwrap_or_default();
        let bounds = match name {
            "page" => json!({ "minimum": 1, "default": 1 }),
            "per_page" => json!({ "minimum": 1, "maximum": 100, "default": 20 }),
            "order" => json!({ "enum": ["asc", "desc"] }),
            // Each takes a time, and a date as the whole day.
            "from" | "to" | "from_date" | "to_date" | "seen_before" => {
                json!({ "anyOf": [{ "format": "date-time" }, { "format": "date" }] })
            }
            _ => json!({}),
        };
        if let Value::Object(bounds) = bounds {
            fields.extend(bounds);
        }
    }
    json!({ "name": name, "in": "query", "required": is_required, "description": description, "schema": schema })
}

/// A parameter is there or not, never null.
fn not_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [kind] = types.as_slice() {
            let kind = kind.clone();
            schema.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("oneOf") {
        choices.retain(|choice| choice.get("type") != Some(&json!("null")));
        if let [Value::Object(only)] = choices.as_slice() {
            *schema = only.clone();
        }
    }
}
