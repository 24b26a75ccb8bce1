//! Commands on people and enrolment codes.

use clap::Subcommand;

use crate::config::duration::parse_duration;

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
