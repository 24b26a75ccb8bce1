//! The binary `tms`: reads the configuration, wires the crates together and runs one command. No rule lives here.

#![allow(
    unreachable_pub,
    reason = "nothing of a binary is public; pub says what a module offers to the others"
)]

mod args;
mod cloud;
mod command;
mod config;
mod output;
mod telemetry;
mod wire_up;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    args::Args,
    config::Config,
    output::{Output, fail, refuse},
    wire_up::WrongUse,
};

/// The exit code of a command that can't be carried out as it was given.
const WRONG_USE: u8 = 2;

/// A request allocates some dozens of times, on one thread and freed on another: this allocator is made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(wrong) => return explain(&wrong),
    };
    let output = Output::new(args.json);
    // One TLS provider is in the graph; naming it keeps that true when a dependency brings another.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = match Config::load(&args.overrides()) {
        Ok(config) => config,
        Err(faults) => {
            refuse(&faults.0, output);
            return ExitCode::from(WRONG_USE);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.map_err(Into::into).and_then(|runtime| {
        let outcome = runtime.block_on(command::run(args, config, output));
        // Whatever still runs is not waited for: all that must be finished has been awaited.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(code) => code,
        Err(error) => {
            fail(&error, output);
            if error.is::<WrongUse>() {
                ExitCode::from(WRONG_USE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Says what is wrong with the arguments, or what help and version there is. What could not be read may have asked for a
/// document.
fn explain(wrong: &clap::Error) -> ExitCode {
    if !wrong.use_stderr() {
        wrong.exit();
    }
    let _ = wrong.print();
    if std::env::args().any(|argument| argument == "--json") {
        let text = wrong.to_string();
        let fault = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let document = serde_json::json!({ "ok": false, "error": fault });
        Output::new(true).result(&document, "");
    }
    ExitCode::from(WRONG_USE)
}
