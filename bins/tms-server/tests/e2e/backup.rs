//! Backups of both stores: made under load, proven, put back; and all that can go wrong with one.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use age::secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::server::{Operator, Server, Setting, beat, cluster, enrol, psql};

/// A prepared setting whose backups go to a folder of their own.
struct Case {
    setting: Setting,
    folder: PathBuf,
    _temporary: tempfile::TempDir,
}

impl Case {
    fn sqlite() -> Self {
        Self::of(|folder| Some(Setting::sqlite(&folder.join("data")))).unwrap()
    }

    fn postgres(name: &str) -> Option<Self> {
        Self::of(|_| Setting::postgres(name))
    }

    fn of(setting: impl FnOnce(&Path) -> Option<Setting>) -> Option<Self> {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("backups");
        let setting = setting(temporary.path())?.with("TMS_BACKUP_DIR", folder.to_str().unwrap());
        setting.prepare();
        Some(Self {
            setting,
            folder,
            _temporary: temporary,
        })
    }

    fn archives(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_none_or(|extension| extension != "json"))
            .collect();
        files.sort();
        files
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn refused(output: &Output, part: &str) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said(output).contains(part), "{part}: {}", said(output));
    // A program that asked for JSON is told in JSON; people are told once.
    if !output.stdout.is_empty() {
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["ok"], false);
        assert!(told["error"].as_str().unwrap().contains(part), "{told}");
    }
}

async fn customers(server: &Server) -> Value {
    let root = server.sign_in().await;
    root.get("/customers?sort=company_name").await["data"].clone()
}

/// Makes a backup while heartbeats come in.
async fn backup_under_load(setting: &Setting, agent: &Operator) -> Value {
    let (setting, agent) = (setting.clone(), agent.clone());
    let backup = tokio::task::spawn_blocking(move || setting.json(&["backup", "--json"], ""));
    let mut accepted = 0;
    for seq in 1.. {
        match beat(&agent, "TC-200-001", seq).await {
            200 => accepted += 1,
            // One terminal may say only so much.
            status => assert_eq!(status, 429),
        }
        if backup.is_finished() {
            break;
        }
    }
    assert!(accepted > 0);
    backup.await.unwrap()
}

async fn makes_proves_and_puts_back(case: Case) {
    let key = age::x25519::Identity::generate();
    let identity = case.folder.with_file_name("key.txt");
    fs::write(&identity, format!("# a key\n{}\n", key.to_string().expose_secret())).unwrap();
    let identity = identity.to_str().unwrap();
    let setting = case
        .setting
        .clone()
        .with("TMS_BACKUP_PUBLIC_KEY", &key.to_public().to_string());
    let server = setting.start().await;
    let agent = Operator::holding(&server, &enrol(&setting, &server, "TC-200-001").await);
    let before = customers(&server).await;
    let made = backup_under_load(&setting, &agent).await;
    assert_eq!(made["is_encrypted"], true);
    assert!(made["rows"].as_u64().unwrap() > 5, "{made}");
    let name = made["name"].as_str().unwrap();
    assert_eq!(setting.json(&["backup", "list", "--json"], "")[0]["name"], name);
    let text = fs::read(made["file"].as_str().unwrap()).unwrap();
    assert!(text.starts_with(b"age-encryption.org/"));

    let seen = setting.json(&["backup", "verify", name, "--identity", identity, "--json"], "");
    assert_eq!(seen["sha256"], made["sha256"]);
    refused(&setting.run(&["backup", "verify"], ""), "private key");
    let other = age::x25519::Identity::generate();
    let wrong = case.folder.with_file_name("wrong.txt");
    fs::write(&wrong, other.to_string().expose_secret()).unwrap();
    refused(
        &setting.run(&["backup", "verify", "--identity", wrong.to_str().unwrap()], ""),
        "decrypted",
    );

    let root = server.sign_in().await;
    assert_eq!(
        root.post("/customers", &json!({ "company_name": "Later" })).await.0,
        201
    );
    let restore = ["restore", name, "--identity", identity, "--json"];
    refused(&setting.run(&restore, ""), "--replace");
    let replace = [&restore[..], &["--replace"]].concat();
    refused(&setting.run(&replace, ""), "in use");
    assert_ne!(customers(&server).await, before, "nothing was touched");
    assert!(server.terminate());

    let restored = setting.json(&replace, "");
    assert!(restored["former"].is_string(), "what was there is kept: {restored}");
    assert_eq!(setting.json(&["check", "--json"], "")["ok"], true);
    assert_eq!(setting.json(&["audit", "verify", "--json"], "")["ok"], true);
    let server = setting.start().await;
    assert_eq!(customers(&server).await, before);
    let agent = Operator::holding(&server, agent.token());
    let status = beat(&agent, "TC-200-001", 1_000_000).await;
    assert!(matches!(status, 200 | 429), "agents go on: {status}");
}

#[tokio::test]
async fn a_sqlite_backup_is_put_back() {
    makes_proves_and_puts_back(Case::sqlite()).await;
}

#[tokio::test]
async fn a_postgres_backup_is_put_back() {
    let Some(case) = Case::postgres("backup") else { return };
    makes_proves_and_puts_back(case).await;
}

#[test]
fn a_backup_fills_an_empty_place() {
    let case = Case::sqlite();
    case.setting.json(&["backup", "--json"], "");
    let data = case.folder.with_file_name("data");
    let empty = case.folder.with_file_name("empty");
    fs::create_dir(&empty).unwrap();
    fs::copy(data.join("secret.key"), empty.join("secret.key")).unwrap();
    let there = Setting::sqlite(&empty).with("TMS_BACKUP_DIR", case.folder.to_str().unwrap());
    assert_eq!(there.json(&["restore", "--json"], "")["former"], Value::Null);
    assert_eq!(there.json(&["check", "--json"], "")["ok"], true);

    let stranger = case.folder.with_file_name("stranger");
    let there = Setting::sqlite(&stranger)
        .with("TMS_BACKUP_DIR", case.folder.to_str().unwrap())
        .with("SECRET_KEY", &"x".repeat(40));
    refused(&there.run(&["restore"], ""), "SECRET_KEY");
    assert!(!stranger.join("tms.sqlite3").exists());
}

#[test]
fn a_postgres_backup_makes_the_database_that_is_missing() {
    let (Some(case), Some(url)) = (Case::postgres("fill"), cluster()) else {
        return;
    };
    case.setting.json(&["backup", "--json"], "");
    let (server, _) = url.rsplit_once('/').unwrap();
    let name = format!("e2e_filled_{}", std::process::id());
    psql(&url, &format!("DROP DATABASE IF EXISTS {name}"));
    let there = Setting::of_database(&format!("{server}/{name}")).with("TMS_BACKUP_DIR", case.folder.to_str().unwrap());
    assert_eq!(there.json(&["restore", "--json"], "")["former"], Value::Null);
    assert_eq!(there.json(&["check", "--json"], "")["ok"], true);
}

fn notices_what_is_damaged(case: &Case) {
    case.setting.json(&["backup", "--json"], "");
    let archive = case.archives().pop().unwrap();
    let whole = fs::read(&archive).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for damaged in [&whole[..whole.len() - 1], &flipped[..], &[][..]] {
        fs::write(&archive, damaged).unwrap();
        refused(&case.setting.run(&["backup", "verify"], ""), "damaged");
        refused(&case.setting.run(&["restore", "--replace"], ""), "damaged");
    }
    fs::write(&archive, &whole).unwrap();
    let manifest = archive.with_extension("json");
    let text = fs::read_to_string(&manifest).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let tables = document["contents"]["tables"].as_object_mut().unwrap();
    let (_, users) = tables
        .iter_mut()
        .find(|(name, _)| name.ends_with("operator_user"))
        .unwrap();
    users["rows"] = json!(2);
    fs::write(&manifest, document.to_string()).unwrap();
    refused(&case.setting.run(&["backup", "verify"], ""), "1 rows instead of 2");
    fs::write(&manifest, text).unwrap();
    case.setting.json(&["backup", "verify", "--json"], "");
    refused(
        &case.setting.run(&["backup", "verify", "tms-../../../../x"], ""),
        "no backup named",
    );
}

#[test]
fn a_damaged_sqlite_backup_is_noticed() {
    notices_what_is_damaged(&Case::sqlite());
}

#[test]
fn a_damaged_postgres_backup_is_noticed() {
    let Some(case) = Case::postgres("damaged") else { return };
    notices_what_is_damaged(&case);
    // Nothing is left of what was restored to look at it.
    let left = psql(
        &cluster().unwrap(),
        "SELECT count(*) FROM pg_database WHERE datname LIKE 'e2e_damaged%restored%'",
    );
    assert_eq!(left, "0");
}

#[test]
fn a_dump_that_fails_is_no_backup() {
    let Some(case) = Case::postgres("failing") else { return };
    case.setting.json(&["backup", "--json"], "");
    let archives = case.archives();
    let programs = case.folder.with_file_name("programs");
    fs::create_dir(&programs).unwrap();
    for (script, part) in [
        ("#!/bin/sh\necho boom >&2\nexit 1\n", "boom"),
        // One that says that all is well, and has written nothing.
        ("#!/bin/sh\nexit 0\n", "pg_"),
    ] {
        fs::write(programs.join("pg_dump"), script).unwrap();
        fs::set_permissions(programs.join("pg_dump"), fs::Permissions::from_mode(0o755)).unwrap();
        let failing = case
            .setting
            .clone()
            .with("TMS_POSTGRES_BIN", programs.to_str().unwrap());
        refused(&failing.run(&["backup"], ""), part);
    }
    assert_eq!(case.archives(), archives, "the old one is kept, and nothing lies about");
    case.setting.json(&["backup", "verify", "--json"], "");
}

fn notices_a_full_disk(case: &Case) {
    case.setting.json(&["backup", "--json"], "");
    let archives = case.archives();
    let path = std::env::var_os("PATH").unwrap();
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" backup"])
        .arg(env!("CARGO_BIN_EXE_tms"))
        .env_clear()
        .env("PATH", path)
        .envs(case.setting.environment.iter().cloned())
        .output()
        .unwrap();
    assert_eq!(limited.status.code(), Some(1), "{limited:?}");
    assert!(limited.stdout.is_empty(), "{limited:?}");
    assert_eq!(case.archives(), archives, "the old one is kept, and nothing lies about");
    case.setting.json(&["backup", "verify", "--json"], "");
}

#[test]
fn a_disk_that_is_full_is_no_sqlite_backup() {
    notices_a_full_disk(&Case::sqlite());
}

#[test]
fn a_disk_that_is_full_is_no_postgres_backup() {
    let Some(case) = Case::postgres("full") else { return };
    notices_a_full_disk(&case);
}
