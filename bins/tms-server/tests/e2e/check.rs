//! `tms check --deploy`: what is wrong in production is found, said with its fix, and decides the exit code.

use std::path::Path;

use serde_json::Value;

use crate::server::{PASSWORD, Setting};

const KEY: &str = "q0Vb7yYk3mN8sJr5tQx2Lc9wFzHa1dUeGpTiRoXvBnMl4K6S";

/// Returns the exit code and the report.
fn look(setting: &Setting, more: &[&str]) -> (i32, Value) {
    let output = setting.run(&[&["check", "--deploy", "--json"], more].concat(), "");
    let report = serde_json::from_slice(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (
        output.status.code().unwrap(),
        report.unwrap_or_else(|_| panic!("{said}")),
    )
}

fn finding<'a>(report: &'a Value, name: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not in {report}"))
}

/// Names what is wrong, and what could be better.
fn named<'a>(report: &'a Value, kind: &str) -> Vec<&'a str> {
    let findings = report["findings"].as_array().unwrap();
    let hit = findings.iter().filter(|finding| !finding[kind].is_null());
    hit.map(|finding| finding["name"].as_str().unwrap()).collect()
}

fn good(folder: &Path) -> Setting {
    Setting::sqlite(&folder.join("data"))
        .with("SECRET_KEY", KEY)
        .with("ALLOWED_HOSTS", "tms.example.com")
        .with("TMS_TRUSTED_PROXIES", "127.0.0.1/32")
        .with("TMS_METRICS_TOKEN", "xK29dLq7Zp4mWv8sRt1y")
        .with("TMS_DRAIN_S", "70")
        .with("TMS_MAX_CONNECTIONS", "100")
}

async fn ask_for_second_factors(setting: &Setting) {
    let server = setting.clone().with("ALLOWED_HOSTS", "127.0.0.1").start().await;
    let root = server.sign_in().await;
    let before = root.request(reqwest::Method::GET, "/settings").send().await.unwrap();
    let tag = before.headers()["etag"].clone();
    let roles = serde_json::json!({ "security": { "second_factor_roles": ["admin", "operator", "support"] } });
    let request = root.request(reqwest::Method::PUT, "/settings").header("If-Match", tag);
    let answer = request.json(&roles).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    assert!(server.terminate());
}

#[tokio::test]
async fn a_fit_installation_passes() {
    let folder = tempfile::tempdir().unwrap();
    let setting = good(folder.path());
    setting.prepare();
    let create = [
        "user",
        "create",
        "--username",
        "yamada",
        "--role",
        "admin",
        "--password-stdin",
        "--json",
    ];
    setting.json(&create, PASSWORD);
    ask_for_second_factors(&setting).await;
    setting.json(&["backup", "--json"], "");
    // What is left are matters of the machine on which tests run, and of the tests' administrator `root`.
    let (_, report) = look(&setting, &[]);
    assert_eq!(named(&report, "fault"), Vec::<&str>::new(), "{report}");
    let left = named(&report, "advice");
    assert!(
        left.iter()
            .all(|name| ["backup encryption", "default accounts", "user", "room"].contains(name)),
        "{report}"
    );
    assert_eq!(look(&setting, &["--fail-on", "error"]).0, 0);
    assert_eq!(look(&setting, &[]).0, i32::from(!left.is_empty()));
    assert_eq!(setting.json(&["check", "--json"], "")["ok"], true);
}

#[tokio::test]
async fn each_fault_is_named_with_its_fix() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(folder.path())
        .with("SECRET_KEY", &"k".repeat(40))
        .with("TMS_METRICS_TOKEN", "secret")
        .with("TMS_RATE_LIMITS", "off")
        .with("TMS_TRUSTED_PROXIES", "0.0.0.0/0")
        .with("TMS_MAX_CONNECTIONS", "100000000");
    // A first start leaves the set-up secret.
    let server = setting.start().await;
    assert!(server.terminate());
    let (code, report) = look(&setting, &[]);
    assert_eq!(code, 1);
    let wrong = named(&report, "fault");
    for name in [
        "secret key",
        "metrics token",
        "any host",
        "proxies",
        "rate limits",
        "open files",
        "set-up secret",
        "second factors",
    ] {
        assert!(wrong.contains(&name), "{name}: {report}");
        assert!(finding(&report, name)["fix"].is_string(), "{name}");
    }
    let better = named(&report, "advice");
    for name in ["backups", "backup encryption", "administrators", "default accounts"] {
        assert!(better.contains(&name), "{name}: {report}");
    }
    assert!(!report.to_string().contains("kkkk"), "no secret is shown");
    // Without --deploy a server that runs has nothing to be ashamed of.
    assert_eq!(setting.json(&["check", "--json"], "")["ok"], true);
}

#[tokio::test]
async fn a_server_that_owns_its_database_is_a_fault_in_production() {
    let Some(setting) = Setting::postgres("check_deploy") else {
        return;
    };
    let (code, report) = look(&setting, &[]);
    assert_eq!(code, 1);
    assert!(named(&report, "fault").contains(&"migrations"), "{report}");
    setting.prepare();
    let (_, report) = look(&setting, &[]);
    let wrong = named(&report, "fault");
    assert!(wrong.contains(&"audit trail"), "{report}");
    assert!(!wrong.contains(&"migrations"), "{report}");
    assert_eq!(setting.json(&["check", "--json"], "")["ok"], true);
}
