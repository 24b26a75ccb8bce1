//! Backups of both stores in S3: made, proven, put back; and `BackupSuccess`, which says of each run what came of it.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use age::secrecy::ExposeSecret;
use serde_json::json;

use super::{
    said, setting,
    stand_in::{StandIn, on_aws},
};
use crate::server::Setting;

/// Follows a metric of which others may have written values before.
struct Successes<'s> {
    stand_in: &'s StandIn,
    before: (f64, f64),
}

impl<'s> Successes<'s> {
    async fn of(stand_in: &'s StandIn) -> Self {
        let before = stand_in.metric("BackupSuccess", None).await;
        Self { stand_in, before }
    }

    /// Expects so many runs since, of which so many were good.
    async fn are(&self, good: f64, runs: f64) {
        let (sum, count) = self.stand_in.metric("BackupSuccess", None).await;
        let seen = (sum - self.before.0, count - self.before.1);
        assert!(
            (seen.0 - good).abs() < 0.5 && (seen.1 - runs).abs() < 0.5,
            "{seen:?} instead of {good} of {runs}"
        );
    }
}

/// Restores a backup over a database that went on after it.
fn puts_back(setting: &Setting, identity: &str, name: &str, place: &str) {
    let late = [
        "user",
        "create",
        "--username",
        "late",
        "--role",
        "viewer",
        "--password-stdin",
        "--json",
    ];
    setting.json(&late, "a pass that is long");
    let refused = setting.run(&["restore", "--identity", identity], "");
    assert!(
        !refused.status.success() && said(&refused).contains("--replace"),
        "{}",
        said(&refused)
    );
    let restore = [
        "restore",
        name,
        "--from",
        place,
        "--identity",
        identity,
        "--replace",
        "--json",
    ];
    let restored = setting.json(&restore, "");
    assert_eq!(restored["name"], name);
    assert!(restored["former"].is_string(), "what was there is kept: {restored}");
    let again = setting.run(&["user", "disable", "--username", "late"], "");
    assert!(!again.status.success(), "who came later is not there");
    assert_eq!(setting.json(&["check", "--json"], "")["ok"], true);
    assert_eq!(setting.json(&["audit", "verify", "--json"], "")["ok"], true);
}

/// Makes a backup in S3, proves it, restores it and damages it.
async fn made_proven_and_put_back(stand_in: &StandIn, setting: Setting, folder: &Path) {
    let bucket = stand_in.bucket().await;
    let place = format!("s3://{bucket}/nightly");
    let setting = setting.with("TMS_CLOUDWATCH_METRICS", "on");
    setting.prepare();

    let successes = Successes::of(stand_in).await;
    let plain = setting.run(&["backup", "--to", &place], "");
    assert_eq!(plain.status.code(), Some(1));
    assert!(said(&plain).contains("TMS_BACKUP_PUBLIC_KEY"), "{}", said(&plain));
    successes.are(0.0, 1.0).await;

    let key = age::x25519::Identity::generate();
    let identity = folder.join("key.txt");
    fs::write(&identity, key.to_string().expose_secret()).unwrap();
    let identity = identity.to_str().unwrap();
    let setting = setting.with("TMS_BACKUP_PUBLIC_KEY", &key.to_public().to_string());
    let made = setting.json(&["backup", "--to", &place, "--json"], "");
    let name = made["name"].as_str().unwrap();
    let file = made["file"].as_str().unwrap();
    let encrypted = file.strip_suffix(".age");
    assert!(
        encrypted.is_some_and(|file| file.starts_with(&format!("{place}/{name}."))),
        "{file}"
    );
    successes.are(1.0, 2.0).await;
    let desk = fs::read_dir(folder.join("data/backups")).unwrap();
    assert_eq!(desk.count(), 0, "nothing of it stays on this machine");

    let setting = setting.with("TMS_BACKUP_DIR", &place);
    assert_eq!(setting.json(&["backup", "list", "--json"], "")[0]["name"], name);
    let elsewhere = format!("s3://{bucket}/other");
    assert_eq!(
        setting.json(&["backup", "list", "--from", &elsewhere, "--json"], ""),
        json!([])
    );
    let seen = setting.json(&["backup", "verify", "--identity", identity, "--json"], "");
    assert_eq!(seen["sha256"], made["sha256"]);
    puts_back(&setting, identity, name, &place);

    let missing = setting.run(&["backup", "--to", "s3://not-there-at-all/x"], "");
    assert_eq!(missing.status.code(), Some(1));
    successes.are(1.0, 3.0).await;
    let object = file.strip_prefix(&format!("s3://{bucket}/")).unwrap();
    stand_in.damage(&bucket, object).await;
    let damaged = setting.run(&["backup", "verify", "--identity", identity], "");
    assert_eq!(damaged.status.code(), Some(1));
    assert!(said(&damaged).contains("damaged"), "{}", said(&damaged));
    let restore = setting.run(&["restore", "--identity", identity, "--replace"], "");
    assert!(
        !restore.status.success() && said(&restore).contains("damaged"),
        "{}",
        said(&restore)
    );
    successes.are(1.0, 3.0).await;
}

#[tokio::test]
async fn backups_in_s3_are_made_proven_and_put_back() {
    let Some(stand_in) = StandIn::find("eu-west-1") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    made_proven_and_put_back(&stand_in, setting(folder.path(), &stand_in), folder.path()).await;
}

/// Makes a setting on PostgreSQL with this stand-in.
fn on_postgres(name: &str, stand_in: &StandIn, folder: &Path) -> Option<Setting> {
    let data = folder.join("data");
    let setting = Setting::postgres(name)?.with("TMS_DATA_DIR", data.to_str().unwrap());
    Some(on_aws(setting, stand_in, &stand_in.url))
}

#[tokio::test]
async fn backups_of_postgres_in_s3_are_made_proven_and_put_back() {
    let Some(stand_in) = StandIn::find("us-east-2") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let Some(setting) = on_postgres("s3_backup", &stand_in, folder.path()) else {
        return;
    };
    made_proven_and_put_back(&stand_in, setting, folder.path()).await;
}

#[tokio::test]
async fn a_dump_that_fails_is_told_and_leaves_nothing_in_s3() {
    let Some(stand_in) = StandIn::find("us-west-1") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let Some(setting) = on_postgres("s3_failing", &stand_in, folder.path()) else {
        return;
    };
    let key = age::x25519::Identity::generate().to_public().to_string();
    let place = format!("s3://{}", stand_in.bucket().await);
    let setting = setting
        .with("TMS_CLOUDWATCH_METRICS", "on")
        .with("TMS_BACKUP_PUBLIC_KEY", &key)
        .with("TMS_BACKUP_DIR", &place);
    setting.prepare();
    let successes = Successes::of(&stand_in).await;
    setting.json(&["backup", "--json"], "");
    let before = setting.json(&["backup", "list", "--json"], "");
    let programs = folder.path().join("programs");
    fs::create_dir(&programs).unwrap();
    fs::write(programs.join("pg_dump"), "#!/bin/sh\necho boom >&2\nexit 1\n").unwrap();
    fs::set_permissions(programs.join("pg_dump"), fs::Permissions::from_mode(0o755)).unwrap();
    let failing = setting.clone().with("TMS_POSTGRES_BIN", programs.to_str().unwrap());
    let failed = failing.run(&["backup"], "");
    assert_eq!(failed.status.code(), Some(1));
    assert!(said(&failed).contains("boom"), "{}", said(&failed));
    successes.are(1.0, 2.0).await;
    assert_eq!(
        setting.json(&["backup", "list", "--json"], ""),
        before,
        "the old one is kept"
    );
}

#[tokio::test]
async fn a_backup_that_finds_no_s3_fails_and_leaves_nothing() {
    let Some(stand_in) = StandIn::find("eu-west-2") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let key = age::x25519::Identity::generate().to_public().to_string();
    let place = "s3://not-there-at-all/x";
    let setting = setting(folder.path(), &stand_in)
        .with("TMS_BACKUP_PUBLIC_KEY", &key)
        .with("TMS_BACKUP_DIR", place);
    setting.prepare();
    let missing = setting.run(&["backup"], "");
    assert_eq!(missing.status.code(), Some(1));
    assert!(said(&missing).contains("NoSuchBucket"), "{}", said(&missing));
    let gone = on_aws(setting, &stand_in, "http://127.0.0.1:9").run(&["backup"], "");
    assert_eq!(gone.status.code(), Some(1));
    assert!(said(&gone).contains(place), "{}", said(&gone));
    let desk = fs::read_dir(folder.path().join("data/backups")).unwrap();
    assert_eq!(desk.count(), 0);
}
