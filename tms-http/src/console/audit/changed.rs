//! What an entry changed, as rows that people read: the field, what it was, what it is.

use serde_json::Value;

/// A field that was changed. A side that is absent was not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// The field, with those that it is part of.
    pub(super) field: String,
    /// What it was.
    pub(super) before: Option<String>,
    /// What it is.
    pub(super) after: Option<String>,
}

/// Spells the changes of an entry.
pub(super) fn changes(document: &Value) -> Vec<Change> {
    let mut rows = Vec::new();
    gather("", document, &mut rows);
    rows
}

fn gather(prefix: &str, value: &Value, rows: &mut Vec<Change>) {
    let Value::Object(fields) = value else {
        if !value.is_null() {
            rows.push(Change {
                field: prefix.to_owned(),
                before: None,
                after: Some(spell(value)),
            });
        }
        return;
    };
    if !fields.is_empty() && fields.keys().all(|key| key == "before" || key == "after") {
        let side = |name| fields.get(name).map(spell);
        rows.push(Change {
            field: prefix.to_owned(),
            before: side("before"),
            after: side("after"),
        });
        return;
    }
    for (key, value) in fields {
        let field = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        gather(&field, value, rows);
    }
}

fn spell(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn before_and_after_stand_side_by_side_and_the_rest_is_told_as_it_is() {
        let row = |field: &str, before: Option<&str>, after: Option<&str>| Change {
            field: field.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let document = json!({
            "role": { "before": "viewer", "after": "admin" }, "username": { "after": "mika" }, "email": { "before": null },
            "count": 7, "rules": { "high_cpu": { "value": { "before": 90, "after": 95 } } }, "nothing": null, "empty": {},
        });
        let mut seen = changes(&document);
        seen.sort_by(|a, b| a.field.cmp(&b.field));
        let expected = [
            row("count", None, Some("7")),
            row("email", Some("–"), None),
            row("role", Some("viewer"), Some("admin")),
            row("rules.high_cpu.value", Some("90"), Some("95")),
            row("username", None, Some("mika")),
        ];
        assert_eq!(seen, expected);
    }
}
