//! `gatehouse policy`: checks a policy file, or shows the default.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Subcommand;
use shared::policy::{self, Compiled, DEFAULT};

use super::{Ending, Failure, NoPolicy};

/// Check a policy, or show the default.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Check a policy file, and tell every mistake with its line and remedy.
    ///
    /// Each mistake is a line `file:line:column: what (remedy)`, and the exit code is 1.
    #[command(after_help = "Example:
  gatehouse policy show > policy.toml
  gatehouse policy check policy.toml")]
    Check {
        /// The policy file.
        file: PathBuf,
    },
    /// Print the default policy, which explains every field.
    ///
    /// A file of your own needs only the fields that differ.
    #[command(after_help = "Example:
  gatehouse policy show | less")]
    Show,
}

impl Policy {
    pub(crate) fn run(self) -> Result<Ending, Failure> {
        match self {
            Self::Check { file } => match super::compiled(Some(&file)) {
                Ok(Compiled { policy, .. }) => {
                    writeln!(
                        io::stdout(),
                        "{}: OK, version {}\n{}",
                        file.display(),
                        policy.version(),
                        summary(&policy)
                    )?;
                    Ok(Ending::Well)
                }
                Err(NoPolicy::Invalid(invalid)) => {
                    writeln!(io::stdout(), "{invalid}")?;
                    Ok(Ending::Amiss)
                }
                Err(unreadable @ NoPolicy::Unreadable { .. }) => Err(unreadable.into()),
            },
            Self::Show => {
                io::stdout().write_all(DEFAULT.as_bytes())?;
                Ok(Ending::Well)
            }
        }
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
