//! `tms-sim`: reads the command line, runs a part of the library, prints what it found.

mod args;
mod progress;

use std::{
    error::Error,
    io::{self, IsTerminal, Write},
    process::ExitCode,
    sync::Arc,
};

use clap::Parser;
use serde::Serialize;
use tms_sim::{
    Access, SimError,
    fleet::{self, FleetCounts},
    load::{self, gauges::Gauges, journal},
    verify::{self, Verification, ledger::Ledger},
};
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Command, FleetArgs, LoadArgs, VerifyArgs};

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")))
        .init();
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed already");
    }
    // One thread: the load shares its machine with what it loads, and a second one would take from that.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(&cli.command)),
        Err(error) => Err(Box::from(error)),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Runs a command; false means that it ran and found something wrong.
async fn run(command: &Command) -> Result<bool, Box<dyn Error>> {
    match command {
        Command::Fleet(args) => run_fleet(args).await,
        Command::Load(args) => run_load(args).await,
        Command::Verify(args) => run_verify(args).await,
    }
}

async fn run_fleet(args: &FleetArgs) -> Result<bool, Box<dyn Error>> {
    let counts = Arc::<FleetCounts>::default();
    let bar = progress::fleet(&counts);
    let end = async {
        match args.duration {
            Some(duration) => tokio::select! {
                () = tokio::time::sleep(duration) => {}
                () = interrupted() => {}
            },
            None => interrupted().await,
        }
    };
    let report = fleet::run_counted(args.settings()?, counts, end).await;
    bar.finish();
    let report = report?;
    let text = format!(
        "{} terminals, {} heartbeats acknowledged, {} requests refused, {} unanswered, {} log lines, {} troubles\n",
        report.enrolled, report.acknowledged, report.refused, report.unanswered, report.log_lines, report.troubles
    );
    print(args.json, &report, &text)?;
    Ok(true)
}

async fn run_load(args: &LoadArgs) -> Result<bool, Box<dyn Error>> {
    let settings = args.settings()?;
    let operator = args.access.operator()?;
    if args.verify && operator.is_none() {
        let text = "--verify reads the state back: it needs --username and a password";
        return Err(SimError::Settings(text.to_owned()).into());
    }
    let gauges = Arc::<Gauges>::default();
    let bar = progress::load(&gauges, settings.warm_up + settings.duration);
    let outcome = tokio::select! {
        outcome = load::run(&settings, gauges.clone()) => Some(outcome),
        () = stop_when_interrupted(&gauges) => None,
    };
    bar.finish();
    let Some(outcome) = outcome else { return Ok(false) };
    let load::Outcome { mut report, ledger } = outcome?;
    if let Some(operator) = operator.filter(|_| args.verify) {
        report.verification = Some(compare(&settings.url, &operator, ledger).await?);
    }
    print(args.json, &report, &report.to_string())?;
    Ok(report.is_good())
}

async fn run_verify(args: &VerifyArgs) -> Result<bool, Box<dyn Error>> {
    let ledger = journal::read(&args.journal)?;
    let operator = args.access.operator()?;
    let operator = operator.ok_or_else(|| SimError::Settings("--username and a password are needed".to_owned()))?;
    let verification = compare(&args.access.url, &operator, ledger).await?;
    print(args.json, &verification, &verification.to_string())?;
    Ok(verification.is_clean())
}

async fn compare(server: &str, operator: &Access, ledger: Ledger) -> Result<Verification, SimError> {
    let done = Arc::default();
    let bar = progress::verify(&done, ledger.accounts.len());
    let found = verify::run(server, operator, ledger, done).await;
    bar.finish();
    found
}

/// Returns when the person at the keyboard, or the system, wants an end.
async fn interrupted() {
    let keyboard = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = keyboard => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

/// Lets the load finish what is under way at the first interruption, and gives up at the second.
async fn stop_when_interrupted(gauges: &Gauges) {
    interrupted().await;
    gauges.stop();
    interrupted().await;
}

fn print(json: bool, document: &impl Serialize, text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, document)?;
        out.write_all(b"\n")
    } else {
        out.write_all(text.as_bytes())
    }
}

/// Writes an error with all its causes.
fn complain(error: &dyn Error) {
    let mut text = format!("tms-sim: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    // Nobody is left to hear of a failure to complain.
    drop(writeln!(io::stderr(), "{text}"));
}
