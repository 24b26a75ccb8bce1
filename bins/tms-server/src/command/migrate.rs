//! `tms migrate`.

use std::process::ExitCode;

use serde_json::json;

use crate::{config::Config, output::Output, wire_up};

/// Brings the schema up to date, or says what would be done.
pub async fn run(config: &Config, plan: bool, output: Output) -> anyhow::Result<ExitCode> {
    let pending = if plan {
        wire_up::migration_plan(config).await?
    } else {
        wire_up::migrate(config).await?
    };
    let text = match (plan, pending.len()) {
        (_, 0) => "the schema is up to date".to_owned(),
        (true, _) => format!("would apply: {}", pending.join(", ")),
        (false, _) => format!("applied: {}", pending.join(", ")),
    };
    let key = if plan { "pending" } else { "applied" };
    output.result(&json!({ key: pending }), text);
    Ok(ExitCode::SUCCESS)
}
