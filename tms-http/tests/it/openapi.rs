//! The document against the routes: an operation for each, an example for each body, and a snapshot that shows every
//! change of the contract.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::world::World;

async fn document(world: &World) -> Value {
    world.get("/openapi.json").send().await.ok(200)
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    operations.collect()
}

#[tokio::test]
async fn every_route_has_its_operation_and_no_operation_lacks_a_route() {
    let world = World::new().await;
    let document = document(&world).await;
    let documented: BTreeSet<_> = operations(&document).into_iter().map(|(name, _)| name).collect();
    let routes = tms_http::routes(&world.tms);
    let there: BTreeSet<_> = routes
        .iter()
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(
        documented, there,
        "say `.doc(...)` behind the route; see CONTRIBUTING.md"
    );
}

#[tokio::test]
async fn every_operation_is_complete() {
    let world = World::new().await;
    let document = document(&world).await;
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap()),
            "{name}: two have its id"
        );
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(
            responses.keys().any(|status| status.as_str() < "400"),
            "{name} never succeeds"
        );
        let bodies = responses.values().chain(operation.get("requestBody"));
        for body in bodies.filter_map(|holder| holder["content"].get("application/json")) {
            let is_any = body["schema"].as_object().unwrap().is_empty();
            assert!(
                is_any || body.get("example").is_some(),
                "{name}: no example for {}",
                body["schema"]
            );
        }
        for response in responses.values() {
            for (kind, content) in response["content"].as_object().into_iter().flatten() {
                let is_shown = content.get("example").is_some_and(|example| !example.is_null());
                assert!(kind == "application/json" || is_shown, "{name}: no example for {kind}");
                let is_file = matches!(kind.as_str(), "text/csv" | "application/jsonl");
                let has_name = response["headers"].get("Content-Disposition").is_some();
                assert_eq!(is_file, has_name, "{name}: {kind}");
            }
        }
        for parameter in operation["parameters"].as_array().unwrap() {
            assert!(
                parameter.get("$ref").is_some() || parameter["description"].is_string(),
                "{name}: {parameter}"
            );
        }
    }
}

#[tokio::test]
async fn examples_of_files_have_the_head_and_the_form_of_the_files() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let agent = world.agent(customer, "TC-200-001").await;
    let document = document(&world).await;
    let example = |path: &str, kind: &str| {
        let answer = &document["paths"][path]["get"]["responses"]["200"];
        answer["content"][kind]["example"].as_str().unwrap().to_owned()
    };
    for path in [
        "/terminals/export.csv",
        "/reports/availability.csv",
        "/reports/summary.csv",
        "/terminals/{id}/availability.csv",
    ] {
        let shown = example(path, "text/csv");
        let there = world
            .get(&path.replace("{id}", &agent.id.to_string()))
            .by("admin")
            .send()
            .await;
        assert!(there.header("content-disposition").starts_with("attachment"), "{path}");
        let head = |text: &str| text.lines().next().unwrap().trim_start_matches('\u{feff}').to_owned();
        assert_eq!(head(&shown), head(&there.text), "{path}");
        let cells = head(&shown).split(',').count();
        assert!(
            shown.lines().count() > 1 && shown.lines().all(|row| row.split(',').count() == cells),
            "{shown}"
        );
    }
    let keys = |line: &str| -> Vec<String> {
        let line: Value = serde_json::from_str(line).unwrap();
        line.as_object().unwrap().keys().cloned().collect()
    };
    let shown = example("/audit/export.jsonl", "application/jsonl");
    let there = world.get("/audit/export.jsonl").by("admin").send().await;
    let ends = |text: &str| (keys(text.lines().next().unwrap()), keys(text.lines().last().unwrap()));
    assert_eq!(ends(&shown), ends(&there.text));
    let stream = example("/events", "text/event-stream");
    for kind in ["new_alert", "resync", "end"] {
        assert!(
            stream.contains(&format!("\nevent: {kind}\ndata: {{\"type\":\"{kind}\"")),
            "{stream}"
        );
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let world = World::new().await;
    let document = document(&world).await;
    let mut open = vec![&document];
    let mut seen = 0;
    while let Some(value) = open.pop() {
        if let Some(Value::String(path)) = value.get("$ref") {
            seen += 1;
            assert!(document.pointer(path.trim_start_matches('#')).is_some(), "{path}");
        }
        match value {
            Value::Object(fields) => open.extend(fields.values()),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(seen > 100, "{seen}");
}

#[tokio::test]
async fn the_settings_have_the_fields_of_their_schema() {
    let world = World::new().await;
    let document = document(&world).await;
    let settings = world.get("/settings").by("admin").send().await.ok(200);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let schema = |name: &str| keys(&document["components"]["schemas"][name]["properties"]);
    assert_eq!(keys(&settings), schema("Settings"));
    assert_eq!(keys(&settings["presence"]), schema("PresenceSettings"));
    assert_eq!(keys(&settings["retention"]), schema("Retention"));
    assert_eq!(keys(&settings["security"]), schema("SecuritySettings"));
    assert_eq!(keys(&settings["rules"][0]), schema("Rule"));
}

#[tokio::test]
async fn the_document_changes_only_on_purpose() {
    let world = World::new().await;
    let document = document(&world).await;
    insta::assert_json_snapshot!("openapi", document, { ".info.version" => "[version]" });
}

#[tokio::test]
async fn the_page_shows_every_operation_and_needs_nothing_else() {
    let world = World::with(|settings| settings.base_path = "/tms".parse().unwrap()).await;
    let page = world.get("http://x/tms/api/docs").send().await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none'; style-src 'self'")
    );
    let document = world.get("http://x/tms/api/v1/openapi.json").send().await.ok(200);
    assert_eq!(document["servers"][0]["url"], "/tms/api/v1");
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(page.text.contains(&format!("<details id=\"{id}\">")), "{name}");
    }
    for forbidden in ["<script", "http://", "https://", "style="] {
        assert!(!page.text.contains(forbidden), "{forbidden}");
    }
    let style = world.get("http://x/tms/api/docs/style.css").send().await;
    assert_eq!(
        (style.status.as_u16(), style.header("content-type")),
        (200, "text/css; charset=utf-8")
    );
}

#[tokio::test]
async fn each_order_that_is_documented_is_taken() {
    let world = World::new().await;
    let document = world.get("/openapi.json").send().await.ok(200);
    for path in ["/terminals", "/terminals/export.csv"] {
        let operation = &document["paths"][path]["get"];
        let parameters = operation["parameters"].as_array().unwrap();
        let sort = parameters.iter().find(|parameter| parameter["name"] == "sort").unwrap();
        let schema = sort["schema"]["$ref"].as_str().unwrap().trim_start_matches('#');
        let names = document.pointer(schema).unwrap()["enum"].as_array().unwrap();
        assert!(names.len() >= 3, "{names:?}");
        for name in names {
            let list = format!("{path}?sort={}", name.as_str().unwrap());
            let answer = world.get(&list).by("viewer").send().await;
            assert_eq!(answer.status, 200, "{list}: {}", answer.text);
        }
    }
}
