//! `tms load-data`, `tms dump-data`, `tms import-django`.

use std::{path::Path, process::ExitCode};

use anyhow::Context;
use serde_json::{Value, json};
use tms_core::{
    Error, Tms,
    transfer::{
        Fixture, Taken,
        service::{Differing, Manner},
        store::Ending,
    },
};
use tms_transfer::django::{Mapping, read_django};

use crate::{
    args::{DumpArgs, ImportArgs, LoadArgs},
    config::Config,
    output::Output,
    wire_up,
};

/// Takes a fixture in, all or nothing.
pub async fn load(config: &Config, wish: &LoadArgs, output: Output) -> anyhow::Result<ExitCode> {
    let text = read(&wish.file)?;
    let fixture = tms_transfer::read_fixture(&text).with_context(|| wish.file.display().to_string())?;
    let read = counts(&fixture);
    let tms = wire_up::for_command(config).await?;
    let manner = Manner {
        origin: "fixture",
        differing: Differing::Refuse,
        ending: ending(wish.dry_run),
    };
    let taken = take_in(&tms, fixture, manner).await?;
    let added = taken.customers + taken.users + taken.terminals + taken.maintenances + taken.channels;
    let mut text = format!(
        "{} {} customers, {} people, {} terminals, {} maintenance times, {} notification channels{}; {} were there already",
        if wish.dry_run { "would add" } else { "added" },
        taken.customers,
        taken.users,
        taken.terminals,
        taken.maintenances,
        taken.channels,
        if taken.settings { ", the settings" } else { "" },
        read - added,
    );
    if taken.channels > 0 {
        text.push_str("\nchannels come switched off and without their secrets: give each its own, and switch it on");
    }
    output.result(
        &json!({ "dry_run": wish.dry_run, "read": read, "added": shown(&taken) }),
        text,
    );
    Ok(ExitCode::SUCCESS)
}

/// Writes what people entered to a file that only its owner can read.
pub async fn dump(config: &Config, wish: &DumpArgs, output: Output) -> anyhow::Result<ExitCode> {
    let tms = wire_up::for_command(config).await?;
    let fixture = tms
        .transfers()
        .give_out(&tms.system_ctx(), wish.with_password_hashes)
        .await;
    let fixture = fixture.map_err(wire_up::explain)?;
    // Beside its place first, so that a file that is there is whole.
    let beside = wish.file.with_extension(format!("new.{}", std::process::id()));
    wire_up::write_private(&beside, tms_transfer::print_fixture(&fixture).trim_end())?;
    std::fs::rename(&beside, &wish.file).with_context(|| format!("writing {}", wish.file.display()))?;
    let text = format!(
        "{}: {} customers, {} people{}, {} terminals, {} maintenance times, {} notification channels without their secrets",
        wish.file.display(),
        fixture.customers.len(),
        fixture.users.len(),
        if wish.with_password_hashes {
            " with the hashes of their passwords"
        } else {
            ""
        },
        fixture.terminals.len(),
        fixture.maintenances.len(),
        fixture.channels.len(),
    );
    let document = json!({
        "file": wish.file, "customers": fixture.customers.len(), "users": fixture.users.len(),
        "terminals": fixture.terminals.len(), "maintenances": fixture.maintenances.len(),
        "channels": fixture.channels.len(), "settings": fixture.settings.is_some(),
        "with_password_hashes": wish.with_password_hashes,
    });
    output.result(&document, text);
    Ok(ExitCode::SUCCESS)
}

/// Takes a Django system over.
pub async fn import_django(config: &Config, wish: &ImportArgs, output: Output) -> anyhow::Result<ExitCode> {
    let mapping = match &wish.map {
        Some(file) => Mapping::read(&read(file)?).with_context(|| file.display().to_string())?,
        None => Mapping::default(),
    };
    let text = read(&wish.file)?;
    let (fixture, report) = read_django(&text, &mapping).with_context(|| wish.file.display().to_string())?;
    drop(text);
    let tms = wire_up::for_command(config).await?;
    let manner = Manner {
        origin: "django",
        differing: Differing::Keep,
        ending: ending(wish.dry_run),
    };
    let taken = take_in(&tms, fixture, manner).await?;
    let mut document = report.to_json(&taken);
    if let Value::Object(fields) = &mut document {
        fields.insert("dry_run".to_owned(), json!(wish.dry_run));
    }
    let end = if wish.dry_run {
        "nothing was written: this was a trial"
    } else {
        "all of it was written together"
    };
    output.result(&document, format!("{}{end}", report.shown(&taken)));
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}

fn ending(is_trial: bool) -> Ending {
    if is_trial { Ending::TakeBack } else { Ending::Keep }
}

/// Takes a fixture in; what is wrong is said line by line.
async fn take_in(tms: &Tms, fixture: Fixture, manner: Manner) -> anyhow::Result<Taken> {
    match tms.transfers().take_in(&tms.system_ctx(), fixture, manner).await {
        Ok(taken) => Ok(taken),
        Err(Error::Invalid(faults)) => {
            let lines: Vec<String> = faults
                .iter()
                .map(|(place, m)| format!("  {place}: {}", m.join(", ")))
                .collect();
            Err(anyhow::anyhow!("nothing was taken in:\n{}", lines.join("\n")))
        }
        Err(other) => Err(wire_up::explain(other)),
    }
}

fn counts(fixture: &Fixture) -> u64 {
    let fleet = fixture.customers.len() + fixture.users.len() + fixture.terminals.len();
    let rows = fleet + fixture.maintenances.len() + fixture.channels.len();
    u64::try_from(rows).unwrap_or(u64::MAX)
}

fn shown(taken: &Taken) -> Value {
    json!({
        "customers": taken.customers, "users": taken.users, "terminals": taken.terminals,
        "maintenances": taken.maintenances, "channels": taken.channels, "settings": taken.settings,
    })
}
