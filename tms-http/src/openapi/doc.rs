//! What a route says of itself. Whatever follows from its method, its path or who may call it is added here once.

use std::{collections::BTreeSet, fmt::Write};

use serde_json::{Map, Value, json};
use tms_core::permission::{Permission, Role};
use utoipa::ToSchema;

use super::{common, schemas::Schemas};
use crate::api::routes::Described;

/// Makes the schema of a type.
type MakeSchema = fn(&mut Schemas) -> Value;

/// Who may call a route.
#[derive(Debug, Clone, Copy)]
enum Caller {
    Anyone,
    Agent,
    Operator(Option<Permission>),
}

/// An answer that is no error.
struct Success {
    status: u16,
    text: &'static str,
    kind: &'static str,
    schema: Option<MakeSchema>,
    /// What is not JSON, as it may look.
    example: Option<String>,
}

/// What a route says of itself; see CONTRIBUTING.md.
pub(crate) struct Doc {
    summary: &'static str,
    more: &'static str,
    caller: Caller,
    query: Option<MakeSchema>,
    /// Fields of the query type that this route does not take.
    without: Vec<&'static str>,
    /// Fields of the query type that take other values here, and what is said of them.
    instead: Vec<(&'static str, &'static str, MakeSchema)>,
    body: Option<(&'static str, Option<MakeSchema>)>,
    successes: Vec<Success>,
    errors: BTreeSet<u16>,
    request_headers: Vec<&'static str>,
    answer_headers: Vec<&'static str>,
}

impl Doc {
    pub(super) fn new(summary: &'static str) -> Self {
        Self {
            summary,
            more: "",
            caller: Caller::Operator(None),
            query: None,
            without: Vec::new(),
            instead: Vec::new(),
            body: None,
            successes: Vec::new(),
            errors: BTreeSet::from([400, 429, 500, 503]),
            request_headers: Vec::new(),
            answer_headers: Vec::new(),
        }
    }

    /// Says more than fits into the summary.
    pub(crate) fn more(mut self, text: &'static str) -> Self {
        self.more = text;
        self
    }

    /// Is for whoever is signed in and has this permission. Without it: for whoever is signed in.
    pub(crate) fn needs(mut self, permission: Permission) -> Self {
        self.caller = Caller::Operator(Some(permission));
        self
    }

    /// Is for agents.
    pub(crate) fn agents(mut self) -> Self {
        self.caller = Caller::Agent;
        self
    }

    /// Needs no token.
    pub(crate) fn anyone(mut self) -> Self {
        self.caller = Caller::Anyone;
        self
    }

    /// Takes the fields of `T` as query.
    pub(crate) fn query<T: ToSchema>(mut self) -> Self {
        self.query = Some(Schemas::plain::<T>);
        self
    }

    /// Takes no page, because it answers with all rows.
    pub(crate) fn without_pages(self) -> Self {
        self.without(&["page", "per_page", "cursor"])
    }

    /// Takes not these fields of the query type.
    pub(crate) fn without(mut self, fields: &[&'static str]) -> Self {
        self.without.extend(fields);
        self
    }

    /// Takes the values of `T` in this field of the query type.
    pub(crate) fn limits<T: ToSchema>(mut self, field: &'static str, text: &'static str) -> Self {
        self.instead.push((field, text, Schemas::of::<T>));
        self
    }

    /// Takes JSON.
    pub(crate) fn body<T: ToSchema>(mut self) -> Self {
        self.body = Some(("application/json", Some(Schemas::of::<T>)));
        self
    }

    /// Answers 200 with JSON.
    pub(crate) fn answers<T: ToSchema>(self) -> Self {
        self.success(200, "Done.", "application/json", Some(Schemas::of::<T>))
    }

    /// Answers 200 with a page of a list.
    pub(crate) fn list<T: ToSchema>(self) -> Self {
        self.success(200, "A page of the list.", "application/json", Some(Schemas::list::<T>))
    }

    /// Answers 201 with JSON and says where the thing is.
    pub(crate) fn created<T: ToSchema>(mut self) -> Self {
        self.answer_headers.push("Location");
        self.success(201, "Made.", "application/json", Some(Schemas::of::<T>))
    }

    /// Answers 201 with JSON that is shown only now, and so is nowhere to be found.
    pub(crate) fn makes<T: ToSchema>(self) -> Self {
        self.success(201, "Made.", "application/json", Some(Schemas::of::<T>))
    }

    /// Takes something that is not JSON.
    pub(crate) fn accepts(mut self, kind: &'static str) -> Self {
        self.body = Some((kind, None));
        self
    }

    /// Answers 204.
    pub(crate) fn empty(self) -> Self {
        self.success(204, "Done; there is nothing to say.", "", None)
    }

    /// Answers 200 with something that is not JSON and looks like `example`.
    pub(crate) fn sends(self, kind: &'static str, text: &'static str, example: impl Into<String>) -> Self {
        let mut doc = self.success(200, text, kind, None);
        if let Some(success) = doc.successes.last_mut() {
            success.example = Some(example.into());
        }
        doc
    }

    /// The same for a file, which says its name.
    pub(crate) fn sends_file(mut self, kind: &'static str, text: &'static str, example: impl Into<String>) -> Self {
        self.answer_headers.push("Content-Disposition");
        self.sends(kind, text, example)
    }

    /// Answers 101 and goes on as a WebSocket.
    pub(crate) fn switches(self) -> Self {
        self.success(101, "The connection is a WebSocket from here on.", "", None)
    }

    /// May answer this error beyond those that follow from method, path and caller.
    pub(crate) fn refuses(mut self, status: u16) -> Self {
        self.errors.insert(status);
        self
    }

    /// Shows the revision of what it answers.
    pub(crate) fn tagged(mut self) -> Self {
        self.answer_headers.push("ETag");
        self
    }

    /// Changes a known revision only.
    pub(crate) fn if_match(mut self) -> Self {
        self.request_headers.push("If-Match");
        self.errors.extend([412, 428]);
        self
    }

    /// Changes a known revision only, if the request says so.
    pub(crate) fn may_if_match(mut self) -> Self {
        self.request_headers.push(common::OPTIONAL_IF_MATCH);
        self.errors.insert(412);
        self
    }

    /// Takes a header that [`common`] describes.
    pub(crate) fn takes(mut self, header: &'static str) -> Self {
        self.request_headers.push(header);
        self
    }

    fn success(mut self, status: u16, text: &'static str, kind: &'static str, schema: Option<MakeSchema>) -> Self {
        self.successes.push(Success {
            status,
            text,
            kind,
            schema,
            example: None,
        });
        self
    }

    /// Makes the operation of a route.
    pub(super) fn operation(mut self, described: &Described, schemas: &mut Schemas) -> Value {
        let route = described.route;
        self.add_errors(route.method, route.path);
        let mut operation = json!({
            "operationId": described.handler,
            "tags": [tag(route.path)],
            "summary": self.summary,
            "parameters": self.parameters(route.path, schemas),
            "responses": self.responses(schemas),
            "security": self.security(),
        });
        if let Value::Object(fields) = &mut operation {
            let description = self.description();
            if !description.is_empty() {
                fields.insert("description".to_owned(), description.into());
            }
            if let Some((kind, schema)) = self.body {
                let content = schema.map_or_else(|| json!({}), |schema| content(schema, schemas));
                let body = json!({ "required": true, "content": { kind: content } });
                fields.insert("requestBody".to_owned(), body);
            }
        }
        operation
    }

    fn add_errors(&mut self, method: &str, path: &str) {
        if !matches!(self.caller, Caller::Anyone) {
            self.errors.extend([401, 403]);
        }
        if path.contains('{') {
            self.errors.insert(404);
        }
        if method != "GET" {
            self.errors.insert(409);
        }
        if self.request_headers.contains(&"Idempotency-Key") && self.successes.iter().any(|s| s.status == 201) {
            // What the key made may be gone when it comes again.
            self.errors.insert(404);
        }
        if self.query.is_some() {
            self.errors.insert(422);
        }
        if self.body.is_some() {
            self.errors.extend([408, 413, 415, 422]);
        }
    }

    fn description(&self) -> String {
        let mut text = self.more.to_owned();
        if let Caller::Operator(Some(permission)) = self.caller {
            let roles = Role::ALL.iter().filter(|role| role.has(permission));
            let roles: Vec<_> = roles.map(|role| role.as_str()).collect();
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            let _ = write!(text, "Needs `{permission}`: {}.", roles.join(", "));
        }
        text
    }

    fn security(&self) -> Value {
        match self.caller {
            Caller::Anyone => json!([]),
            Caller::Agent => json!([{ "agent": [] }]),
            Caller::Operator(_) => json!([{ "operator": [] }]),
        }
    }

    fn parameters(&self, path: &str, schemas: &mut Schemas) -> Vec<Value> {
        let ids = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let mut parameters: Vec<Value> = ids.map(common::path_parameter).collect();
        let mut query = self.query.map(|query| query(schemas)).unwrap_or_default();
        for (field, text, schema) in &self.instead {
            let mut schema = schema(schemas);
            if let Value::Object(parts) = &mut schema {
                parts.insert("description".to_owned(), (*text).into());
            }
            if let Some(Value::Object(fields)) = query.get_mut("properties") {
                fields.insert((*field).to_owned(), schema);
            }
        }
        if let Some(Value::Object(fields)) = query.get("properties") {
            let is_required = |name: &str| {
                let required = query.get("required").and_then(Value::as_array);
                required.is_some_and(|required| required.iter().any(|field| field == name))
            };
            parameters.extend(
                fields
                    .iter()
                    .filter(|(name, _)| !self.without.contains(&name.as_str()))
                    .map(|(name, schema)| common::query_parameter(name, schema, is_required(name))),
            );
        }
        let headers = self.request_headers.iter().chain(&["X-Request-ID"]);
        parameters.extend(headers.map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })));
        parameters
    }

    fn responses(&self, schemas: &mut Schemas) -> Value {
        let mut responses = Map::new();
        for success in &self.successes {
            let mut headers = common::headers_of_every_answer();
            for name in &self.answer_headers {
                headers.insert((*name).to_owned(), common::header_ref(name));
            }
            let mut response = json!({ "description": success.text, "headers": headers });
            if let Value::Object(fields) = &mut response
                && !success.kind.is_empty()
            {
                let body = match success.schema {
                    Some(schema) => content(schema, schemas),
                    None => json!({ "schema": { "type": "string" }, "example": success.example }),
                };
                fields.insert("content".to_owned(), json!({ success.kind: body }));
            }
            responses.insert(success.status.to_string(), response);
        }
        for status in &self.errors {
            let reference = json!({ "$ref": format!("#/components/responses/{status}") });
            responses.insert(status.to_string(), reference);
        }
        Value::Object(responses)
    }
}

fn content(schema: MakeSchema, schemas: &mut Schemas) -> Value {
    let schema = schema(schemas);
    match schemas.example(&schema) {
        Some(example) => json!({ "schema": schema, "example": example }),
        None => json!({ "schema": schema }),
    }
}

/// Names the group of a route: the first word of its path.
pub(super) fn tag(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}
