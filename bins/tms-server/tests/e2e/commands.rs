//! The command line, as scripts use it.

use serde_json::json;

use crate::server::{Operator, PASSWORD, Setting};

#[test]
fn commands_print_one_json_document_and_tell_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(folder.path());
    setting.prepare();
    let create = ["enrollment-code", "create", "--customer", "ABC", "--json"];
    let refused = setting.run(&create, "");
    assert_eq!(refused.status.code(), Some(1));
    let said: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(said["ok"], false);
    assert!(said["error"].as_str().unwrap().contains("--create-customer"), "{said}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--create-customer"));
    let code = setting.json(
        &[&create[..], &["--create-customer", "--uses", "3", "--ttl", "7d"]].concat(),
        "",
    );
    assert_eq!(code["uses"], 3);
    assert!(code["customer_id"].as_i64().is_some_and(|id| id > 0));
    assert_eq!(code["code"].as_str().unwrap().len(), 19);
    assert!(code["expires_at"].is_string());
    let check = setting.json(&["check", "--json"], "");
    assert_eq!(check["ok"], true, "{check}");
}

#[test]
fn wrong_use_is_2_and_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(folder.path());
    assert_eq!(setting.run(&["serve", "--nonsense"], "").status.code(), Some(2));
    assert_eq!(setting.run(&[], "").status.code(), Some(2));
    let typo = setting.clone().with("TMS_LISTNE", "x").run(&["check"], "");
    assert_eq!(typo.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&typo.stderr).contains("TMS_LISTNE"));
    let code = [
        "enrollment-code",
        "create",
        "--customer",
        "ABC",
        "--create-customer",
        "--json",
    ];
    for (more, named) in [
        (["--uses", "0"], "uses"),
        (["--ttl", "9999d"], "expires_at"),
        (["--serial", "?"], "--serial"),
        (["--uses", "many"], "--uses"),
    ] {
        let refused = setting.run(&[&code[..], &more].concat(), "");
        assert_eq!(refused.status.code(), Some(2), "{more:?}");
        let said: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
        assert_eq!(said["ok"], false);
        assert!(said["error"].as_str().unwrap().contains(named), "{said}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(named));
    }
    let odd = [
        "user",
        "create",
        "--username",
        "A B",
        "--role",
        "admin",
        "--password-stdin",
    ];
    assert_eq!(setting.run(&odd, PASSWORD).status.code(), Some(2));
    let create = [
        "user",
        "create",
        "--username",
        "root",
        "--role",
        "admin",
        "--password-stdin",
    ];
    let weak = setting.run(&create, "short");
    assert_eq!(weak.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&weak.stderr).contains("12 to 128"));
    assert!(setting.run(&create, PASSWORD).status.success());
    assert!(String::from_utf8_lossy(&setting.run(&create, PASSWORD).stderr).contains("already exists"));
}

#[test]
fn a_trail_is_verified_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(folder.path());
    setting.prepare();
    let seen = setting.json(&["audit", "verify", "--json"], "");
    assert_eq!((&seen["ok"], &seen["unsealed"]), (&true.into(), &1.into()), "{seen}");
    let head = "0".repeat(64);
    let cut = setting.run(&["audit", "verify", "--json", "--expect-head", &"1".repeat(64)], "");
    assert_eq!(cut.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&cut.stdout).contains("end_cut"));
    let wrong = setting.run(&["audit", "verify", "--expect-head", "x"], "");
    assert_eq!(wrong.status.code(), Some(2));
    assert_eq!(seen["head"]["hash"], head, "nothing is linked yet");
}

#[tokio::test]
async fn people_are_reset_disabled_and_enabled_beside_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(folder.path());
    setting.prepare();
    let server = setting.start().await;
    let root = server.sign_in().await;
    let last = setting.run(&["user", "disable", "--username", "root"], "");
    assert_eq!(last.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&last.stderr).contains("last administrator"));
    let second = [
        "user",
        "create",
        "--username",
        "second",
        "--role",
        "admin",
        "--password-stdin",
        "--json",
    ];
    setting.json(&second, PASSWORD);
    let disabled = setting.json(&["user", "disable", "--username", "root", "--json"], "");
    assert_eq!(disabled["is_disabled"], true);
    assert_eq!(
        root.post("/auth/logout", &json!({})).await.0,
        401,
        "disabling acts at once"
    );
    let reset = ["user", "reset", "--username", "root", "--second-factor", "--json"];
    assert_eq!(
        setting.run(&reset, "").status.code(),
        Some(1),
        "nobody who is disabled gets a link"
    );
    let enabled = setting.json(&["user", "enable", "--username", "root", "--json"], "");
    assert_eq!(enabled["is_disabled"], false);
    let link = setting.json(&reset, "");
    let next = "another test that says so";
    let anybody = Operator::holding(&server, "");
    let body = json!({ "token": link["token"], "new_password": next });
    assert_eq!(anybody.post("/auth/password/reset", &body).await.0, 204);
    assert_eq!(anybody.post("/auth/password/reset", &body).await.0, 401);
    let login = |password: &str| json!({ "username": "root", "password": password });
    assert_eq!(anybody.post("/auth/login", &login(PASSWORD)).await.0, 401);
    assert_eq!(anybody.post("/auth/login", &login(next)).await.0, 200);
    let nobody = setting.run(&["user", "reset", "--username", "nobody"], "");
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("not found"));
    assert!(server.terminate());
}

#[tokio::test]
async fn check_names_a_database_that_would_lose_work() {
    let Some(setting) = Setting::postgres("check") else {
        return;
    };
    let before = setting.run(&["check", "--json"], "");
    assert_eq!(before.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&before.stdout).contains("tms migrate"));
    setting.prepare();
    assert_eq!(
        setting.json(&["migrate", "--json"], "")["applied"],
        serde_json::json!([])
    );
    assert_eq!(setting.json(&["check", "--json"], "")["ok"], true);
    let url = setting
        .environment
        .iter()
        .find(|(key, _)| key == "DATABASE_URL")
        .unwrap()
        .1
        .clone();
    crate::server::psql(
        &url,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$",
    );
    let unsafe_now = setting.run(&["check", "--json"], "");
    assert_eq!(unsafe_now.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unsafe_now.stdout).contains("synchronous_commit"));
}

#[tokio::test]
async fn the_first_start_makes_an_administrator_and_a_second_server_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let setting = Setting::sqlite(&data);
    let server = setting.start().await;
    let secret = data.join("setup-secret.txt");
    for (path, mode) in [(&secret, 0o600), (&data, 0o700)] {
        assert_eq!(
            std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
            mode,
            "{path:?}"
        );
    }
    assert!(std::fs::read_to_string(&secret).unwrap().contains("password: "));
    let second = setting.run(&["serve", "--listen", "127.0.0.1:0"], "");
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another server"));
    // Commands work beside the server.
    setting.prepare();
    server.sign_in().await.get("/summary").await;
    assert!(server.terminate());
}
