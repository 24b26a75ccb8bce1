//! The schemas that the document refers to, each once.

use std::collections::{BTreeMap, btree_map::Entry};

use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, schema::Schema},
};

use crate::wire::List;

const PREFIX: &str = "#/components/schemas/";

/// The schemas met so far.
#[derive(Debug, Default)]
pub(crate) struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// Returns a reference to the schema of `T`, and keeps it with all that it refers to.
    pub(super) fn of<T: ToSchema>(&mut self) -> Value {
        self.keep_parts::<T>();
        let schema = plain(&T::schema());
        if ["properties", "enum", "allOf", "oneOf"]
            .iter()
            .all(|key| schema.get(key).is_none())
        {
            return schema;
        }
        let name = T::name().into_owned();
        let reference = json!({ "$ref": format!("{PREFIX}{name}") });
        self.keep(name, schema);
        reference
    }

    /// Returns a reference to the schema of a page of a list; a generic type has one name for all its uses, so this makes
    /// one.
    pub(super) fn list<T: ToSchema>(&mut self) -> Value {
        self.keep_parts::<List<T>>();
        self.of::<T>();
        let name = format!("{}List", T::name());
        let reference = json!({ "$ref": format!("{PREFIX}{name}") });
        self.keep(name, plain(&List::<T>::schema()));
        reference
    }

    /// Returns the schema of `T` itself.
    pub(super) fn plain<T: ToSchema>(&mut self) -> Value {
        self.keep_parts::<T>();
        plain(&T::schema())
    }

    /// Returns the example of what `schema` refers to; that of a page of a list is made from that of a row.
    pub(super) fn example(&self, schema: &Value) -> Option<Value> {
        if schema.get("type") == Some(&json!("array")) {
            return self.example(schema.get("items")?).map(|row| json!([row]));
        }
        let name = schema.get("$ref")?.as_str()?.strip_prefix(PREFIX)?;
        let kept = self.0.get(name)?;
        if let Some(example) = kept.get("example") {
            return Some(example.clone());
        }
        let row = self.example(kept.pointer("/properties/data")?)?;
        let meta = self.example(kept.pointer("/properties/meta")?)?;
        let links = self.example(kept.pointer("/properties/links")?)?;
        Some(json!({ "data": row, "meta": meta, "links": links }))
    }

    /// Gives up the schemas, examples in the form of JSON Schema.
    pub(super) fn into_components(self) -> Value {
        let schemas = self.0.into_iter().map(|(name, mut schema)| {
            if let Value::Object(fields) = &mut schema
                && let Some(example) = fields.remove("example")
            {
                fields.insert("examples".to_owned(), json!([example]));
            }
            (name, schema)
        });
        Value::Object(schemas.collect())
    }

    fn keep_parts<T: ToSchema>(&mut self) {
        let mut parts = Vec::new();
        T::schemas(&mut parts);
        for (name, schema) in parts {
            self.keep(name, plain(&schema));
        }
    }

    fn keep(&mut self, name: String, mut schema: Value) {
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            mark_times(properties);
        }
        let kept = self.0.entry(name);
        debug_assert!(
            !matches!(&kept, Entry::Occupied(kept) if *kept.get() != schema),
            "two types have the name {}",
            kept.key()
        );
        kept.or_insert(schema);
    }
}

fn plain(schema: &RefOr<Schema>) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

/// Times and dates travel as text; their names tell which text is one.
fn mark_times(properties: &mut Map<String, Value>) {
    const TIMES: [&str; 9] = [
        "timestamp",
        "from",
        "to",
        "since",
        "until",
        "as_of",
        "server_time",
        "next_deadline",
        "last_heartbeat",
    ];
    for (name, schema) in properties {
        let format = if TIMES.contains(&name.as_str()) || name.ends_with("_at") || name.ends_with("_until") {
            "date-time"
        } else if name.ends_with("_date") {
            "date"
        } else {
            continue;
        };
        let is_text = match schema.get("type") {
            Some(Value::Array(types)) => types.contains(&json!("string")),
            kind => kind == Some(&json!("string")),
        };
        if let (true, Value::Object(schema)) = (is_text, schema) {
            schema.insert("format".to_owned(), format.into());
        }
    }
}
