//! `tms verify --url URL`.

use std::process::ExitCode;

use anyhow::Context;
use tms_verify::{Credentials, Target};

use crate::{args::VerifyArgs, config::Config, output::Output, wire_up::read_password};

/// Looks at a deployment, says what was seen, and fails when something is wrong.
pub async fn run(config: &Config, wish: VerifyArgs, output: Output) -> anyhow::Result<ExitCode> {
    let mut target = Target::new(wish.url);
    target.console = !wish.no_console;
    if let Some(file) = &wish.ca {
        target.roots = Some(std::fs::read(file).with_context(|| format!("reading {}", file.display()))?);
    }
    target.credentials = credentials(config, wish.password_stdin)?;
    let report = tms_verify::verify(&target).await?;
    output.result(&report.to_json(), &report);
    Ok(if report.is_well() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn credentials(config: &Config, from_input: bool) -> anyhow::Result<Option<Credentials>> {
    let known = config.verify.clone();
    if let Some(token) = known.token {
        return Ok(Some(Credentials::Token(token)));
    }
    let password = if from_input {
        Some(read_password()?)
    } else {
        known.password
    };
    match (known.username, password) {
        (Some(username), Some(password)) => Ok(Some(Credentials::Person {
            username,
            password,
            code: known.code,
        })),
        (None, None) => Ok(None),
        (None, Some(_)) => anyhow::bail!("there is a password without a name; set TMS_VERIFY_USERNAME"),
        (Some(_), None) => {
            anyhow::bail!("there is a name without a password; set TMS_VERIFY_PASSWORD or add --password-stdin")
        }
    }
}
