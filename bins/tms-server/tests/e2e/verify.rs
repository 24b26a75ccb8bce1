//! `tms verify` against real servers: a good one passes, and each fault is named.

mod proxy;

use std::{path::Path, process::Output};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::server::{PASSWORD, Server, Setting};
use proxy::{Broken, EXPIRED, GOOD, behind_tls};

/// Somebody who looks at a deployment, with nothing of its configuration.
fn visitor(password: &str) -> Setting {
    Setting::default()
        .with("TMS_VERIFY_USERNAME", "root")
        .with("TMS_VERIFY_PASSWORD", password)
}

async fn server(folder: &Path) -> Server {
    let setting = Setting::sqlite(folder)
        .with("ALLOWED_HOSTS", "127.0.0.1")
        .with("TMS_TRUSTED_PROXIES", "127.0.0.1/32");
    setting.prepare();
    setting.start().await
}

/// Looks, and returns the exit code with the report.
fn look(setting: &Setting, url: &str, more: &[&str]) -> (i32, Value) {
    let arguments = [&["verify", "--url", url, "--json"], more].concat();
    let output = setting.run(&arguments, "");
    let report = serde_json::from_slice(&output.stdout);
    let report = report.unwrap_or_else(|_| panic!("{}", said(&output)));
    (output.status.code().unwrap(), report)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns what came of one look, and what was said of it.
fn check<'a>(report: &'a Value, name: &str) -> (&'a str, &'a str) {
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    let found = found.unwrap_or_else(|| panic!("{name} is not in {report}"));
    (found["outcome"].as_str().unwrap(), found["details"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_deployment_passes_and_the_terminal_is_retired() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let file = folder.path().join("certificate.pem");
    let address = behind_tls(&server.address, GOOD, &file, None).await;
    let (url, trusted) = (format!("https://{address}"), ["--ca", file.to_str().unwrap()]);
    let (code, report) = look(&visitor(PASSWORD), &url, &trusted);
    assert_eq!((code, &report["ok"]), (0, &true.into()), "{report}");
    assert!(check(&report, "certificate").1.starts_with("trusted"), "{report}");
    for name in [
        "health",
        "readiness",
        "headers",
        "hosts",
        "errors",
        "pages",
        "static files",
        "console",
        "API",
        "rate limit",
        "heartbeat",
        "sign-out",
    ] {
        assert_eq!(check(&report, name).0, "passed", "{name}: {report}");
    }
    // A second run finds the customer of the first.
    assert_eq!(look(&visitor(PASSWORD), &url, &trusted).0, 0);
    let root = server.sign_in().await;
    let customers = root.get("/customers").await;
    assert_eq!(customers["data"].as_array().unwrap().len(), 1, "{customers}");
    let terminals = root.get("/terminals").await;
    assert_eq!(terminals["data"].as_array().unwrap().len(), 0, "{terminals}");
    let retired = root.get("/terminals/1").await;
    assert_eq!(retired["lifecycle"], "retired");
    let table = visitor(PASSWORD).run(&["verify", "--url", &url, trusted[0], trusted[1]], "");
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("ok      heartbeat"), "{table}");
    assert!(table.trim_end().ends_with("works"), "{table}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_that_nobody_trusts_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let (good, over) = (folder.path().join("good.pem"), folder.path().join("over.pem"));
    let address = behind_tls(&server.address, GOOD, &good, None).await;
    let (code, report) = look(&visitor(PASSWORD), &format!("https://{address}"), &[]);
    assert_eq!(code, 1);
    let (outcome, why) = check(&report, "health");
    assert!(
        outcome == "failed" && why.contains("not trusted") && why.contains("--ca"),
        "{why}"
    );
    assert_eq!(check(&report, "heartbeat"), ("skipped", "not reached"));
    let expired = behind_tls(&server.address, EXPIRED, &over, None).await;
    let (_, report) = look(
        &visitor(PASSWORD),
        &format!("https://{expired}"),
        &["--ca", over.to_str().unwrap()],
    );
    assert!(check(&report, "health").1.contains("has expired"), "{report}");
    let other_name = format!("https://localhost:{}", address.port());
    let (_, report) = look(&visitor(PASSWORD), &other_name, &["--ca", good.to_str().unwrap()]);
    assert!(check(&report, "health").1.contains("another name"), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let url = server.url();
    let (code, report) = look(&visitor("a wrong password"), &url, &[]);
    assert_eq!(code, 1);
    assert_eq!(check(&report, "certificate").0, "skipped");
    assert!(check(&report, "sign-in").1.contains("is wrong"), "{report}");
    assert_eq!(check(&report, "heartbeat").0, "skipped");
    let (code, report) = look(&Setting::default(), &url, &[]);
    assert!(
        code == 1 && check(&report, "sign-in").1.contains("TMS_VERIFY_USERNAME"),
        "{report}"
    );
    let from_input = Setting::default().with("TMS_VERIFY_USERNAME", "root");
    let arguments = ["verify", "--url", &url, "--no-console", "--password-stdin"];
    assert!(from_input.run(&arguments, PASSWORD).status.success());
    let (_, report) = look(&visitor(PASSWORD).with("TMS_VERIFY_TOKEN", "tms_pat_none"), &url, &[]);
    assert!(check(&report, "sign-in").1.contains("401"), "{report}");
    assert_eq!(check(&report, "console"), ("skipped", "not reached"), "{report}");
    server.kill();
    let (code, report) = look(&visitor(PASSWORD), &url, &[]);
    assert!(code == 1 && check(&report, "health").1.contains("refused"), "{report}");
}

/// An answer of a proxy, or of a server behind it, that is not as it should be.
macro_rules! answer {
    ($status:literal, $kind:literal, $body:literal) => {
        concat!(
            "HTTP/1.1 ",
            $status,
            "\r\nContent-Type: ",
            $kind,
            "\r\nConnection: close\r\n\r\n",
            $body
        )
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_broken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let file = folder.path().join("certificate.pem");
    let trusted = ["--ca", file.to_str().unwrap()];
    for (request, answer, said) in [
        (
            "GET /alerts ",
            answer!("500 Internal Server Error", "text/html", "<html>broken</html>"),
            "/alerts answers 500",
        ),
        (
            "GET /dashboard ",
            answer!("200 OK", "text/html", "<html>hello</html>"),
            "/dashboard is no page",
        ),
        (
            "GET /terminals ",
            answer!("200 OK", "application/json", "{}"),
            "/terminals is \"application/json\"",
        ),
        (
            "GET /alerts ",
            answer!("200 OK", "text/html", "<html><form action=\"/logout\">"),
            "/alerts is cut off",
        ),
    ] {
        let broken = Broken { request, answer };
        let url = format!(
            "https://{}",
            behind_tls(&server.address, GOOD, &file, Some(broken)).await
        );
        let (code, report) = look(&visitor(PASSWORD), &url, &trusted);
        let (outcome, details) = check(&report, "console");
        assert!(
            code == 1 && outcome == "failed" && details.contains(said),
            "{said}: {report}"
        );
        // To strangers nothing looks different, and one fault hides no other.
        assert_eq!(
            (check(&report, "pages").0, check(&report, "heartbeat").0),
            ("passed", "passed"),
            "{report}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_left_out_where_there_are_none_and_for_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let (code, report) = look(&visitor(PASSWORD), &server.url(), &["--no-console"]);
    assert_eq!(code, 0, "{report}");
    for name in ["pages", "static files", "console"] {
        assert_eq!(check(&report, name).0, "skipped", "{report}");
    }
    let scopes = [
        "terminal.read",
        "terminal.write",
        "customer.read",
        "customer.write",
        "enrolment.write",
        "alert.read",
    ];
    let root = server.sign_in().await;
    let (status, made) = root
        .post("/auth/tokens", &json!({ "name": "verify", "scopes": scopes }))
        .await;
    assert_eq!(status, 201, "{made}");
    let program = Setting::default().with("TMS_VERIFY_TOKEN", made["token"].as_str().unwrap());
    let (code, report) = look(&program, &server.url(), &[]);
    assert_eq!((code, check(&report, "console").0), (0, "skipped"), "{report}");
    assert!(
        check(&report, "console").1.contains("a token opens no page"),
        "{report}"
    );
    assert_eq!(check(&report, "pages").0, "passed", "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_or_wrong_server_is_told_from_a_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(folder.path()).with("TMS_RATE_LIMITS", "off");
    setting.prepare();
    let server = setting.start().await;
    let (code, report) = look(&visitor(PASSWORD), &server.url(), &[]);
    assert_eq!(code, 1);
    assert!(check(&report, "hosts").1.contains("ALLOWED_HOSTS"), "{report}");
    assert!(check(&report, "rate limit").1.contains("TMS_RATE_LIMITS"), "{report}");
    assert_eq!(
        check(&report, "heartbeat").0,
        "passed",
        "one fault hides no other: {report}"
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await;
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let (_, report) = look(&visitor(PASSWORD), &url, &[]);
    assert!(check(&report, "health").1.contains("something else"), "{report}");
    assert_eq!(check(&report, "errors").0, "failed");
    for (url, code) in [("nonsense", 2), ("ftp://127.0.0.1", 1)] {
        let output = visitor(PASSWORD).run(&["verify", "--url", url], "");
        assert_eq!(output.status.code(), Some(code), "{url}: {}", said(&output));
    }
}
