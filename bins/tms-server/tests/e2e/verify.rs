//! `tms verify` against real servers: a good one passes, and each fault is named.

use std::{net::SocketAddr, path::Path, process::Output, sync::Arc};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::server::{PASSWORD, Server, Setting};

/// Somebody who looks at a deployment, with nothing of its configuration.
fn visitor(password: &str) -> Setting {
    Setting::default()
        .with("TMS_VERIFY_USERNAME", "root")
        .with("TMS_VERIFY_PASSWORD", password)
}

async fn server(folder: &Path) -> Server {
    let setting = Setting::sqlite(folder).with("ALLOWED_HOSTS", "127.0.0.1");
    setting.prepare();
    setting.start().await
}

/// Looks, and returns the exit code with the report.
fn look(setting: &Setting, url: &str, more: &[&str]) -> (i32, Value) {
    let arguments = [&["verify", "--url", url, "--no-console", "--json"], more].concat();
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

/// Certificates for 127.0.0.1 that nobody trusts: one that holds until 2100, one that held until 2021, and their key.
const GOOD: &str = include_str!("verify/good.pem");
const EXPIRED: &str = include_str!("verify/expired.pem");
const TLS_KEY: &str = include_str!("verify/key.pem");

/// Serves `to` over TLS with this certificate, which is written to `file` too.
async fn behind_tls(to: &str, certificate: &str, file: &Path) -> SocketAddr {
    std::fs::write(file, certificate).unwrap();
    let key = PrivateKeyDer::from_pem_slice(TLS_KEY.as_bytes()).unwrap();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, to) = (listener.local_addr().unwrap(), to.to_owned());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move {
                let mut inside = TcpStream::connect(to).await.unwrap();
                if let Ok(mut outside) = acceptor.accept(stream).await {
                    let _ = copy_bidirectional(&mut outside, &mut inside).await;
                }
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_deployment_passes_and_the_terminal_is_retired() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let file = folder.path().join("certificate.pem");
    let address = behind_tls(&server.address, GOOD, &file).await;
    let (url, trusted) = (format!("https://{address}"), ["--ca", file.to_str().unwrap()]);
    let (code, report) = look(&visitor(PASSWORD), &url, &trusted);
    assert_eq!((code, &report["ok"]), (0, &true.into()), "{report}");
    assert!(check(&report, "certificate").1.starts_with("trusted"), "{report}");
    for name in [
        "health",
        "readiness",
        "hosts",
        "errors",
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
    let table = visitor(PASSWORD).run(&["verify", "--url", &url, "--no-console", trusted[0], trusted[1]], "");
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("ok      heartbeat"), "{table}");
    assert!(table.trim_end().ends_with("works"), "{table}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_that_nobody_trusts_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let (good, over) = (folder.path().join("good.pem"), folder.path().join("over.pem"));
    let address = behind_tls(&server.address, GOOD, &good).await;
    let (code, report) = look(&visitor(PASSWORD), &format!("https://{address}"), &[]);
    assert_eq!(code, 1);
    let (outcome, why) = check(&report, "health");
    assert!(
        outcome == "failed" && why.contains("not trusted") && why.contains("--ca"),
        "{why}"
    );
    assert_eq!(check(&report, "heartbeat"), ("skipped", "not reached"));
    let expired = behind_tls(&server.address, EXPIRED, &over).await;
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
    // Where the console is, its pages are looked at, as a browser sees them.
    let output = visitor(PASSWORD).run(&["verify", "--url", &url, "--json"], "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for name in ["pages", "static files"] {
        assert_eq!(check(&report, name).0, "passed", "{name}: {report}");
    }
    server.kill();
    let (code, report) = look(&visitor(PASSWORD), &url, &[]);
    assert!(code == 1 && check(&report, "health").1.contains("refused"), "{report}");
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
