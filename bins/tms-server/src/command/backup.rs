//! `tms backup`, `tms backup list`, `tms backup verify`.

use std::{path::Path, process::ExitCode};

use serde_json::{Value, json};
use tms_backup::Manifest;
use tms_core::time::{Clock, SystemClock};

use crate::{
    config::Config,
    output::{Output, note},
    wire_up::backups::{backups, proven_beside},
};

/// Makes a backup, then removes those that are too old.
pub async fn make(config: &Config, output: Output) -> anyhow::Result<ExitCode> {
    let backups = backups(config)?;
    if backups.recipient.is_none() {
        note("tms: the backup is not encrypted; set TMS_BACKUP_PUBLIC_KEY to encrypt it");
    }
    let now = SystemClock.now();
    let made = backups.make(now).await?;
    let swept = backups.folder.sweep(now, config.backup.keep)?;
    let mut document = shown(&made, backups.folder.path());
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
        backups.folder.path().join(&made.archive.file).display(),
        swept.kept.len(),
        swept.removed.len(),
    );
    output.result(&document, text);
    Ok(ExitCode::SUCCESS)
}

/// Lists backups.
pub fn list(config: &Config, output: Output) -> anyhow::Result<ExitCode> {
    let folder = backups(config)?.folder;
    let all = folder.list()?;
    let lines: Vec<String> = all.iter().map(line).collect();
    let documents: Vec<Value> = all.iter().map(|manifest| shown(manifest, folder.path())).collect();
    let text = if lines.is_empty() {
        format!("no backups in {}", folder.path().display())
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
    let backups = backups(config)?;
    let manifest = backups.folder.find(name)?;
    let beside = proven_beside(config, &backups, &manifest, identity).await?;
    backups.database.discard(beside).await?;
    output.result(
        &shown(&manifest, backups.folder.path()),
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
pub fn shown(manifest: &Manifest, folder: &Path) -> Value {
    json!({
        "name": manifest.name,
        "created_at": manifest.created_at,
        "release": manifest.release,
        "database": manifest.database,
        "file": folder.join(&manifest.archive.file),
        "bytes": manifest.archive.digest.bytes,
        "sha256": manifest.archive.digest.sha256,
        "is_encrypted": manifest.archive.is_encrypted,
        "tables": manifest.contents.tables.len(),
        "rows": manifest.contents.rows(),
        "audit_head": manifest.contents.audit_head,
    })
}
