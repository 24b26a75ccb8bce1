//! The commands, one file each.

mod audit;
mod backup;
pub mod check;
mod collect_static;
mod demo;
mod enrollment_code;
mod migrate;
mod restore;
mod serve;
mod transfer;
mod user;
mod verify;

use std::process::ExitCode;

use crate::{
    args::{Args, AuditCommand, BackupCommand, Command, EnrollmentCodeCommand, UserCommand},
    config::Config,
    output::Output,
};

/// Runs one command.
pub async fn run(args: Args, config: Config, output: Output) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Serve {
            demo: true,
            demo_terminals,
            ..
        } => demo::run(config, demo_terminals, output).await,
        Command::Serve { .. } => serve::run(config, output).await,
        Command::Migrate { plan } => migrate::run(&config, plan, output).await,
        Command::User(command) => manage_people(command, &config, output).await,
        Command::EnrollmentCode(EnrollmentCodeCommand::Create {
            customer,
            create_customer,
            store,
            serial,
            uses,
            ttl,
        }) => {
            let request = enrollment_code::Request {
                customer,
                create_customer,
                store,
                serial,
                uses,
                ttl,
            };
            enrollment_code::create(&config, request, output).await
        }
        Command::Audit(AuditCommand::Verify { expect_head }) => audit::verify(&config, expect_head, output).await,
        Command::Backup { command: None, .. } => backup::make(&config, output).await,
        Command::Backup {
            command: Some(BackupCommand::List { .. }),
            ..
        } => backup::list(&config, output).await,
        Command::Backup {
            command: Some(BackupCommand::Verify { name, identity, .. }),
            ..
        } => backup::verify(&config, name.as_deref(), identity.as_deref(), output).await,
        Command::Restore {
            name,
            identity,
            replace,
            ..
        } => restore::run(&config, name.as_deref(), identity.as_deref(), replace, output).await,
        Command::Check(wish) => check::run(&config, &wish, output).await,
        Command::CollectStatic { to } => collect_static::run(&config, to.as_deref(), output).await,
        Command::LoadData(wish) => transfer::load(&config, &wish, output).await,
        Command::DumpData(wish) => transfer::dump(&config, &wish, output).await,
        Command::ImportDjango(wish) => transfer::import_django(&config, &wish, output).await,
        Command::Verify(wish) => verify::run(&config, wish, output).await,
    }
}

async fn manage_people(command: UserCommand, config: &Config, output: Output) -> anyhow::Result<ExitCode> {
    match command {
        UserCommand::Create {
            username,
            role,
            email,
            full_name,
            password_stdin: _,
        } => {
            let person = user::Person {
                username,
                role,
                email,
                full_name,
            };
            user::create(config, person, output).await
        }
        UserCommand::Reset {
            username,
            second_factor,
        } => user::reset(config, &username, second_factor, output).await,
        UserCommand::Disable { username } => user::set_disabled(config, &username, true, output).await,
        UserCommand::Enable { username } => user::set_disabled(config, &username, false, output).await,
    }
}
