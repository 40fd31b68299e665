//! The operator's command.

mod aws;
mod cli;
mod commands;
mod google;
mod offline;
mod print;
mod store;
mod upstream;

use std::process::ExitCode;

use clap::Parser as _;
use shared::config::Environment;
use shared::telemetry;

fn main() -> ExitCode {
    telemetry::start(&Environment);
    match commands::run(cli::Cli::parse(), &Environment) {
        Ok(ending) => ending.into(),
        Err(error) => print::failure(error.as_ref()),
    }
}
