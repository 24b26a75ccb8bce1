//! The command line.

mod operations;
mod people;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use operations::{CheckArgs, DumpArgs, ImportArgs, LoadArgs, VerifyArgs};
pub use people::{EnrollmentCodeCommand, UserCommand};

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
    Check(CheckArgs),
    /// Writes what the console's pages load to a folder or a bucket, under hashed names and with a manifest; only what is
    /// missing
    CollectStatic {
        /// A folder, or s3://BUCKET/PREFIX; if none is named, s3://S3_BUCKET/static where that is set, else `static` in the
        /// data folder
        #[arg(long, value_name = "PLACE")]
        to: Option<String>,
    },
    /// Takes in a fixture, all or nothing
    LoadData(LoadArgs),
    /// Writes a fixture
    DumpData(DumpArgs),
    /// Takes over a Django system from its dumpdata
    ImportDjango(ImportArgs),
    /// Looks at a running deployment from outside: health, certificate, headers, sign-in, pages, one heartbeat
    Verify(VerifyArgs),
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
