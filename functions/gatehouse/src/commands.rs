//! The commands, a file each.

pub(crate) mod audit;
pub(crate) mod caller;
pub(crate) mod evaluate;
pub(crate) mod init;
pub(crate) mod input;
pub(crate) mod judge;
pub(crate) mod listing;
pub(crate) mod policy;
pub(crate) mod redact;
mod reload;
pub(crate) mod rotation;
pub(crate) mod train;
pub(crate) mod up;

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use shared::config::Strings;
use shared::policy::{Compiled, Invalid};

use crate::cli::{Cli, Command};

/// Why a command gave up.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// How a command that did not give up ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It was done, and found what this exit code stands for.
    Found(u8),
    /// Something was wrong with the input, and was told on stderr; the rest was done.
    Amiss,
    /// All was done.
    Well,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Found(code) => Self::from(code),
            Ending::Amiss => Self::FAILURE,
            Ending::Well => Self::SUCCESS,
        }
    }
}

/// A file that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write {}", path.display())]
struct Unwritable {
    path: PathBuf,
    #[source]
    cause: io::Error,
}

/// Does what the command line asks.
pub(crate) fn run(cli: Cli, settings: &dyn Strings) -> Result<Ending, Failure> {
    match cli.command {
        Some(Command::Audit(audit::Trail::Verify(verify))) => Ok(verify.run(&cli.data, &mut io::stdout().lock())?),
        Some(Command::Audit(audit::Trail::Records(audit))) => {
            Ok(audit::run(&audit, &cli.data, settings).map(|()| Ending::Well)?)
        }
        Some(Command::Caller(caller)) => Ok(caller::run(&caller, &cli.data).map(|()| Ending::Well)?),
        Some(Command::Evaluate(evaluate)) => evaluate.run(),
        Some(Command::Init(init)) => Ok(init::run(&init).map(|()| Ending::Well)?),
        Some(Command::Judge(judge)) => judge.run(),
        Some(Command::Policy(policy)) => policy.run(&cli.data),
        Some(Command::Redact(redact)) => redact.run(),
        Some(Command::Rotation(rotation)) => rotation::run(&rotation, settings),
        Some(Command::Train(train)) => train.run(),
        Some(Command::Up(up)) => Ok(up::run(&up, &cli.data, settings).map(|()| Ending::Well)?),
        None => Ok(up::run(&up::Up::default(), &cli.data, settings).map(|()| Ending::Well)?),
    }
}

/// A policy that cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPolicy {
    #[error("the policy has mistakes\n{0}")]
    Invalid(Invalid),
    #[error("the policy {} could not be built", path.display())]
    Unbuildable { path: PathBuf },
    #[error("could not read the policy {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
}

impl NoPolicy {
    /// Why it was refused, as records and logs say it.
    const fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "policy_invalid",
            Self::Unbuildable { .. } => "policy_unbuildable",
            Self::Unreadable { .. } => "policy_unreadable",
        }
    }
}

/// The policy in a file, or the embedded default, ready for use.
pub(crate) fn compiled(file: Option<&Path>) -> Result<Compiled, NoPolicy> {
    let Some(path) = file else { return Ok(Compiled::embedded()) };
    let text = read_policy(path)?;
    Compiled::parse(&path.display().to_string(), &text).map_err(NoPolicy::Invalid)
}

fn read_policy(path: &Path) -> Result<String, NoPolicy> {
    fs::read_to_string(path).map_err(|cause| NoPolicy::Unreadable { path: path.to_owned(), cause })
}
