//! What a change changed: before and after of the fields that differ, and of no other.

use serde_json::{Map, Value, json};

/// Compares two documents field by field; a field within another one is named `outer.inner`. Before a thing was there,
/// and after it is gone, it is `null`.
pub fn changes(before: &Value, after: &Value) -> Value {
    let mut found = Map::new();
    compare("", before, after, &mut found);
    Value::Object(found)
}

fn compare(name: &str, before: &Value, after: &Value, found: &mut Map<String, Value>) {
    if before == after {
        return;
    }
    let (fields, empty) = (|value: &Value| value.as_object().cloned(), Map::new());
    match (fields(before), fields(after)) {
        (None, None) => {
            let mut change = Map::new();
            if !before.is_null() {
                change.insert("before".to_owned(), before.clone());
            }
            change.insert("after".to_owned(), after.clone());
            found.insert(name.to_owned(), Value::Object(change));
        }
        (before, after) => {
            let (before, after) = (before.unwrap_or(empty.clone()), after.unwrap_or(empty));
            let added = after.keys().filter(|name| !before.contains_key(*name));
            for inner in before.keys().chain(added) {
                let path = if name.is_empty() {
                    inner.clone()
                } else {
                    format!("{name}.{inner}")
                };
                let side = |fields: &Map<String, Value>| fields.get(inner).cloned().unwrap_or(json!(null));
                compare(&path, &side(&before), &side(&after), found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_named() {
        let before = json!({ "name": "a", "notes": null, "limits": { "low": 1, "high": 2 }, "tags": [1] });
        let after = json!({ "name": "b", "notes": "x", "limits": { "low": 1, "high": 3 }, "tags": [1] });
        assert_eq!(
            changes(&before, &after),
            json!({
                "name": { "before": "a", "after": "b" },
                "notes": { "after": "x" },
                "limits.high": { "before": 2, "after": 3 },
            })
        );
        assert_eq!(changes(&before, &before), json!({}));
        assert_eq!(
            changes(&Value::Null, &json!({ "a": 1, "b": null })),
            json!({ "a": { "after": 1 } })
        );
        assert_eq!(
            changes(&json!({ "a": 1 }), &Value::Null),
            json!({ "a": { "before": 1, "after": null } })
        );
    }
}
