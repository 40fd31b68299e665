//! The operator's command.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod commands;
mod store;

/// A guarded Gemini endpoint
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where keys, records and the pepper are kept
    #[arg(long, global = true, value_name = "DIR", default_value = ".gatehouse")]
    data: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(subcommand)]
    Audit(commands::audit::Audit),
    #[command(subcommand)]
    Caller(commands::caller::Caller),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done: Result<(), Box<dyn std::error::Error>> = match &arguments.command {
        Command::Audit(command) => commands::audit::run(command, &arguments.data).map_err(Into::into),
        Command::Caller(command) => commands::caller::run(command, &arguments.data).map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = format!("gatehouse: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                text.push_str(&format!(": {error}"));
                cause = error.source();
            }
            // There is nobody left to tell that telling failed.
            drop(writeln!(std::io::stderr(), "{text}"));
            ExitCode::FAILURE
        }
    }
}
