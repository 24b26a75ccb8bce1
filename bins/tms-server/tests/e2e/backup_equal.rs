//! A restored database is the one that was backed up: compared here by other means than `tms restore` itself uses.

use std::process::Command;

use serde_json::{Value, json};

use crate::server::{Operator, Setting, beat, enrol, psql};

/// Fills every kind of table that people and terminals fill, then stops everything.
async fn lived_in(setting: &Setting) {
    setting.prepare();
    let server = setting.start().await;
    let agent = Operator::holding(&server, &enrol(setting, &server, "TC-200-001").await);
    for seq in 1..=5 {
        assert_eq!(beat(&agent, "TC-200-001", seq).await, 200);
    }
    let root = server.sign_in().await;
    for name in ["カード商店", "O'Brien & \"Söhne\"", "line\\backslash"] {
        let (status, body) = root.post("/customers", &json!({ "company_name": name })).await;
        assert_eq!(status, 201, "{body}");
    }
    assert_eq!(
        root.post("/users", &json!({ "username": "second", "role": "viewer" }))
            .await
            .0,
        201
    );
    assert!(server.terminate());
}

fn back_up_and_restore(setting: &Setting) -> String {
    setting.json(&["backup", "--json"], "");
    let restored = setting.json(&["restore", "--replace", "--json"], "");
    let former = restored["former"].as_str().unwrap();
    former.rsplit(' ').next().unwrap().to_owned()
}

async fn works(setting: &Setting) {
    assert_eq!(setting.json(&["audit", "verify", "--json"], "")["ok"], true);
    let server = setting.start().await;
    let root = server.sign_in().await;
    assert_eq!(root.get("/customers").await["data"].as_array().unwrap().len(), 4);
    let (status, made) = root.post("/customers", &json!({ "company_name": "After" })).await;
    assert_eq!(status, 201, "sequences go on: {made}");
}

/// Prints everything of a database, in an order of its own, as PostgreSQL's programs and plain SQL see it.
fn postgres_contents(url: &str) -> Vec<String> {
    let schema = Command::new("pg_dump")
        .args(["--schema-only", "--no-owner", "--no-privileges", url])
        .output()
        .unwrap();
    assert!(schema.status.success(), "{schema:?}");
    let schema = String::from_utf8(schema.stdout).unwrap();
    // What differs from one call to the next is no part of the schema.
    let mut all: Vec<String> = schema
        .lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .map(str::to_owned)
        .collect();
    let tables = psql(
        url,
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname",
    );
    assert!(tables.lines().count() > 20, "{tables}");
    for table in tables.lines() {
        let sum =
            format!("SELECT '{table}', count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM \"{table}\" t");
        all.push(psql(url, &sum));
    }
    let sequences = psql(
        url,
        "SELECT sequencename, last_value FROM pg_sequences ORDER BY sequencename",
    );
    assert!(!sequences.is_empty());
    all.push(sequences);
    all
}

#[tokio::test]
async fn a_restored_postgres_database_is_equal() {
    let Some(setting) = Setting::postgres("equal") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let setting = setting.with("TMS_BACKUP_DIR", folder.path().to_str().unwrap());
    lived_in(&setting).await;
    let former = back_up_and_restore(&setting);
    let url = setting.value("DATABASE_URL");
    let (server, _) = url.rsplit_once('/').unwrap();
    let (before, after) = (
        postgres_contents(&format!("{server}/{former}")),
        postgres_contents(&url),
    );
    assert_eq!(before, after);
    works(&setting).await;
}

fn sqlite_contents(path: &std::path::Path) -> Vec<String> {
    let script = "import sqlite3, sys\n\
                  base = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)\n\
                  for line in base.iterdump(): print(line)\n";
    let output = Command::new("python3").args(["-c", script]).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.len() > 10_000);
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    // A copy names indexes and triggers in another order.
    lines.sort();
    lines
}

#[tokio::test]
async fn a_restored_sqlite_database_is_equal() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let backups = folder.path().join("backups");
    let setting = Setting::sqlite(&data).with("TMS_BACKUP_DIR", backups.to_str().unwrap());
    lived_in(&setting).await;
    let former = back_up_and_restore(&setting);
    let (before, after) = (
        sqlite_contents(former.as_ref()),
        sqlite_contents(&data.join("tms.sqlite3")),
    );
    assert_eq!(before, after);
    works(&setting).await;
}

/// A backup that is killed in its middle is none, and is in nobody's way.
#[test]
fn a_backup_that_is_killed_is_none() {
    use std::os::unix::fs::PermissionsExt;
    let Some(setting) = Setting::postgres("killed") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let setting = setting.with("TMS_BACKUP_DIR", folder.path().join("backups").to_str().unwrap());
    setting.prepare();
    let first = setting.json(&["backup", "--json"], "");
    let programs = folder.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    let script =
        "#!/bin/sh\nwhile [ \"$1\" != --file ]; do shift; done\necho half an archive > \"$2\"\nkill -9 $PPID\n";
    std::fs::write(programs.join("pg_dump"), script).unwrap();
    std::fs::set_permissions(programs.join("pg_dump"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let killed = setting.clone().with("TMS_POSTGRES_BIN", programs.to_str().unwrap());
    let output = killed.run(&["backup"], "");
    assert_eq!(output.status.code(), None, "it was killed: {output:?}");
    let names = || -> Vec<Value> {
        let list = setting.json(&["backup", "list", "--json"], "");
        list.as_array().unwrap().iter().map(|one| one["name"].clone()).collect()
    };
    assert_eq!(
        names(),
        [first["name"].clone()],
        "the old one is kept, and half of one is none"
    );
    setting.json(&["backup", "verify", "--json"], "");
    // Backups are named by the second.
    let second = loop {
        let output = setting.run(&["backup", "--json"], "");
        if output.status.success() {
            break serde_json::from_slice::<Value>(&output.stdout).unwrap();
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("of this moment"), "{said}");
    };
    assert_eq!(names(), [second["name"].clone(), first["name"].clone()]);
}
