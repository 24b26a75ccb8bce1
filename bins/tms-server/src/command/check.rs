//! `tms check`: is everything there that the server needs, and is the database one that keeps what it acknowledges?
//! With `--deploy` also: is it fit for production?

mod database;
pub mod finding;
mod machine;
mod network;
mod people;
mod redis;
mod secrets;

use std::process::ExitCode;

use serde_json::json;

use self::finding::{Finding, Level};
use crate::{
    args::CheckArgs,
    config::Config,
    output::Output,
    wire_up::{self, Purpose},
};

/// Looks at everything, then says it all.
pub async fn run(config: &Config, wish: &CheckArgs, output: Output) -> anyhow::Result<ExitCode> {
    let mut findings = vec![
        Finding::ok("configuration"),
        machine::disk(&config.data_dir),
        network::hosts(config),
        machine::backups(config).await,
        redis::look(config).await,
    ];
    if wish.deploy {
        findings.extend(secrets::strictly(config));
        findings.extend(network::strictly(config));
        findings.extend(machine::strictly(config));
    }
    match wire_up::open_stores(config, Purpose::Command).await {
        Ok(stores) => {
            let seen = database::look(config, &stores, wish.deploy).await;
            let can_be_read = seen
                .iter()
                .all(|f| f.level != Level::Error || !matches!(f.name, "database" | "migrations"));
            findings.extend(seen);
            if wish.deploy && can_be_read {
                findings.extend(people::strictly(&wire_up::build(config, stores)?).await);
            }
        }
        Err(error) => findings.push(Finding::fault("database", format!("{error:#}"), "")),
    }
    // A server starts with what could be better; who asks about production wants to hear of it.
    let least = wish
        .fail_on
        .unwrap_or(if wish.deploy { Level::Warning } else { Level::Error });
    let is_well = findings.iter().all(|finding| finding.level < least);
    let lines: Vec<String> = findings.iter().map(Finding::line).collect();
    let documents: Vec<_> = findings.iter().map(Finding::to_json).collect();
    output.result(&json!({ "ok": is_well, "findings": documents }), lines.join("\n"));
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
