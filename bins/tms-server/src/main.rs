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
    output::{Output, complain, fail},
};

/// A request allocates some dozens of times, on one thread and freed on another: this allocator is made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = Args::parse();
    let output = Output::new(args.json);
    // One TLS provider is in the graph; naming it keeps that true when a dependency brings another.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = match Config::load(&args.overrides()) {
        Ok(config) => config,
        Err(faults) => {
            for fault in &faults.0 {
                complain(fault);
            }
            return ExitCode::from(2);
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
            fail(&error);
            ExitCode::FAILURE
        }
    }
}
