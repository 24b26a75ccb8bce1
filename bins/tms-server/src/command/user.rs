//! `tms user create`.

use std::{io::Read, process::ExitCode};

use anyhow::Context;
use serde_json::json;
use tms_core::{operator::service::UserRequest, permission::Role, secret::Secret};

use crate::{
    config::Config,
    output::Output,
    wire_up::{self, explain},
};

/// Whom to add.
#[derive(Debug)]
pub struct Person {
    /// The name used to sign in.
    pub username: String,
    /// What they may do.
    pub role: Role,
    /// Where to write.
    pub email: Option<String>,
    /// The name that others see.
    pub full_name: String,
}

/// Adds a person; the password comes from standard input.
pub async fn create(config: &Config, person: Person, output: Output) -> anyhow::Result<ExitCode> {
    let mut password = String::new();
    std::io::stdin()
        .lock()
        .take(4_096)
        .read_to_string(&mut password)
        .context("reading the password")?;
    let password = Secret::new(password.trim_end_matches(['\r', '\n']).to_owned());
    let tms = wire_up::for_command(config).await?;
    let Person {
        username,
        role,
        email,
        full_name,
    } = person;
    let request = UserRequest {
        username,
        full_name,
        email,
        role,
        password,
    };
    let user = tms
        .operators()
        .create(&tms.system_ctx(), request)
        .await
        .map_err(explain)?;
    output.result(
        &json!({ "id": user.id.get(), "username": user.username, "role": user.role.as_str() }),
        format!("{} may now sign in as {}", user.username, user.role),
    );
    Ok(ExitCode::SUCCESS)
}
