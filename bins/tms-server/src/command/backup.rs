//! `tms backup`, `tms backup list`, `tms backup verify`.

use std::{path::Path, process::ExitCode};

use serde_json::{Value, json};
use tms_backup::{Depot, Manifest};
use tms_core::time::{Clock, SystemClock};

use crate::{
    cloud,
    config::Config,
    output::{Output, note},
    wire_up::backups::{backups, depot, proven_beside},
};

/// Makes a backup, then removes those that are too old, and reports what came of it.
pub async fn make(config: &Config, output: Output) -> anyhow::Result<ExitCode> {
    let made = make_and_sweep(config, output).await;
    cloud::report_backup(config, made.is_ok()).await;
    made.map(|()| ExitCode::SUCCESS)
}

async fn make_and_sweep(config: &Config, output: Output) -> anyhow::Result<()> {
    let backups = backups(config).await?;
    if backups.recipient.is_none() {
        note("tms: the backup is not encrypted; set TMS_BACKUP_PUBLIC_KEY to encrypt it");
    }
    let now = SystemClock.now();
    let made = backups.make(now).await?;
    let swept = backups.depot.sweep(now, config.backup.keep).await?;
    let mut document = shown(&made, &backups.depot);
    if let Value::Object(fields) = &mut document {
        fields.insert("kept".to_owned(), json!(swept.kept.len()));
        fields.insert("removed".to_owned(), json!(swept.removed));
    }
    let text = format!(
        "{}: {} rows of {} tables in {} bytes ({})\n{} backups are kept, {} were removed",
        made.name,
        made.contents.rows(),
        made.contents.tables.len(),
        made.archive.digest.bytes,
        backups.depot.place_of(&made),
        swept.kept.len(),
        swept.removed.len(),
    );
    output.result(&document, text);
    Ok(())
}

/// Lists backups.
pub async fn list(config: &Config, output: Output) -> anyhow::Result<ExitCode> {
    let depot = depot(config).await?;
    let all = depot.list().await?;
    let lines: Vec<String> = all.iter().map(line).collect();
    let documents: Vec<Value> = all.iter().map(|manifest| shown(manifest, &depot)).collect();
    let text = if lines.is_empty() {
        format!("no backups in {depot}")
    } else {
        lines.join("\n")
    };
    output.result(&json!(documents), text);
    Ok(ExitCode::SUCCESS)
}

/// Restores a backup beside the database and removes it again.
pub async fn verify(
    config: &Config,
    name: Option<&str>,
    identity: Option<&Path>,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let backups = backups(config).await?;
    let manifest = backups.depot.find(name).await?;
    let beside = proven_beside(config, &backups, &manifest, identity).await?;
    backups.database.discard(beside).await?;
    output.result(
        &shown(&manifest, &backups.depot),
        format!("ok     {}: restored, and equal to what was backed up", line(&manifest)),
    );
    Ok(ExitCode::SUCCESS)
}

fn line(manifest: &Manifest) -> String {
    let kind = if manifest.archive.is_encrypted {
        "encrypted"
    } else {
        "plain"
    };
    format!(
        "{}  {} {kind}, {} rows, {} bytes",
        manifest.name,
        manifest.database,
        manifest.contents.rows(),
        manifest.archive.digest.bytes
    )
}

/// Shows a backup without the sums of its tables.
pub fn shown(manifest: &Manifest, depot: &Depot) -> Value {
    json!({
        "name": manifest.name,
        "created_at": manifest.created_at,
        "release": manifest.release,
        "database": manifest.database,
        "file": depot.place_of(manifest),
        "bytes": manifest.archive.digest.bytes,
        "sha256": manifest.archive.digest.sha256,
        "is_encrypted": manifest.archive.is_encrypted,
        "tables": manifest.contents.tables.len(),
        "rows": manifest.contents.rows(),
        "audit_head": manifest.contents.audit_head,
    })
}
