//! Text that means harm, in every string that the server's own document names: it is stored as text or refused, on both
//! databases, and never becomes anything else.

use serde_json::Value;

use crate::server::{Operator, Setting, enrol};

/// What databases, shells, templates, browsers, logs and spreadsheets would do something with.
const HARM: [&str; 8] = [
    "'; DROP TABLE terminal; --",
    "x' OR '1'='1",
    "%' UNION SELECT password_hash FROM app_user --\\",
    "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>",
    "${jndi:ldap://127.0.0.1/x}{{7*7}}$(id)`id`|id;id",
    "a\r\nSet-Cookie: x=1\r\n\r\n<html>",
    "=cmd|'/c calc'!A0",
    "../../../../etc/passwd\u{202e}\u{feff}",
];

/// Routes that are not asked: a stream without an end, what ends the sign-in or sends something, uploads.
const LEFT_OUT: [&str; 5] = [
    "/events",
    "/auth/logout",
    "/auth/sessions",
    "/{id}/test",
    "/ws/monitoring",
];

/// An operation of the document.
struct Operation<'d> {
    method: &'d str,
    path: String,
    details: &'d Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, methods)| {
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        methods
            .as_object()
            .unwrap()
            .iter()
            .map(move |(method, details)| Operation {
                method,
                path: path.to_owned(),
                details,
            })
    });
    all.filter(|asked| !LEFT_OUT.iter().any(|left_out| asked.path.contains(left_out)))
        .collect()
}

/// Returns copies of a document in each of which one string is `harm`.
fn poisoned(body: &Value, harm: &str) -> Vec<Value> {
    match body {
        Value::String(_) => vec![harm.into()],
        Value::Object(fields) => {
            let with = |name: &String, value: Value| {
                let mut copy = fields.clone();
                copy.insert(name.clone(), value);
                Value::Object(copy)
            };
            let each = fields.iter().flat_map(|(name, value)| {
                let values = poisoned(value, harm);
                values.into_iter().map(move |value| with(name, value))
            });
            each.collect()
        }
        Value::Array(items) => items.first().map_or_else(Vec::new, |first| {
            let firsts = poisoned(first, harm).into_iter();
            firsts.map(|value| Value::Array(vec![value])).collect()
        }),
        _ => Vec::new(),
    }
}

async fn ask(
    person: &Operator,
    asked: &Operation<'_>,
    build: impl Fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
) {
    let method = asked.method.to_uppercase().parse().unwrap();
    let path = asked.path.replace("{id}", "1");
    let answer = build(person.request(method, &path)).send().await.unwrap();
    let status = answer.status().as_u16().to_string();
    let injected = answer.headers().contains_key("set-cookie") && !asked.path.starts_with("/auth/");
    let text = answer.text().await.unwrap();
    let documented = asked.details["responses"].as_object().unwrap();
    assert!(
        documented.contains_key(&status) && !status.starts_with('5') && !injected,
        "{} {}: {status} {text}",
        asked.method,
        asked.path
    );
}

async fn attack(setting: &Setting) {
    setting.prepare();
    let server = setting.clone().with("TMS_RATE_LIMITS", "off").start().await;
    enrol(setting, &server, "TC-200-001").await;
    let root = server.sign_in().await;
    let document = root.get("/openapi.json").await;
    for asked in &operations(&document) {
        let examples = asked.details["requestBody"]["content"]["application/json"]["example"].clone();
        let parameters = asked.details["parameters"].as_array().cloned().unwrap_or_default();
        let queries: Vec<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        for harm in HARM {
            for name in &queries {
                ask(&root, asked, |request| request.query(&[(name, harm)])).await;
            }
            for body in poisoned(&examples, harm) {
                ask(&root, asked, |request| request.header("if-match", "*").json(&body)).await;
            }
            if asked.path.contains("{id}") {
                let hostile = Operation {
                    path: asked.path.replace("{id}", &String::from_utf8_lossy(&escaped(harm))),
                    ..*asked
                };
                ask(&root, &hostile, |request| request.header("if-match", "*")).await;
            }
        }
    }
    // Nothing but what was asked for has happened.
    let found = |path: &str| {
        let (root, path) = (root.clone(), path.to_owned());
        async move { root.get(&path).await["meta"]["total"].clone() }
    };
    assert_eq!(found("/terminals?search=TC-200-001").await, 1);
    assert_eq!(
        found("/terminals?search=%25%25%25").await,
        0,
        "a wildcard is a character like any other"
    );
    assert_eq!(
        found("/terminals?search=TC_200").await,
        0,
        "a wildcard is a character like any other"
    );
    drop(server);
    let verified = setting.json(&["audit", "verify", "--json"], "");
    assert_eq!(verified["ok"], true, "{verified}");
}

/// Escapes everything, so that what was meant arrives as one part of the path.
fn escaped(text: &str) -> Vec<u8> {
    text.bytes()
        .flat_map(|byte| format!("%{byte:02X}").into_bytes())
        .collect()
}

#[tokio::test]
async fn harmful_text_stays_text_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    attack(&Setting::sqlite(folder.path())).await;
}

#[tokio::test]
async fn harmful_text_stays_text_on_postgres() {
    if let Some(setting) = Setting::postgres("attack") {
        attack(&setting).await;
    }
}
