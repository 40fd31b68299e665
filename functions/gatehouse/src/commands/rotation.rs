//! `gatehouse rotation`: how the provider's key is replaced, and what to do when it has leaked.

mod job;
mod plan;
mod revoke;

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use shared::config::{Invalid, Strings};
use shared::google::token::laptop::NoPerson;
use shared::https::Unbuildable;

use super::{Ending, Failure};
use crate::aws::{self, Prefix};

/// See how the provider's key is replaced, and revoke one that has leaked
#[derive(Debug, Subcommand)]
pub(crate) enum Rotation {
    Plan(plan::Plan),
    Revoke(revoke::Revoke),
}

/// Which bundle, and where its keys were made.
#[derive(Debug, Args)]
struct Place {
    /// The bundle on AWS with this name_prefix, with your AWS credentials
    #[arg(long, value_name = "NAME_PREFIX")]
    aws: Prefix,

    /// The Google project of the bundle's keys, with the credentials of `gcloud auth application-default login`
    #[arg(long, value_name = "PROJECT", env = "GOOGLE_PROJECT")]
    project: Option<String>,
}

/// Why there is nothing to tell.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The bundle could not be asked.
    #[error(transparent)]
    Aws(#[from] aws::Error),
    /// A setting is wrong.
    #[error("the settings are wrong")]
    Config(#[source] Invalid),
    /// Nobody has logged in to Google.
    #[error("could not read {}: run `gcloud auth application-default login`", file.display())]
    NoCredentials {
        file: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// Somebody else than a person has.
    #[error(transparent)]
    NoPerson(#[from] NoPerson),
    /// Keys cannot be deleted where nobody says.
    #[error("name the Google project in which the bundle's keys were made: --project PROJECT")]
    NoProject,
    /// It is misspelt, or nothing was put under it.
    #[error("the secret has no such version that holds a key: `gatehouse rotation plan --aws {prefix}` lists them")]
    NoVersion { prefix: String },
    /// An address of Google's is none.
    #[error("an address of Google's cannot be read")]
    NoUrl(#[from] url::ParseError),
    /// Nothing could be printed.
    #[error("could not print")]
    Print(#[source] io::Error),
    /// It could not be done, and may be tried again.
    #[error("it is not done")]
    Undone(#[source] rotation::Error),
    /// A client cannot be built.
    #[error(transparent)]
    Unbuildable(#[from] Unbuildable),
}

/// Does what the command says.
pub(crate) fn run(rotation: &Rotation, settings: &dyn Strings) -> Result<Ending, Failure> {
    let out = &mut io::stdout().lock();
    match rotation {
        Rotation::Plan(plan) => Ok(aws::wait(plan::execute(plan, settings, out))?),
        Rotation::Revoke(revoke) => Ok(aws::wait(revoke::execute(revoke, settings, out)).map(|()| Ending::Well)?),
    }
}
