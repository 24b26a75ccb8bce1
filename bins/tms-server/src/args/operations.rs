//! Commands of those who deploy and move data.

use std::path::PathBuf;

use clap::Args;

use crate::command::check::finding::Level;

/// Looks at a running deployment from outside, and says in a table what works.
///
/// Who signs in comes from the environment or from files, never from the command line: `TMS_VERIFY_USERNAME` with
/// `TMS_VERIFY_PASSWORD` (and `TMS_VERIFY_CODE`, a code of the second factor), or `TMS_VERIFY_TOKEN`, a personal API token
/// of somebody who may write terminals, customers and enrolment codes. A name and a password open the console's pages too;
/// a token, and a code that the API has taken, do not. A terminal TMS-VERIFY-... of the customer "TMS verification" enrols,
/// sends one heartbeat and is retired.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Where it is served, such as `https://tms.example.com`
    #[arg(long)]
    pub url: url::Url,
    /// A file of certificates (PEM) that are trusted beside those of this machine
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Leaves the console out, where it is switched off
    #[arg(long)]
    pub no_console: bool,
    /// Reads the password from standard input
    #[arg(long)]
    pub password_stdin: bool,
}

/// Checks configuration, database, migrations, secrets, clock and disk.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Goes through the list for production too, and fails on what could be better
    #[arg(long)]
    pub deploy: bool,
    /// From when on the exit code is 1: error is usual, and warning with --deploy
    #[arg(long, value_name = "LEVEL")]
    pub fail_on: Option<Level>,
}

/// Takes in customers, people, terminals, maintenance, notification channels and settings from a file of `tms dump-data`,
/// all or nothing.
///
/// What is there already stays as it is; if it differs, nothing is taken in and each difference is named. People who
/// come without a password hash get a link with `tms user reset`; agents enrol anew, with new codes. Channels come
/// switched off: give each the secret that it `needs`, look whom it tells, and switch it on.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// The file
    pub file: PathBuf,
    /// Checks everything, in the database too, and writes nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Writes customers, people, terminals, maintenance, notification channels and settings to a file that `tms load-data` reads;
/// no history, no secret.
///
/// What is left out: maintenance that is over, and everything that opens something. Second factors, sessions, tokens and
/// the secrets of channels are not in the file (a channel that can't do without says what it `needs`), and neither are
/// enrolment codes: they are shown once and kept as hashes, so nobody could use what would stand there.
#[derive(Debug, Args)]
pub struct DumpArgs {
    /// The file; it is replaced
    pub file: PathBuf,
    /// Writes the hashes of passwords too: with them somebody can guess passwords without asking the server
    #[arg(long)]
    pub with_password_hashes: bool,
}

/// Takes over a Django system from a file of its `manage.py dumpdata`, all or nothing; again does nothing.
///
/// People (with PBKDF2 hashes, replaced at their next sign-in), customers, terminals, alerts and logs; the report says
/// what was read, imported, there already and skipped, and why.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file, JSON or JSON lines
    pub file: PathBuf,
    /// Checks everything, in the database too, and writes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// A JSON file that says which model is what: {"models": {"shops.device": "terminal"}, "alert_types": {"comm":
    /// "offline"}, "roles": {"managers": "operator"}, "time_zone": "Asia/Tokyo"}
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
}
