//! `pg_dump` and `pg_restore`.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use super::address::PgAddress;
use crate::{contents::Contents, error::BackupError};

const DUMP: &str = "pg_dump";
const RESTORE: &str = "pg_restore";

/// Where the programs are.
#[derive(Debug, Clone, Default)]
pub struct Programs {
    /// Their folder; without one, they are looked for where programs are.
    pub folder: Option<PathBuf>,
}

impl Programs {
    pub(super) async fn dump(&self, address: &PgAddress, snapshot: &str, to: &Path) -> Result<(), BackupError> {
        let mut command = self.command(DUMP);
        command
            .args([
                "--format=custom",
                "--no-password",
                "--lock-wait-timeout=10s",
                "--snapshot",
            ])
            .arg(snapshot)
            .arg("--file")
            .arg(to)
            .envs(address.environment());
        run(DUMP, command).await.map(drop)
    }

    pub(super) async fn restore(&self, address: &PgAddress, archive: &Path) -> Result<(), BackupError> {
        let mut command = self.command(RESTORE);
        // Who owns and may use what is said anew by `tms migrate`: the roles may be others here.
        command
            .args([
                "--exit-on-error",
                "--no-owner",
                "--no-privileges",
                "--no-password",
                "--dbname",
            ])
            .arg(&address.database)
            .arg(archive)
            .envs(address.environment());
        run(RESTORE, command).await.map(drop)
    }

    /// Reads the archive's own list, in which the data of each table must be, and the releases that made it: what a newer
    /// program dumped, no program can put back into the database's own release.
    pub(super) async fn check_listing(&self, archive: &Path, contents: &Contents) -> Result<(), BackupError> {
        let mut command = self.command(RESTORE);
        command.arg("--list").arg(archive);
        let listing = run(RESTORE, command).await?;
        let (database, program) = (major(&listing, FROM), major(&listing, BY));
        if let (Some(database), Some(program)) = (database, program)
            && database != program
        {
            return Err(BackupError::Program {
                program: DUMP,
                cause: format!(
                    "it is of PostgreSQL {program} and the database of {database}, into which this could not be restored: \
                     install that release's programs, or name their folder in TMS_POSTGRES_BIN"
                ),
            });
        }
        let listed = listing.lines().filter(|line| line.contains(" TABLE DATA ")).count();
        if listed == contents.tables.len() {
            return Ok(());
        }
        Err(BackupError::Program {
            program: DUMP,
            cause: format!(
                "the archive has the data of {listed} tables instead of {}",
                contents.tables.len()
            ),
        })
    }

    fn command(&self, program: &str) -> Command {
        let path = self.folder.as_ref().map(|folder| folder.join(program));
        let mut command = Command::new(path.as_deref().map_or_else(|| OsStr::new(program), Path::as_os_str));
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

/// What an archive's list says before the release of the database.
const FROM: &str = "Dumped from database version: ";
/// What an archive's list says before the release of the program.
const BY: &str = "Dumped by pg_dump version: ";

/// Reads the number before the first point of a release.
fn major<'a>(listing: &'a str, before: &str) -> Option<&'a str> {
    let release = listing.lines().find_map(|line| line.split_once(before))?.1;
    release.split(|c: char| !c.is_ascii_digit()).next()
}

/// Runs a program to its end and returns what it printed.
async fn run(program: &'static str, mut command: Command) -> Result<String, BackupError> {
    let failed = |cause: String| BackupError::Program { program, cause };
    let output = command.output().await.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).take(5).collect();
    Err(failed(format!("{}: {}", output.status, lines.join(" | "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_tells_what_made_it() {
        let listing = ";\n; Archive created at 2026-11-27 03:30:00 JST\n;     Format: CUSTOM\n\
            ;     Dumped from database version: 15.13 (Debian 15.13-0+deb12u1)\n\
            ;     Dumped by pg_dump version: 17beta1\n;\n";
        assert_eq!((major(listing, FROM), major(listing, BY)), (Some("15"), Some("17")));
        assert_eq!(major("; Format: CUSTOM", BY), None);
    }
}
