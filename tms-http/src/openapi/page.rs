//! The document as one page to read: made here, so that it needs no script, no network and no exception in its policy.

use std::fmt::Write;

use serde_json::{Map, Value};

/// The looks of the page.
pub(crate) const STYLE: &str = include_str!("page/style.css");

/// Makes the page of a document.
pub(crate) fn page(document: &Value) -> String {
    let mut out = String::with_capacity(256 * 1_024);
    let version = text(document, "/info/version");
    let _ = write!(
        out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>TMS API</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"docs/style.css\"></head><body><header><h1>TMS API {}</h1>{}\
         <p><a href=\"v1/openapi.json\">OpenAPI 3.1</a></p></header><nav><ul>",
        escaped(version),
        paragraphs(text(document, "/info/description")),
    );
    let tags: Vec<&str> = items(document, "/tags")
        .filter_map(|tag| tag.get("name")?.as_str())
        .collect();
    for tag in tags.iter().chain(&["schemas"]) {
        let _ = write!(out, "<li><a href=\"#{0}\">{0}</a></li>", escaped(tag));
    }
    out.push_str("</ul></nav><main>");
    for tag in tags {
        let _ = write!(out, "<section id=\"{0}\"><h2>{0}</h2>", escaped(tag));
        for (path, method, operation) in operations(document).filter(|(_, _, op)| text(op, "/tags/0") == tag) {
            show_operation(&mut out, document, (path, method), operation);
        }
        out.push_str("</section>");
    }
    out.push_str("<section id=\"schemas\"><h2>schemas</h2>");
    for (name, schema) in fields(document, "/components/schemas") {
        let _ = write!(
            out,
            "<details id=\"schema-{0}\"><summary><code>{0}</code></summary>",
            escaped(name)
        );
        show_schema(&mut out, schema);
        out.push_str("</details>");
    }
    out.push_str("</section></main></body></html>");
    out
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    fields(document, "/paths").flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path, method.as_str(), operation))
    })
}

fn show_operation(out: &mut String, document: &Value, (path, method): (&str, &str), operation: &Value) {
    let _ = write!(
        out,
        "<details id=\"{}\"><summary><b class=\"{method}\">{}</b> <code>{}</code> <span>{}</span></summary>{}",
        escaped(text(operation, "/operationId")),
        method.to_uppercase(),
        escaped(path),
        escaped(text(operation, "/summary")),
        paragraphs(text(operation, "/description")),
    );
    let caller = operation.pointer("/security/0").and_then(Value::as_object);
    let caller = caller.and_then(|scheme| scheme.keys().next());
    let caller = caller.map_or("none", String::as_str);
    let _ = write!(out, "<p>Token: {}</p>", escaped(caller));
    out.push_str("<h3>Parameters</h3><table><tr><th>name</th><th>in</th><th>type</th><th></th></tr>");
    for parameter in items(operation, "/parameters") {
        let parameter = resolved(document, parameter);
        let needed = if parameter.get("required") == Some(&Value::Bool(true)) {
            " *"
        } else {
            ""
        };
        let _ = write!(
            out,
            "<tr><td><code>{}</code>{needed}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(text(parameter, "/name")),
            escaped(text(parameter, "/in")),
            kind(parameter.get("schema").unwrap_or(&Value::Null)),
            escaped(text(parameter, "/description")),
        );
    }
    out.push_str("</table>");
    if let Some(body) = operation.get("requestBody") {
        out.push_str("<h3>Body</h3>");
        show_content(out, body);
    }
    out.push_str("<h3>Answers</h3><dl>");
    for (status, response) in fields(operation, "/responses") {
        let response = resolved(document, response);
        let headers: Vec<_> = fields(response, "/headers").map(|(name, _)| escaped(name)).collect();
        let _ = write!(
            out,
            "<dt>{}</dt><dd>{} <small>{}</small>",
            escaped(status),
            escaped(text(response, "/description")),
            headers.join(", "),
        );
        if status.starts_with('2') {
            show_content(out, response);
        }
        out.push_str("</dd>");
    }
    out.push_str("</dl></details>");
}

fn show_content(out: &mut String, holder: &Value) {
    for (media, content) in fields(holder, "/content") {
        let schema = content.get("schema").unwrap_or(&Value::Null);
        let _ = write!(out, "<p><code>{}</code> {}</p>", escaped(media), kind(schema));
        if let Some(example) = content.get("example") {
            let _ = write!(out, "<pre>{}</pre>", escaped(&pretty(example)));
        }
    }
}

fn show_schema(out: &mut String, schema: &Value) {
    out.push_str(&paragraphs(text(schema, "/description")));
    if fields(schema, "/properties").next().is_none() {
        let _ = write!(out, "<p>{}</p>", kind(schema));
    } else {
        out.push_str("<table><tr><th>field</th><th>type</th><th></th></tr>");
    }
    let required: Vec<_> = items(schema, "/required").filter_map(Value::as_str).collect();
    for (name, field) in fields(schema, "/properties") {
        let needed = if required.contains(&name) { " *" } else { "" };
        let _ = write!(
            out,
            "<tr><td><code>{}</code>{needed}</td><td>{}</td><td>{}</td></tr>",
            escaped(name),
            kind(field),
            escaped(text(field, "/description")),
        );
    }
    if fields(schema, "/properties").next().is_some() {
        out.push_str("</table>");
    }
    for example in items(schema, "/examples") {
        let _ = write!(out, "<pre>{}</pre>", escaped(&pretty(example)));
    }
}

/// Says of what type a schema is, with a link where it has a place of its own.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| path.rsplit('/').next())
    {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escaped(name));
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        let values: Vec<_> = values.iter().filter_map(Value::as_str).map(escaped).collect();
        return values.join(" | ");
    }
    if let Some(Value::Array(choices)) = schema.get("oneOf").or_else(|| schema.get("anyOf")) {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let named = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        Some(Value::String(name)) => name.clone(),
        _ => "any".to_owned(),
    };
    match (schema.get("items"), schema.get("format").and_then(Value::as_str)) {
        (Some(row), _) => format!("list of {}", kind(row)),
        (None, Some(format)) => escaped(&format!("{named} ({format})")),
        (None, None) => escaped(&named),
    }
}

fn resolved<'v>(document: &'v Value, value: &'v Value) -> &'v Value {
    let path = value.get("$ref").and_then(Value::as_str);
    let path = path.and_then(|path| path.strip_prefix('#'));
    path.and_then(|path| document.pointer(path)).unwrap_or(value)
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn items<'v>(value: &'v Value, path: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

fn fields<'v>(value: &'v Value, path: &str) -> impl Iterator<Item = (&'v str, &'v Value)> {
    let object = value.pointer(path).and_then(Value::as_object);
    object
        .into_iter()
        .flat_map(Map::iter)
        .map(|(name, value)| (name.as_str(), value))
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn paragraphs(text: &str) -> String {
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.is_empty());
    let mut out = String::new();
    for paragraph in paragraphs {
        let _ = write!(out, "<p>{}</p>", escaped(paragraph));
    }
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}
