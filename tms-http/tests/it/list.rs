//! Lists: pages, cursors, sorts, filters, links.

use serde_json::{Value, json};

use crate::world::World;

async fn fleet(count: usize) -> World {
    let world = World::new().await;
    let customer = world.customer("ABC Store Inc.").await;
    for n in 0..count {
        let body = json!({ "serial_number": format!("TC-{n:03}"), "customer_id": customer, "model": if n % 2 == 0 { "TC-200" } else { "TC-300" }, "store_name": format!("Store {}", n % 3) });
        world.post("/terminals", &body).by("operator").send().await.ok(201);
    }
    world
}

fn serials(list: &Value) -> Vec<String> {
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["serial_number"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn pages_and_links_walk_the_list() {
    let world = fleet(25).await;
    let list = world
        .get("/terminals?model=TC-200&per_page=5")
        .by("viewer")
        .send()
        .await
        .ok(200);
    assert_eq!(serials(&list), ["TC-000", "TC-002", "TC-004", "TC-006", "TC-008"]);
    let meta = &list["meta"];
    assert_eq!(
        (&meta["current_page"], &meta["per_page"], &meta["total"]),
        (&json!(1), &json!(5), &json!(13))
    );
    assert_eq!(
        (&meta["total_exact"], &meta["total_pages"], &meta["from"], &meta["to"]),
        (&json!(true), &json!(3), &json!(1), &json!(5))
    );
    let base = "/api/v1/terminals?model=TC-200";
    assert_eq!(list["links"]["first"], format!("{base}&page=1&per_page=5"));
    assert_eq!(list["links"]["last"], format!("{base}&page=3&per_page=5"));
    assert_eq!(list["links"]["prev"], Value::Null);
    assert_eq!(list["links"]["next"], format!("{base}&page=2&per_page=5"));
    let mut seen = serials(&list);
    let mut next = list["links"]["next"].clone();
    while let Some(link) = next.as_str() {
        let page = world.get(&format!("http://x{link}")).by("viewer").send().await.ok(200);
        seen.extend(serials(&page));
        next = page["links"]["next"].clone();
    }
    assert_eq!(seen.len(), 13);
    let beyond = world.get("/terminals?page=9").by("viewer").send().await.ok(200);
    assert_eq!((&beyond["data"], &beyond["meta"]["from"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn cursors_walk_the_same_list() {
    let world = fleet(12).await;
    for query in [
        "sort=serial_number",
        "sort=store_name&order=desc",
        "sort=status",
        "search=store",
    ] {
        let whole = world
            .get(&format!("/terminals?{query}&per_page=100"))
            .by("viewer")
            .send()
            .await
            .ok(200);
        let mut page = world
            .get(&format!("/terminals?{query}&per_page=5"))
            .by("viewer")
            .send()
            .await
            .ok(200);
        let mut seen = serials(&page);
        while let Some(cursor) = page["meta"]["next_cursor"].as_str() {
            let path = format!("/terminals?{query}&per_page=5&cursor={cursor}&page=77");
            page = world.get(&path).by("viewer").send().await.ok(200);
            for empty in ["current_page", "from", "to"] {
                assert_eq!(page["meta"][empty], Value::Null, "{empty}");
            }
            assert_eq!(
                (&page["links"]["last"], &page["links"]["prev"]),
                (&Value::Null, &Value::Null)
            );
            seen.extend(serials(&page));
        }
        assert_eq!(seen, serials(&whole), "{query}");
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_and_caller_only() {
    let world = fleet(6).await;
    let list = world.get("/terminals?per_page=2").by("viewer").send().await.ok(200);
    let cursor = list["meta"]["next_cursor"].as_str().unwrap();
    world
        .get(&format!("/terminals?per_page=3&cursor={cursor}"))
        .by("viewer")
        .send()
        .await
        .ok(200);
    for (path, role) in [
        (format!("/terminals?cursor={cursor}"), "admin"),
        (format!("/terminals?model=TC-200&cursor={cursor}"), "viewer"),
        (format!("/terminals?sort=store_name&cursor={cursor}"), "viewer"),
        (format!("/terminals?order=desc&cursor={cursor}"), "viewer"),
        (format!("/customers?cursor={cursor}"), "viewer"),
        ("/terminals?cursor=AAAA".to_owned(), "viewer"),
        ("/terminals?cursor=%F0%9F%98%80".to_owned(), "viewer"),
    ] {
        world.get(&path).by(role).send().await.wrong_fields(&["cursor"]);
    }
}

#[tokio::test]
async fn wrong_parameters_are_all_named() {
    let world = fleet(1).await;
    for (query, fields) in [
        ("page=0", &["page"][..]),
        ("per_page=101&page=x", &["page", "per_page"]),
        ("page=501", &["page"]),
        ("page=4294967295&per_page=100", &["page"]),
        ("sort=colour&order=up", &["order", "sort"]),
        ("status=asleep&customer_id=-1", &["customer_id", "status"]),
        ("colour=red", &["colour"]),
        ("page=1&page=2", &["page"]),
        ("search=%00", &["search"]),
        ("seen_before=yesterday", &["seen_before"]),
        ("has_alerts=maybe", &["has_alerts"]),
    ] {
        world
            .get(&format!("/terminals?{query}"))
            .by("viewer")
            .send()
            .await
            .wrong_fields(fields);
    }
    world.get("/terminals?page=500").by("viewer").send().await.ok(200);
    world.get("/summary?x=1").by("viewer").send().await.wrong_fields(&["x"]);
}

#[tokio::test]
async fn a_sort_without_cursors_is_read_by_page() {
    let world = fleet(5).await;
    let list = world
        .get("/terminals?sort=last_heartbeat&per_page=2")
        .by("viewer")
        .send()
        .await
        .ok(200);
    assert_eq!(list["meta"]["next_cursor"], Value::Null);
    let next = list["links"]["next"].as_str().unwrap().to_owned();
    let list = world.get(&format!("http://x{next}")).by("viewer").send().await.ok(200);
    assert_eq!(list["meta"]["from"], 3);
}

#[tokio::test]
async fn filters_select() {
    let world = fleet(6).await;
    for (query, found) in [
        ("status=offline", 6),
        ("status=online", 0),
        (&*format!("customer_id={}", world.first("/customers").await), 6),
        ("customer_id=999", 0),
        ("search=tc-00", 6),
        ("search=%EF%BC%B4%EF%BC%A3-001", 1),
        ("has_alerts=true", 0),
        ("has_alerts=false&model=TC-300", 3),
        ("seen_before=2026-01-24", 6),
        ("firmware_version=9", 0),
    ] {
        let list = world
            .get(&format!("/terminals?{query}"))
            .by("viewer")
            .send()
            .await
            .ok(200);
        assert_eq!(list["meta"]["total"], found, "{query}");
    }
    assert_eq!(
        world
            .get("/customers?search=abc&is_active=true")
            .by("viewer")
            .send()
            .await
            .ok(200)["meta"]["total"],
        1
    );
    assert_eq!(
        world
            .get("/customers?is_active=false")
            .by("viewer")
            .send()
            .await
            .ok(200)["meta"]["total"],
        0
    );
}
