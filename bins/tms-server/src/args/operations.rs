//! Commands of those who deploy and move data.

use std::path::PathBuf;

use clap::Args;

/// Looks at a running deployment from outside, and says in a table what works.
///
/// Who signs in comes from the environment or from files, never from the command line: `TMS_VERIFY_USERNAME` with
/// `TMS_VERIFY_PASSWORD` (and `TMS_VERIFY_CODE`, a code of the second factor), or `TMS_VERIFY_TOKEN`, a personal API token
/// of somebody who may write terminals, customers and enrolment codes. A terminal TMS-VERIFY-... of the customer "TMS
/// verification" enrols, sends one heartbeat and is retired.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Where it is served, such as https://tms.example.com
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
