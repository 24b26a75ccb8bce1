//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::duration::parse_duration;

/// Manages a fleet of payment-card terminals.
///
/// Exit codes: 0 when what is said is true, 2 on wrong use, 1 otherwise.
#[derive(Debug, Parser)]
#[command(name = "tms", version, arg_required_else_help = true)]
pub struct Args {
    /// Prints one JSON document on standard output; messages go to standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<String>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server
    Serve {
        /// Runs on a throw-away store, with a small simulated fleet
        #[arg(long)]
        demo: bool,
        /// How many terminals the simulated fleet has
        #[arg(long, default_value_t = 200, requires = "demo", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        demo_terminals: u32,
        /// Where to listen, such as 127.0.0.1:8000
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
    },
    /// Brings the database schema up to date
    Migrate {
        /// Says what would be done, and does nothing
        #[arg(long)]
        plan: bool,
    },
    /// Manages people
    #[command(subcommand)]
    User(UserCommand),
    /// Manages enrolment codes
    #[command(subcommand)]
    EnrollmentCode(EnrollmentCodeCommand),
    /// Looks after the audit trail
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Makes a backup, or looks after those that were made
    #[command(args_conflicts_with_subcommands = true)]
    Backup {
        /// Where to: a folder, or s3://BUCKET/PREFIX; instead of TMS_BACKUP_DIR
        #[arg(long, value_name = "PLACE")]
        to: Option<String>,
        /// What to do, if not to make one
        #[command(subcommand)]
        command: Option<BackupCommand>,
    },
    /// Puts a backup in the place of the database
    Restore {
        /// Which one; the newest if none is named
        name: Option<String>,
        /// Where it is: a folder, or s3://BUCKET/PREFIX; instead of TMS_BACKUP_DIR
        #[arg(long, value_name = "PLACE")]
        from: Option<String>,
        /// The file with the private key, for an encrypted backup
        #[arg(long, value_name = "FILE")]
        identity: Option<PathBuf>,
        /// Replaces a database that has data, which is kept beside
        #[arg(long)]
        replace: bool,
    },
    /// Checks configuration, database, migrations, secrets, clock and disk
    Check,
}

/// Manages people.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Adds a person
    Create {
        /// The name used to sign in
        #[arg(long)]
        username: String,
        /// admin, operator, support or viewer
        #[arg(long)]
        role: tms_core::permission::Role,
        /// Where to write
        #[arg(long)]
        email: Option<String>,
        /// The name that others see
        #[arg(long, default_value = "")]
        full_name: String,
        /// Reads the password from standard input: a password on a command line can be read by everybody
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Prints, this once, a token with which a person sets a new password
    Reset {
        /// Whose
        #[arg(long)]
        username: String,
        /// Removes the second factor too, for who has lost it
        #[arg(long)]
        second_factor: bool,
    },
    /// Refuses a person from now on, and ends all their sessions and API tokens
    Disable {
        /// Whom
        #[arg(long)]
        username: String,
    },
    /// Lets a disabled person sign in again
    Enable {
        /// Whom
        #[arg(long)]
        username: String,
    },
}

/// Manages enrolment codes.
#[derive(Debug, Subcommand)]
pub enum EnrollmentCodeCommand {
    /// Makes a code and prints it this once
    Create {
        /// Whose terminals it enrols, by company name
        #[arg(long)]
        customer: String,
        /// Adds the customer if there is none of that name
        #[arg(long)]
        create_customer: bool,
        /// The shop that the terminals get
        #[arg(long)]
        store: Option<String>,
        /// The only serial number that it enrols
        #[arg(long)]
        serial: Option<String>,
        /// How often it may be used
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// How long it lives, such as 90m, 24h or 7d
        #[arg(long, default_value = "24h", value_parser = parse_duration)]
        ttl: std::time::Duration,
    },
}

/// Looks after backups.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Lists the backups, newest first
    List {
        /// Where they are: a folder, or s3://BUCKET/PREFIX; instead of TMS_BACKUP_DIR
        #[arg(long, value_name = "PLACE")]
        from: Option<String>,
    },
    /// Restores a backup beside the database, compares it with what was backed up, and removes it again
    Verify {
        /// Which one; the newest if none is named
        name: Option<String>,
        /// Where it is: a folder, or s3://BUCKET/PREFIX; instead of TMS_BACKUP_DIR
        #[arg(long, value_name = "PLACE")]
        from: Option<String>,
        /// The file with the private key, for an encrypted backup
        #[arg(long, value_name = "FILE")]
        identity: Option<PathBuf>,
    },
}

/// Looks after the audit trail.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walks the whole trail and names the first entry that is not as it was written
    Verify {
        /// A head that was noted elsewhere, such as in the log or in a backup: finds an end that was cut off
        #[arg(long, value_name = "HASH")]
        expect_head: Option<tms_core::audit::ChainHash>,
    },
}

impl Args {
    /// Returns the configuration keys that flags set; they win over every other source.
    pub fn overrides(&self) -> Vec<(&'static str, String)> {
        let mut overrides = Vec::new();
        if let Some(file) = &self.config {
            overrides.push(("TMS_CONFIG", file.clone()));
        }
        if let Some(place) = self.backup_place() {
            overrides.push(("TMS_BACKUP_DIR", place.clone()));
        }
        if let Command::Serve { listen, demo, .. } = &self.command {
            if let Some(listen) = listen {
                overrides.push(("TMS_LISTEN", listen.clone()));
            }
            if *demo {
                overrides.push(("TMS_DEMO", "on".to_owned()));
            }
        }
        overrides
    }

    fn backup_place(&self) -> Option<&String> {
        match &self.command {
            Command::Backup { to, command: None } => to.as_ref(),
            Command::Backup {
                command: Some(BackupCommand::List { from } | BackupCommand::Verify { from, .. }),
                ..
            }
            | Command::Restore { from, .. } => from.as_ref(),
            _ => None,
        }
    }
}
