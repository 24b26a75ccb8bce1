//! Lists of terminals as files.

use serde_json::{Value, json};

use futures::StreamExt;
use tower::ServiceExt;

use crate::{
    browser::Browser,
    world::{Answer, World},
};

async fn import(world: &World, query: &str, body: impl Into<axum::body::Body>) -> Answer {
    let call = world.call("POST", &format!("/terminals/import{query}")).by("operator");
    call.header("content-type", "text/csv").untyped(body).send().await
}

async fn export(world: &World, query: &str) -> String {
    let answer = world
        .get(&format!("/terminals/export.csv{query}"))
        .by("viewer")
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    answer.text
}

async fn found(world: &World, serial: &str) -> Value {
    let list = world
        .get(&format!("/terminals?search={serial}"))
        .by("viewer")
        .send()
        .await
        .ok(200);
    list["data"][0].clone()
}

#[tokio::test]
async fn a_list_makes_and_changes_terminals() {
    let world = World::new().await;
    let customer = world.customer("株式会社ABC").await;
    let first = format!(
        "serial_number,customer_id,company_name,model,store_name,heartbeat_interval,installed_date\r\n\
         TC-1,{customer},,TC-200,新宿店,60,2024/12/1\r\ntc-2,,株式会社ABC,TC-300,,,\r\n"
    );
    let before = world.store.audit_entries().len();
    let counts = |dry_run: bool, created: u32, updated: u32, unchanged: u32| json!({ "dry_run": dry_run, "rows": created + updated + unchanged, "created": created, "updated": updated, "unchanged": unchanged });
    assert_eq!(
        import(&world, "?dry_run=true", first.clone()).await.ok(200),
        counts(true, 2, 0, 0)
    );
    assert_eq!(world.store.audit_entries().len(), before, "a trial changes nothing");
    assert_eq!(import(&world, "", first.clone()).await.ok(200), counts(false, 2, 0, 0));
    let entries = world.store.audit_entries().split_off(before);
    assert_eq!((entries.len(), entries[0].action.as_str()), (1, "terminal.import"));
    assert_eq!(entries[0].changes["created"], json!(["TC-1", "TC-2"]));
    let made = found(&world, "TC-1").await;
    assert_eq!(
        (&made["store_name"], &made["installed_date"]),
        (&json!("新宿店"), &json!("2024-12-01"))
    );
    assert_eq!(made["settings"]["heartbeat_interval"], 60);
    assert_eq!(found(&world, "TC-2").await["settings"]["heartbeat_interval"], 300);
    assert_eq!(import(&world, "", first).await.ok(200), counts(false, 0, 0, 2));

    // Columns that are missing stay; an empty cell takes a value away.
    let second = "serial_number,store_name,auto_update_enabled\nTC-1,,FALSE\nTC-2,池袋店,\n";
    assert_eq!(import(&world, "", second).await.ok(200), counts(false, 0, 2, 0));
    let changed = found(&world, "TC-1").await;
    assert_eq!(
        (&changed["store_name"], &changed["installed_date"]),
        (&Value::Null, &json!("2024-12-01"))
    );
    assert_eq!(changed["settings"]["auto_update_enabled"], false);
    let path = format!("/terminals/{}", changed["id"]);
    assert_eq!(world.get(&path).by("viewer").send().await.header("etag"), "\"r2\"");
}

#[tokio::test]
async fn what_is_wrong_is_named_by_row_and_nothing_is_written() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    world.agent(customer, "TC-9").await;
    let path = format!("/terminals/{}", found(&world, "TC-9").await["id"]);
    world
        .call("DELETE", &path)
        .by("operator")
        .if_match("*")
        .send()
        .await
        .ok(204);
    let list = format!(
        "serial_number,customer_id,company_name,model,heartbeat_interval,installed_date,auto_update_enabled\n\
         TC-1,{customer},,TC-200,,,\n\
         A,{customer},,TC-200,,,\n\
         TC-2,,Nobody,TC-200,,,\n\
         TC-3,{customer},,,0,2026-02-30,maybe\n\
         TC-1,{customer},,TC-200,,,\n\
         TC-9,{customer},,TC-200,,,\n\
         TC-4,{customer}\n\
         TC-5,,,TC-200,,,\n\
         TC-1,{customer},,TC-200,,soon,\n\
         ?,99,,TC-200,,,\n"
    );
    import(&world, "", list).await.wrong_fields(&[
        "row 10: installed_date",
        "row 10: serial_number",
        "row 11: customer_id",
        "row 11: serial_number",
        "row 3: serial_number",
        "row 4: company_name",
        "row 5: auto_update_enabled",
        "row 5: heartbeat_interval",
        "row 5: installed_date",
        "row 5: model",
        "row 6: serial_number",
        "row 7: serial_number",
        "row 8: cells",
        "row 9: customer_id",
    ]);
    let named = "serial_number,company_name,model\nTC-1,,TC-200\nTC-2,ABC,TC-200\n";
    import(&world, "", named).await.wrong_fields(&["row 2: company_name"]);
    let open = "serial_number,company_name,model\nTC-1,ABC,TC-200\nTC-2,ABC,\"TC-200\n";
    import(&world, "", open).await.wrong_fields(&["row 3"]);
    assert_eq!(
        world.get("/terminals").by("viewer").send().await.ok(200)["meta"]["total"],
        0
    );
    for (body, field) in [
        ("", "file"),
        ("serial_number,colour\n", "row 1"),
        ("model\nTC-200\n", "row 1"),
        ("serial_number,serial_number\n", "row 1"),
    ] {
        import(&world, "", body).await.wrong_fields(&[field]);
    }
    import(&world, "", vec![b's', 0xff, 0xfe, 0x81])
        .await
        .wrong_fields(&["file"]);
    import(&world, "?dry_run=1", "serial_number\n")
        .await
        .wrong_fields(&["dry_run"]);
    import(&world, "", "x".repeat(1_048_577)).await.problem(413, "SIZE_001");
    let many = (0..150).fold("serial_number\n".to_owned(), |list, n| format!("{list}TC-{n:03}\n"));
    let error = import(&world, "", many).await.problem(422, "VAL_001");
    assert_eq!(error["field_errors"]["rows"], json!(["50 more rows are wrong"]));
    let long = (0..10_001).fold("serial_number\n".to_owned(), |list, n| format!("{list}TC-{n:05}\n"));
    import(&world, "", long).await.wrong_fields(&["rows"]);
    world
        .post("/terminals/import", &json!({}))
        .by("operator")
        .send()
        .await
        .problem(415, "VAL_004");
}

#[tokio::test]
async fn a_body_of_another_type_is_told_which_one_is_read() {
    let world = World::new().await;
    for (path, kind, message) in [
        ("/terminals/import", "application/json", "The body must be text/csv"),
        ("/terminals", "text/csv", "The body must be application/json"),
    ] {
        let call = world.call("POST", path).by("operator").header("content-type", kind);
        let error = call.untyped("{}").send().await.problem(415, "VAL_004");
        assert_eq!(error["message"], message);
        assert!(error["details"].is_null(), "{error}");
    }
}

#[tokio::test]
async fn shift_jis_is_read() {
    let world = World::new().await;
    world.customer("ソニー表株式会社").await;
    let text = "serial_number,company_name,model,store_name\r\nTC-1,ソニー表株式会社,TC-200,新宿 ﾃｽﾄ店\r\n";
    let (bytes, ..) = encoding_rs::SHIFT_JIS.encode(text);
    assert_eq!(import(&world, "", bytes.to_vec()).await.ok(200)["created"], 1);
    assert_eq!(found(&world, "TC-1").await["store_name"], "新宿 ﾃｽﾄ店");
    let call = world.call("POST", "/terminals/import").by("operator");
    let named = call.header("content-type", "text/csv; charset=Shift_JIS");
    assert_eq!(named.untyped(bytes.to_vec()).send().await.ok(200)["unchanged"], 1);
}

#[tokio::test]
async fn what_export_writes_import_reads() {
    let world = World::new().await;
    let customer = world.customer("=cmd|' /C calc'!A0").await;
    for (serial, store) in [("TC-1", "@SUM(1)"), ("TC-2", "'=x, \"y\""), ("TC-3", "店")] {
        let body = json!({ "serial_number": serial, "customer_id": customer, "model": "TC-200", "store_name": store,
            "installation_address": "1-2\n東京", "warranty_end_date": "2026-12-01" });
        world.post("/terminals", &body).by("operator").send().await.ok(201);
    }
    let whole = export(&world, "").await;
    assert!(
        whole.starts_with("\u{feff}serial_number,customer_id,company_name,model,"),
        "{whole}"
    );
    assert!(whole.contains(",'=cmd|"), "{whole}");
    assert!(whole.contains(",'@SUM(1),"), "{whole}");
    assert_eq!(whole.matches("\r\n").count(), 4);
    let read = import(&world, "", whole.clone()).await.ok(200);
    assert_eq!((&read["unchanged"], &read["updated"]), (&json!(3), &json!(0)));
    let moved = whole.replace("@SUM(1)", "-1");
    assert_eq!(import(&world, "", moved).await.ok(200)["updated"], 1);
    assert_eq!(found(&world, "TC-1").await["store_name"], "-1");
}

#[tokio::test]
async fn an_export_has_the_filters_of_the_list_and_more_rows_than_a_page() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let list = (0..2_345).fold("serial_number,customer_id,model\n".to_owned(), |list, n| {
        format!("{list}TC-{n:05},{customer},TC-{}00\n", n % 3)
    });
    assert_eq!(import(&world, "", list).await.ok(200)["created"], 2_345);
    let serials = |text: &str| {
        text.lines()
            .skip(1)
            .map(|line| line[..8].to_owned())
            .collect::<Vec<_>>()
    };
    let all = serials(&export(&world, "").await);
    assert_eq!(all, (0..2_345).map(|n| format!("TC-{n:05}")).collect::<Vec<_>>());
    assert_eq!(serials(&export(&world, "?model=TC-100&order=desc").await).len(), 782);
    assert_eq!(
        serials(&export(&world, "?search=tc-0000&sort=store_name").await).len(),
        10
    );
    assert_eq!(serials(&export(&world, "?status=online").await).len(), 0);
    for (query, field) in [
        ("sort=last_heartbeat", "sort"),
        ("page=1", "page"),
        ("status=x", "status"),
    ] {
        let answer = world
            .get(&format!("/terminals/export.csv?{query}"))
            .by("viewer")
            .send()
            .await;
        answer.wrong_fields(&[field]);
    }
}

#[tokio::test]
async fn an_import_that_is_repeated_counts_once() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let list = format!("serial_number,customer_id,model\nTC-1,{customer},TC-200\n");
    let send = |body: String| {
        let call = world
            .call("POST", "/terminals/import")
            .by("operator")
            .header("idempotency-key", "k");
        call.header("content-type", "text/csv").untyped(body).send()
    };
    let answers = futures::future::join_all((0..20).map(|_| send(list.clone()))).await;
    assert!(answers.iter().all(|answer| answer.ok(200)["created"] == 1));
    let entries = world.store.audit_entries();
    assert_eq!(
        entries.iter().filter(|entry| entry.action == "terminal.import").count(),
        1
    );
    send(list + "TC-2,1,TC-200\n").await.wrong_fields(&["Idempotency-Key"]);
}

#[tokio::test]
async fn an_export_ends_when_its_reader_is_disabled() {
    let world = World::new().await;
    let customer = world.customer("ABC").await;
    let list = (0..3_000).fold("serial_number,customer_id,model\n".to_owned(), |list, n| {
        format!("{list}TC-{n:05},{customer},TC-200\n")
    });
    assert_eq!(import(&world, "", list).await.ok(200)["created"], 3_000);
    let browser = Browser::of(&world, "viewer").await;
    let session = browser.cookie("__Host-tms_session").unwrap();
    let mut bodies = Vec::new();
    for (path, name, value) in [
        (
            "/api/v1/terminals/export.csv",
            "authorization",
            format!("Bearer {}", world.token("viewer")),
        ),
        (
            "/terminals/export.csv",
            "cookie",
            format!("__Host-tms_session={session}"),
        ),
    ] {
        let request = http::Request::get(path).header(name, value);
        let request = request.body(axum::body::Body::empty()).unwrap();
        let answer = world.router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let mut body = answer.into_body().into_data_stream();
        let piece = body.next().await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&piece).contains("TC-00999"), "{path}");
        bodies.push((path, body));
    }
    let user = format!("/users/{}", world.first("/users?search=viewer-san").await);
    let disabled = world.patch(&user, &json!({ "is_disabled": true })).by("admin");
    disabled.if_match("*").send().await.ok(200);
    for (path, mut body) in bodies {
        assert!(body.next().await.unwrap().is_err(), "{path} goes on");
    }
}
