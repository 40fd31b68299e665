//! `gatehouse policy`: checks a policy file, tries one on what is on record, or shows the default or what a bundle on
//! AWS goes by.

mod replay;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use shared::policy::{self, Compiled, DEFAULT};

use self::replay::Replay;
use super::{Ending, Failure, NoPolicy};
use crate::aws::{self, Bundle, Part, Prefix};
use crate::print;

/// Check a policy, show the default, or try a policy on what is on record.
#[derive(Debug, Args)]
pub(crate) struct Policies {
    /// That of the bundle on AWS with this name_prefix, with your AWS credentials
    #[arg(long, global = true, value_name = "NAME_PREFIX")]
    aws: Option<Prefix>,

    /// What to do.
    #[command(subcommand)]
    command: Policy,
}

/// What to do with a policy.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Check a policy file, and tell every mistake with its line and remedy.
    ///
    /// Each mistake is a line `file:line:column: what (remedy)`, and the exit code is 1. With --aws it is told, too,
    /// whether the bundle goes by this policy.
    #[command(after_help = "Example:
  gatehouse policy show > policy.toml
  gatehouse policy check policy.toml
  gatehouse policy check policy.toml --aws gatehouse")]
    Check {
        /// The policy file.
        file: PathBuf,
    },
    /// Print the default policy, which explains every field; with --aws, the one the bundle goes by.
    ///
    /// A file of your own needs only the fields that differ.
    #[command(after_help = "Example:
  gatehouse policy show | less
  gatehouse policy show --aws gatehouse")]
    Show,
    Replay(Replay),
}

impl Policies {
    pub(crate) fn run(self, data: &Path) -> Result<Ending, Failure> {
        let in_force = self.aws.as_ref().map(|prefix| aws::wait(in_force(prefix))).transpose()?;
        match self.command {
            Policy::Check { file } => match super::compiled(Some(&file)) {
                Ok(Compiled { policy, .. }) => {
                    let mut out = io::stdout();
                    let (file, version) = (file.display(), policy.version());
                    writeln!(out, "{file}: OK, version {version}\n{}", summary(&policy))?;
                    if let (Some(text), Some(prefix)) = (in_force, self.aws) {
                        writeln!(out, "{}", compared(&policy, &text, &prefix))?;
                    }
                    Ok(Ending::Well)
                }
                Err(NoPolicy::Invalid(invalid)) => {
                    writeln!(io::stdout(), "{invalid}")?;
                    Ok(Ending::Amiss)
                }
                Err(none @ (NoPolicy::Unbuildable { .. } | NoPolicy::Unreadable { .. })) => Err(none.into()),
            },
            Policy::Show => {
                if in_force.as_ref().is_some_and(|text| text.trim().is_empty()) {
                    print::complaint("The bundle goes by the default policy of the version that is deployed.");
                }
                let text = in_force.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| DEFAULT.to_owned());
                io::stdout().write_all(text.as_bytes())?;
                Ok(Ending::Well)
            }
            Policy::Replay(replay) => replay.run(data),
        }
    }
}

/// The policy's text that a bundle goes by; nothing where that is the embedded one.
async fn in_force(prefix: &Prefix) -> Result<String, aws::Error> {
    let bundle = Bundle::open(prefix).await?;
    let read = bundle.policy().read().await.map_err(|error| bundle.told(Part::POLICY, error))?;
    read.ok_or_else(|| bundle.absent(Part::POLICY))
}

/// Whether a bundle goes by this policy.
fn compared(policy: &policy::Policy, in_force: &str, prefix: &Prefix) -> String {
    let (name, text) =
        if in_force.trim().is_empty() { ("default.toml", DEFAULT) } else { ("the policy in force", in_force) };
    match Compiled::parse(name, text) {
        Ok(other) if other.policy.version() == policy.version() => format!("{prefix} goes by this policy."),
        Ok(other) => format!(
            "{prefix} goes by version {}: set Terraform's policy_file to this file and apply it.",
            other.policy.version()
        ),
        Err(_) => format!(
            "What {prefix} is to go by has mistakes, so that it keeps to what it had before: `gatehouse policy show \
             --aws {prefix}` shows it."
        ),
    }
}

/// What a policy comes to, in a few lines.
fn summary(policy: &policy::Policy) -> String {
    let (input, generation) = (&policy.input, &policy.generation);
    let monitored = input.groups.values().filter(|mode| **mode == shared::guards::Mode::Monitor).count();
    let off = input.groups.values().filter(|mode| **mode == shared::guards::Mode::Off).count();
    let kept = policy.output.types.values().filter(|on| !**on).count();
    format!(
        "  models   {}\n  input    flags at {}, blocks at {}; {} rules of its own; {monitored} groups monitored, {off} off\n  \
         output   {} patterns of its own; {kept} types left in\n  answers  {} tokens by default, {} at most",
        policy.models.allowed.join(", "),
        input.flag_at,
        input.block_at,
        input.rules.len(),
        policy.output.patterns.len(),
        generation.default_output_tokens,
        generation.max_output_tokens,
    )
}
