//! `tms restore`.

use std::{path::Path, process::ExitCode};

use serde_json::{Value, json};
use tms_core::time::{Clock, SystemClock};

use super::backup::shown;
use crate::{
    config::Config,
    output::Output,
    wire_up::{
        self,
        backups::{backups, proven_beside},
    },
};

/// Restores a backup beside the database, proves it, and exchanges the two.
pub async fn run(
    config: &Config,
    name: Option<&str>,
    identity: Option<&Path>,
    replace: bool,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let backups = backups(config).await?;
    let manifest = backups.depot.find(name).await?;
    backups.database.check_target(replace).await?;
    let beside = proven_beside(config, &backups, &manifest, identity).await?;
    let swapped = backups.database.swap(beside, replace, SystemClock.now()).await?;
    // Grants are not in a backup.
    wire_up::migrate(config).await?;
    let mut document = shown(&manifest, &backups.depot);
    if let Value::Object(fields) = &mut document {
        fields.insert("former".to_owned(), json!(swapped.former));
    }
    let former = swapped
        .former
        .map(|former| format!("; what was there before is kept as {former}"))
        .unwrap_or_default();
    let text = format!(
        "{}: {} rows of {} tables are in place, equal to what was backed up{former}",
        manifest.name,
        manifest.contents.rows(),
        manifest.contents.tables.len()
    );
    output.result(&document, text);
    Ok(ExitCode::SUCCESS)
}
