//! `tms user create`, `reset`, `disable`, `enable`.

use std::{fmt::Write, process::ExitCode};

use serde_json::json;
use tms_core::{operator::users::UserRequest, permission::Role};

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
    let password = wire_up::read_password()?;
    let tms = wire_up::for_command(config).await?;
    let Person {
        username,
        role,
        email,
        full_name,
    } = person;
    let mut request = UserRequest::with_password(username, role, password);
    (request.profile.full_name, request.profile.email) = (full_name, email);
    let created = tms.users().create(&tms.system_ctx(), request).await;
    let (user, _) = created.map_err(explain)?;
    output.result(
        &json!({ "id": user.id.get(), "username": user.username, "role": user.profile.role.as_str() }),
        format!("{} may now sign in as {}", user.username, user.profile.role),
    );
    Ok(ExitCode::SUCCESS)
}

/// Makes a one-time token with which a person sets a new password, and removes the second factor if asked to.
pub async fn reset(config: &Config, username: &str, second_factor: bool, output: Output) -> anyhow::Result<ExitCode> {
    let tms = wire_up::for_command(config).await?;
    let ctx = tms.system_ctx();
    let user = tms.users().get_by_name(&ctx, username).await.map_err(explain)?;
    let link = tms.users().reset_password(&ctx, user.id).await.map_err(explain)?;
    if second_factor {
        let removed = tms.users().remove_second_factor(&ctx, user.id).await;
        removed.map_err(explain)?;
    }
    let Some(token) = &link.token else {
        anyhow::bail!("the link was made before");
    };
    let (token, until) = (token.expose(), link.expires_at.to_string());
    let address = link.address.as_ref().map(|address| address.expose().as_str());
    let mut way = match address {
        Some(address) => format!(
            "{address}\n(good once, until {until}: {} sets a new password there",
            user.username
        ),
        None => format!(
            "{token}\n(good once, until {until}: {} sets a new password at the console's /password-reset#token={token}",
            user.username
        ),
    };
    if let Some(email) = &link.mailed_to {
        let _ = write!(way, "; it was mailed to {email}");
    }
    way.push(')');
    output.result(
        &json!({
            "id": user.id.get(), "username": user.username, "token": token, "expires_at": until,
            "address": address, "mailed_to": link.mailed_to,
            "second_factor_removed": second_factor && user.has_second_factor,
        }),
        way,
    );
    Ok(ExitCode::SUCCESS)
}

/// Disables a person, who is signed out everywhere within a second, or enables them again.
pub async fn set_disabled(
    config: &Config,
    username: &str,
    is_disabled: bool,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let tms = wire_up::for_command(config).await?;
    let ctx = tms.system_ctx();
    let changed = tms.users().set_disabled(&ctx, username, is_disabled).await;
    let user = changed.map_err(explain)?;
    let may = if is_disabled { "can no longer" } else { "may again" };
    output.result(
        &json!({ "id": user.id.get(), "username": user.username, "is_disabled": is_disabled }),
        format!("{} {may} sign in", user.username),
    );
    Ok(ExitCode::SUCCESS)
}
