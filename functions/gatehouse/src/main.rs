//! The operator's command.

mod cli;
mod commands;
#[cfg(test)]
mod offline;
mod print;

use std::process::ExitCode;

use clap::Parser as _;
use shared::config::Environment;
use shared::telemetry;

fn main() -> ExitCode {
    telemetry::start(&Environment);
    match commands::run(cli::Cli::parse()) {
        Ok(ending) => ending.into(),
        Err(error) => print::failure(error.as_ref()),
    }
}
