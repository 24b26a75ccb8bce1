//! `tms load-data`, `tms dump-data` and `tms import-django` on real stores, beside a running server.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};
use tms_core::time::{Clock, SystemClock};

use crate::server::{Operator, PASSWORD, Server, Setting, beat, now, until};

/// Made by Python's hashlib for the password "correct horse battery".
const HASH: &str = "pbkdf2_sha256$1000$seasalt2$/AgPzJG5e6Yv25JIyxyWfNnB6QXmfp0Y+BEGfC3zoJE=";

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs a command that must fail and returns what it said.
fn refused(setting: &Setting, arguments: &[&str]) -> String {
    let output = setting.run(arguments, "");
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

fn fixture() -> Value {
    json!({
        "tms_fixture": 1,
        "customers": [
            { "company_name": "ABC 株式会社", "contract_type": "premium", "max_terminals": 10 },
            { "company_name": "DEF", "is_active": false, "notes": "one\ntwo" },
        ],
        "users": [
            { "username": "yamada", "role": "operator", "full_name": "山田", "customer": "ABC 株式会社" },
            { "username": "sato", "role": "admin", "email": "s@example.com" },
        ],
        "terminals": [
            { "serial_number": "TC-200-001", "customer": "ABC 株式会社", "model": "TC-200", "store_name": "新宿店",
              "heartbeat_interval": 60, "installed_date": "2026-01-24", "firmware_version": "2.0.0" },
            { "serial_number": "TC-200-002", "customer": "DEF", "model": "TC-200", "is_retired": true },
        ],
        "maintenances": [
            { "serial_number": "TC-200-001", "from": "2026-01-24T10:00:00Z", "reason": "改装", "created_by": "yamada" },
            { "serial_number": "TC-200-001", "from": "2098-01-24T10:00:00Z", "until": "2099-01-24T10:00:00Z",
              "reason": "later", "created_by": "sato" },
        ],
        "channels": [
            { "name": "夜勤", "kind": "slack", "target": { "host": "hooks.slack.com" }, "lowest_severity": "HIGH",
              "customers": ["ABC 株式会社"], "hours": ["22:00", "07:00", "Asia/Tokyo"], "language": "ja",
              "needs": "slack.url" },
        ],
    })
}

fn round_trip(from: &Setting, to: &Setting) {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "fixture.json", &fixture().to_string());
    from.json(&["migrate", "--json"], "");
    to.json(&["migrate", "--json"], "");
    let trial = from.json(&["load-data", &file, "--dry-run", "--json"], "");
    assert_eq!(
        (&trial["dry_run"], &trial["added"]["terminals"]),
        (&true.into(), &2.into()),
        "{trial}"
    );
    let done = from.json(&["load-data", &file, "--json"], "");
    assert_eq!(done["added"], trial["added"], "a trial left nothing");
    assert_eq!(
        (&done["added"]["maintenances"], &done["added"]["channels"]),
        (&2.into(), &1.into()),
        "{done}"
    );
    let (first, second) = (folder.path().join("1.json"), folder.path().join("2.json"));
    let (first, second) = (first.to_str().unwrap(), second.to_str().unwrap());
    from.json(&["dump-data", first, "--json"], "");
    to.json(&["load-data", first, "--json"], "");
    to.json(&["dump-data", second, "--json"], "");
    let text = std::fs::read_to_string(first).unwrap();
    assert_eq!(text, std::fs::read_to_string(second).unwrap());
    assert!(text.contains("ABC 株式会社") && !text.contains("password"), "{text}");
    // A second time there is nothing to do.
    let again = to.json(&["load-data", first, "--json"], "");
    for kind in ["customers", "maintenances", "channels"] {
        assert_eq!(again["added"][kind], 0, "{kind}");
    }
    assert_eq!(to.json(&["audit", "verify", "--json"], "")["ok"], true);
}

#[test]
fn a_dump_loads_into_an_empty_store_and_dumps_the_same() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    round_trip(&Setting::sqlite(one.path()), &Setting::sqlite(two.path()));
}

#[test]
fn a_dump_moves_from_the_embedded_store_to_postgres() {
    let Some(setting) = Setting::postgres("transfer") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    round_trip(&Setting::sqlite(folder.path()), &setting);
}

#[tokio::test]
async fn what_was_loaded_works_and_hashes_go_along_when_asked() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let setting = Setting::sqlite(folder.path());
    setting.prepare();
    let file = write(folder.path(), "fixture.json", &fixture().to_string());
    setting.json(&["load-data", &file, "--json"], "");
    let server = setting.start().await;
    let root = server.sign_in().await;
    let summary = root.get("/summary").await;
    assert_eq!(summary["terminals"]["total"], 1, "{summary}");
    // An agent enrols for the terminal that was taken in.
    let code = setting.json(
        &["enrollment-code", "create", "--customer", "ABC 株式会社", "--json"],
        "",
    );
    let body = json!({ "serial_number": "TC-200-001", "enrollment_code": code["code"], "model": "TC-200" });
    let (status, enrolled) = Operator::holding(&server, "").post("/agent/register", &body).await;
    assert_eq!(status, 201, "{enrolled}");
    let agent = Operator::holding(&server, enrolled["agent_token"].as_str().unwrap());
    assert_eq!(beat(&agent, "TC-200-001", 1).await, 200);
    let dump = folder.path().join("dump.json");
    let dump = dump.to_str().unwrap();
    setting.json(&["dump-data", dump, "--with-password-hashes", "--json"], "");
    assert!(std::fs::read_to_string(dump).unwrap().contains("$argon2id$"));
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(dump).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let copy = Setting::sqlite(other.path());
    copy.json(&["load-data", dump, "--json"], "");
    let server = copy.start().await;
    server.sign_in().await.get("/customers").await;
}

/// Makes an installation with a channel that has a secret, a maintenance that is over, and a code; dumps it to `dump`.
async fn dumped_without_secrets(folder: &Path, dump: &str) {
    let setting = Setting::sqlite(folder);
    setting.prepare();
    let file = write(folder, "fixture.json", &fixture().to_string());
    setting.json(&["load-data", &file, "--json"], "");
    let server = setting.start().await;
    let root = server.sign_in().await;
    let hook = json!({ "name": "hook", "web_hook": { "url": "https://hook.example.com/x", "secret": "hidden-from-everybody" } });
    assert_eq!(root.post("/notification-channels", &hook).await.0, 201);
    let terminals = root.get("/terminals?search=TC-200-001").await;
    let ends = SystemClock.now().plus(Duration::from_secs(2));
    let plan = json!({
        "terminal_id": terminals["data"][0]["id"], "from": "2020-01-01T00:00:00Z", "until": ends.to_string(),
        "reason": "short",
    });
    let (status, made) = root.post("/maintenance", &plan).await;
    assert_eq!(status, 201, "{made}");
    let code = setting.json(&["enrollment-code", "create", "--customer", "DEF", "--json"], "");
    until(Duration::from_secs(10), "the short one is over", async || {
        SystemClock.now() >= ends
    })
    .await;
    setting.json(&["dump-data", dump, "--json"], "");
    let text = std::fs::read_to_string(dump).unwrap();
    for left_out in ["hidden-from-everybody", "short", code["code"].as_str().unwrap()] {
        assert!(!text.contains(left_out), "{left_out}: {text}");
    }
    assert!(text.contains("\"needs\":\"web_hook.secret\""), "{text}");
}

#[tokio::test]
async fn channels_and_maintenance_go_along_without_secrets_and_out_of_use() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dump = folder.path().join("dump.json");
    let dump = dump.to_str().unwrap();
    dumped_without_secrets(folder.path(), dump).await;
    let copy = Setting::sqlite(other.path());
    copy.prepare();
    let said = String::from_utf8(copy.run(&["load-data", dump], "").stdout).unwrap();
    assert!(
        said.contains("2 notification channels") && said.contains("switch it on"),
        "{said}"
    );
    let server = copy.start().await;
    let root = server.sign_in().await;
    until(Duration::from_secs(10), "maintenance holds", async || {
        root.get("/terminals?search=TC-200-001").await["data"][0]["status"] == "maintenance"
    })
    .await;
    let channels = root.get("/notification-channels").await;
    let channel = channels["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|channel| channel["name"] == "hook")
        .unwrap();
    assert_eq!(
        (&channel["is_enabled"], &channel["kind"]),
        (&false.into(), &"web_hook".into())
    );
    let change = async |body: Value| {
        let path = format!("/notification-channels/{}", channel["id"]);
        let request = root.request(reqwest::Method::PATCH, &path).header("If-Match", "*");
        let answer = request.json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, refused) = change(json!({ "is_enabled": true })).await;
    assert!(
        status == 422 && refused.contains("web_hook.secret"),
        "{status} {refused}"
    );
    let secret = json!({ "url": "https://hook.example.com/x", "secret": "another-secret-of-its-own" });
    let (status, changed) = change(json!({ "is_enabled": true, "web_hook": secret })).await;
    assert_eq!(status, 200, "{changed}");
    // With its own secret and in use it is still the channel of the fixture.
    assert_eq!(copy.json(&["load-data", dump, "--json"], "")["added"]["channels"], 0);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of faults")]
fn a_wrong_fixture_is_refused_as_a_whole_and_each_fault_named() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(&folder.path().join("data"));
    let path = folder.path();
    assert!(refused(&setting, &["load-data", "/nowhere/at/all.json"]).contains("/nowhere/at/all.json"));
    for (text, said) in [
        ("{", "EOF"),
        ("{\"tms_fixture\": 9}", "form 9"),
        (
            "{\"tms_fixture\": 1, \"terminals\": [{\"serial_number\": 1}]}",
            "terminals[0].serial_number",
        ),
    ] {
        let file = write(path, "wrong.json", text);
        let error = refused(&setting, &["load-data", &file]);
        assert!(error.contains(said) && error.contains("wrong.json"), "{error}");
    }
    std::fs::write(path.join("binary.json"), [0xFF, 0xFE]).unwrap();
    assert!(refused(&setting, &["load-data", path.join("binary.json").to_str().unwrap()]).contains("UTF-8"));
    let mut wrong = fixture();
    wrong["terminals"][1]["customer"] = "nobody".into();
    wrong["channels"][0]["customers"] = json!(["nobody"]);
    wrong["maintenances"][0]["serial_number"] = "TC-999".into();
    let error = refused(&setting, &["load-data", &write(path, "lost.json", &wrong.to_string())]);
    assert!(
        error.contains("terminals[1].customer: there is no customer \"nobody\""),
        "{error}"
    );
    for said in [
        "channels[0].customers: there is no customer \"nobody\"",
        "maintenances[0].serial_number: there is no terminal TC-999",
    ] {
        assert!(error.contains(said), "{said}: {error}");
    }
    wrong = fixture();
    wrong["customers"][0]["contact_email"] = "none".into();
    wrong["users"][1]["username"] = "yamada".into();
    wrong["terminals"][0]["heartbeat_interval"] = 0.into();
    wrong["maintenances"][1]["until"] = "2000-01-24T10:00:00Z".into();
    wrong["channels"][0]["target"]["host"] = "no host".into();
    let error = refused(
        &setting,
        &["load-data", &write(path, "faults.json", &wrong.to_string())],
    );
    for said in [
        "customers[0].contact_email",
        "users[1].username: stands twice",
        "terminals[0].heartbeat_interval",
        "maintenances[1].until: must be after from",
        "channels[0].slack.url",
    ] {
        assert!(error.contains(said), "{said}: {error}");
    }
    setting.json(
        &["load-data", &write(path, "good.json", &fixture().to_string()), "--json"],
        "",
    );
    let mut other = fixture();
    other["terminals"][0]["model"] = "TC-300".into();
    other["users"][1]["role"] = "viewer".into();
    other["maintenances"][0]["reason"] = "other".into();
    other["channels"][0]["lowest_severity"] = "LOW".into();
    other["customers"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "company_name": "GHI" }));
    let error = refused(&setting, &["load-data", &write(path, "other.json", &other.to_string())]);
    assert!(
        error.contains("terminals[0].serial_number: is there already and differs"),
        "{error}"
    );
    for place in ["users[1].username", "maintenances[0].from", "channels[0].name"] {
        let said = format!("{place}: is there already and differs");
        assert!(error.contains(&said), "{said}: {error}");
    }
    let dump = path.join("dump.json");
    setting.json(&["dump-data", dump.to_str().unwrap(), "--json"], "");
    assert!(
        !std::fs::read_to_string(&dump).unwrap().contains("GHI"),
        "nothing of it was taken in"
    );
    assert!(refused(&setting, &["dump-data", "/nowhere/at/all.json"]).contains("/nowhere/at"));
}

fn django() -> Value {
    let object = |model: &str, pk: i64, fields: Value| json!({ "model": model, "pk": pk, "fields": fields });
    json!([
        object(
            "auth.user",
            2,
            json!({
                "username": "yamada", "password": HASH, "is_superuser": true, "is_active": true, "groups": [],
            })
        ),
        object(
            "auth.user",
            3,
            json!({ "username": "sato", "password": "!", "is_staff": true })
        ),
        object("auth.permission", 1, json!({ "name": "Can add" })),
        object("terminals.customer", 3, json!({ "company_name": "ABC" })),
        object("firmware.firmware", 4, json!({ "version": "2.0.0" })),
        object(
            "terminals.terminal",
            5,
            json!({
                "serial_number": "TC-200-001", "customer": 3, "model": "TC-200", "firmware_version": "2.0.0",
            })
        ),
        object(
            "terminals.alert",
            7,
            json!({
                "terminal": 5, "alert_type": "offline", "severity": "HIGH", "title": "gone", "message": "no heartbeat",
                "created_at": now(), "is_resolved": true, "resolved_at": now(),
            })
        ),
        object(
            "terminals.terminallog",
            9,
            json!({
                "terminal": 5, "timestamp": "2024-12-01T00:00:00Z", "level": "ERROR", "message": "paper jam",
            })
        ),
    ])
}

fn row<'a>(report: &'a Value, kind: &str) -> &'a Value {
    let rows = report["kinds"].as_array().unwrap();
    rows.iter()
        .find(|row| row["kind"] == kind)
        .unwrap_or_else(|| panic!("{kind}: {report}"))
}

async fn sign_in(server: &Server, username: &str, password: &str) -> u16 {
    let body = json!({ "username": username, "password": password });
    Operator::holding(server, "").post("/auth/login", &body).await.0
}

async fn take_over(setting: Setting, hash_of: impl Fn() -> String) {
    let folder = tempfile::tempdir().unwrap();
    setting.prepare();
    let file = write(folder.path(), "dump.json", &django().to_string());
    let trial = setting.json(&["import-django", &file, "--dry-run", "--json"], "");
    assert_eq!(row(&trial, "user")["imported"], 2, "{trial}");
    let done = setting.json(&["import-django", &file, "--json"], "");
    for (kind, imported, skipped) in [
        ("customer", 1, 0),
        ("user", 2, 0),
        ("terminal", 1, 0),
        ("alert", 1, 0),
        ("log", 1, 0),
        ("firmware", 0, 1),
    ] {
        let row = row(&done, kind);
        assert_eq!(
            (&row["imported"], &row["skipped"]),
            (&imported.into(), &skipped.into()),
            "{kind}: {done}"
        );
    }
    assert_eq!(done["unknown_models"]["auth.permission"], 1);
    let again = setting.json(&["import-django", &file, "--json"], "");
    for kind in ["customer", "user", "terminal", "alert", "log"] {
        assert_eq!(row(&again, kind)["imported"], 0, "{kind}: {again}");
    }
    assert_eq!(hash_of(), HASH);
    let server = setting.start().await;
    assert_eq!(sign_in(&server, "yamada", "correct horse batterx").await, 401);
    assert_eq!(hash_of(), HASH, "a wrong guess changes nothing");
    assert_eq!(sign_in(&server, "yamada", "correct horse battery").await, 200);
    assert!(hash_of().starts_with("$argon2id$"), "{}", hash_of());
    assert_eq!(sign_in(&server, "yamada", "correct horse battery").await, 200);
    assert_eq!(sign_in(&server, "sato", "!").await, 401);
    let root = server.sign_in().await;
    let terminals = root.get("/terminals?search=TC-200").await;
    let terminal = &terminals["data"][0];
    assert_eq!(
        (&terminal["firmware_version"], &terminal["status"]),
        (&"2.0.0".into(), &"offline".into())
    );
    let alerts = root.get("/alerts?is_resolved=true").await;
    assert_eq!(alerts["data"][0]["severity"], "HIGH", "{alerts}");
    let logs = root.get(&format!("/terminals/{}/logs", terminal["id"])).await;
    assert_eq!(logs["data"][0]["message"], "paper jam");
    // After the import a re-run must not bring the former hash back.
    setting.json(&["import-django", &file, "--json"], "");
    assert!(hash_of().starts_with("$argon2id$"));
    assert!(server.terminate());
}

#[tokio::test]
async fn a_django_system_is_taken_over_on_the_embedded_store() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(folder.path());
    let copy = setting.clone();
    let dump = folder.path().join("hashes.json");
    let hash_of = move || {
        copy.json(
            &["dump-data", dump.to_str().unwrap(), "--with-password-hashes", "--json"],
            "",
        );
        let dump: Value = serde_json::from_str(&std::fs::read_to_string(&dump).unwrap()).unwrap();
        let users = dump["users"].as_array().unwrap();
        let user = users.iter().find(|user| user["username"] == "yamada").unwrap();
        user["password_hash"].as_str().unwrap().to_owned()
    };
    take_over(setting, hash_of).await;
}

#[tokio::test]
async fn a_django_system_is_taken_over_on_postgres() {
    let Some(setting) = Setting::postgres("django") else {
        return;
    };
    let url = setting
        .environment
        .iter()
        .find(|(key, _)| key == "DATABASE_URL")
        .unwrap()
        .1
        .clone();
    let hash_of = move || {
        crate::server::psql(
            &url,
            "SELECT password_hash FROM operator_user WHERE username = 'yamada'",
        )
    };
    take_over(setting, hash_of).await;
}

#[test]
fn what_is_no_dump_or_no_mapping_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(&folder.path().join("data"));
    let file = write(folder.path(), "dump.json", "{}");
    assert!(refused(&setting, &["import-django", &file]).contains("dump.json"));
    let good = write(folder.path(), "good.json", &django().to_string());
    let map = write(folder.path(), "map.json", "{\"models\": {\"a.b\": \"printer\"}}");
    let error = refused(&setting, &["import-django", &good, "--map", &map]);
    assert!(error.contains("map.json") && error.contains("models.a.b"), "{error}");
    assert!(refused(&setting, &["import-django", "/nowhere"]).contains("/nowhere"));
    let text = setting.run(&["import-django", &good, "--dry-run"], PASSWORD);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.contains("nothing was written") && text.contains("auth.permission: 1 read"),
        "{text}"
    );
}
