//! The command line of `tms-sim`.

use std::{fs, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use tms_sim::{Access, ENROL_AT_ONCE, Secret, SimError, fleet::FleetSettings, fleet::Troubles, load::LoadSettings};

/// A simulated fleet of terminals, and a load generator that counts acknowledged work.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Enrol terminals and let them live: normal days, troubles, recovery. Ends by Ctrl-C or after --duration.
    Fleet(FleetArgs),
    /// Send heartbeats as fast as possible or at a fixed rate, and print what was acknowledged, how fast, how late.
    Load(LoadArgs),
    /// Compare what a journal says was acknowledged with the state of the server.
    Verify(VerifyArgs),
}

/// The server and the way in.
#[derive(Debug, Args)]
pub(crate) struct AccessArgs {
    /// Address of the server.
    #[arg(long, env = "TMS_SIM_URL", default_value = "http://127.0.0.1:8000")]
    pub(crate) url: String,
    /// Enrolment code good for many uses; several, by commas or given again, are taken in turn and enrol faster.
    #[arg(long, env = "TMS_SIM_CODE", hide_env_values = true, value_delimiter = ',')]
    code: Vec<String>,
    /// Operator who makes enrolment codes, and reads the state back for --verify.
    #[arg(long, env = "TMS_SIM_USERNAME")]
    username: Option<String>,
    /// File with the operator's password.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// The operator's password; by the environment only.
    #[arg(long, env = "TMS_SIM_PASSWORD", hide = true, hide_env_values = true)]
    password: Option<String>,
}

impl AccessArgs {
    /// Returns the operator, if one was named.
    pub(crate) fn operator(&self) -> Result<Option<Access>, SimError> {
        let Some(username) = self.username.clone() else {
            return Ok(None);
        };
        let password = match (&self.password_file, &self.password) {
            (Some(path), _) => {
                let text = fs::read_to_string(path).map_err(SimError::file(path))?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
            (None, Some(password)) => password.clone(),
            (None, None) => {
                return Err(SimError::Settings(
                    "the operator's password is needed: --password-file or TMS_SIM_PASSWORD".to_owned(),
                ));
            }
        };
        let password = Secret::new(password);
        Ok(Some(Access::Operator { username, password }))
    }

    /// Returns how terminals enrol: codes win over an operator.
    pub(crate) fn enrolment(&self) -> Result<Option<Access>, SimError> {
        if self.code.is_empty() {
            return self.operator();
        }
        Ok(Some(Access::Codes(self.code.iter().map(Secret::new).collect())))
    }
}

#[derive(Debug, Args)]
pub(crate) struct FleetArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// How many terminals there are.
    #[arg(long, default_value_t = 50)]
    terminals: usize,
    /// How many shops enrol at a time, each with one terminal after the other and, from an operator, a code of its own.
    #[arg(long, default_value_t = ENROL_AT_ONCE)]
    enrol_at_once: usize,
    /// The same seed gives the same fleet with the same troubles.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What serial numbers begin with.
    #[arg(long, default_value = "TC-200")]
    serial_prefix: String,
    /// What the interval that the server asks for is multiplied with.
    #[arg(long, default_value_t = 1.0)]
    interval_scale: f64,
    /// How many troubles a terminal has in an hour, on average.
    #[arg(long)]
    troubles_per_hour: Option<f64>,
    /// Short troubles, the first of them within half a minute.
    #[arg(long)]
    demo: bool,
    /// End after this time, such as 90s, 10m, 1h.
    #[arg(long, value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// Print the counts as one JSON document at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

impl FleetArgs {
    pub(crate) fn settings(&self) -> Result<FleetSettings, SimError> {
        let access = self.access.enrolment()?.ok_or_else(|| {
            SimError::Settings("a fleet must enrol: give --code, or --username and a password".to_owned())
        })?;
        let mut troubles = if self.demo { Troubles::demo() } else { Troubles::usual() };
        if let Some(per_hour) = self.troubles_per_hour {
            troubles.per_hour = per_hour;
        }
        Ok(FleetSettings {
            enrol_at_once: self.enrol_at_once,
            seed: self.seed,
            serial_prefix: self.serial_prefix.clone(),
            interval_scale: self.interval_scale,
            troubles,
            ..FleetSettings::new(&self.access.url, self.terminals, access)
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// How many connections there are; each has one request under way.
    #[arg(long, default_value_t = 128)]
    connections: usize,
    /// How many terminals report.
    #[arg(long, default_value_t = 1_000)]
    terminals: usize,
    /// How many terminals enrol at a time, each on a connection of its own; an operator makes a code for each.
    #[arg(long, default_value_t = ENROL_AT_ONCE)]
    enrol_at_once: usize,
    /// How long is measured.
    #[arg(long, value_parser = duration, default_value = "10s")]
    duration: Duration,
    /// How long the load runs before that.
    #[arg(long, value_parser = duration, default_value = "2s")]
    warm_up: Duration,
    /// Heartbeats a second; as many as possible when absent.
    #[arg(long)]
    rate: Option<f64>,
    /// Batches of log lines for each heartbeat, 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    logs: f64,
    /// How long a request may take.
    #[arg(long, value_parser = duration, default_value = "5s")]
    timeout: Duration,
    /// Go on while the server is away, and send what was not acknowledged again with the same counter.
    #[arg(long)]
    through_restarts: bool,
    /// File that keeps the credentials of the terminals for the next run.
    #[arg(long)]
    tokens: Option<PathBuf>,
    /// File to which acknowledgements are appended, for `tms-sim verify`.
    #[arg(long)]
    journal: Option<PathBuf>,
    /// Read the server's state back at the end; exit 1 unless all that was acknowledged is there exactly once.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Post the heartbeats to this path; with --body-only.
    #[arg(long, requires = "body_only")]
    path: Option<String>,
    /// Without enrolment and credential, for comparing with another server.
    #[arg(long, requires = "path", conflicts_with_all = ["verify", "journal", "tokens"])]
    body_only: bool,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

impl LoadArgs {
    pub(crate) fn settings(&self) -> Result<LoadSettings, SimError> {
        Ok(LoadSettings {
            url: self.access.url.clone(),
            bare_path: self.path.clone(),
            connections: self.connections,
            terminals: self.terminals,
            duration: self.duration,
            warm_up: self.warm_up,
            rate: self.rate,
            log_share: self.logs,
            timeout: self.timeout,
            through_restarts: self.through_restarts,
            enrol_at_once: self.enrol_at_once,
            access: self.access.enrolment()?,
            tokens: self.tokens.clone(),
            journal: self.journal.clone(),
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// The journal of one or more loads.
    #[arg(long)]
    pub(crate) journal: PathBuf,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads a time such as `500ms`, `90s`, `10m`, `1h`; a bare number is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| "must be a time such as 90s".to_owned())?;
    let seconds = match unit {
        "ms" => number / 1_000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3_600.0,
        _ => return Err("the unit must be ms, s, m or h".to_owned()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_fits_together() {
        Cli::command().debug_assert();
        for (text, millis) in [
            ("500ms", 500),
            ("90s", 90_000),
            ("1.5m", 90_000),
            ("2", 2_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)));
        }
        for text in ["", "s", "1d", "-1s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_never_shows() {
        let line = ["tms-sim", "load", "--username", "u", "--password", "hunter2"];
        let Command::Load(load) = Cli::parse_from(line).command else {
            panic!("not a load");
        };
        let settings = load.settings().unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert!(Cli::try_parse_from(["tms-sim", "load", "--path", "/x"]).is_err());
        assert!(Cli::try_parse_from(["tms-sim", "load", "--path", "/x", "--body-only"]).is_ok());
    }
}
