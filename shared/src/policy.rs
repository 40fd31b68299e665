//! The policy: what callers may ask, what is judged, and what may leave.
//!
//! A policy is a TOML file. The embedded `default.toml` names and explains every field; a file of the operator's own
//! holds the fields that differ. A file is taken whole or refused whole: [`Invalid`] lists every mistake in it with
//! line and remedy.

mod admission;
mod check;
mod compiled;
mod explain;
mod file;
mod generation;
mod invalid;
mod prices;
mod prompt;
mod safety;
mod tables;

pub use admission::{Admission, OnUnavailable};
pub use compiled::Compiled;
pub use generation::{Clamped, Generation, Range, Refusal};
pub use invalid::{Invalid, Mistake};
pub use prices::{Day, NotADay, Prices, Row};
pub use prompt::{CANARY, Prompt};
pub use safety::{Category, Safety, Threshold};
pub use tables::{Answers, Audit, Blocked, Limits, Models, ServerTool, Texts, ToolArguments, Tools, UserNames, Users};

use crate::guards::{judge, redact};

/// The embedded default, with every field explained.
pub const DEFAULT: &str = include_str!("policy/default.toml");

/// A policy whose every value is in its range.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Which models may be named.
    pub models: Models,
    /// The hardened system instruction.
    pub prompt: Prompt,
    /// Gemini's own filters.
    pub safety: Safety,
    /// Bounds on `generationConfig`.
    pub generation: Generation,
    /// Bounds on a request's size and shape.
    pub limits: Limits,
    /// Who may ask how much, and what it may cost.
    pub admission: Admission,
    /// What models cost.
    pub prices: Prices,
    /// Which tools may be used.
    pub tools: Tools,
    /// What is asked of end users.
    pub users: Users,
    /// How prompts are judged.
    pub input: judge::Settings,
    /// How answers are redacted.
    pub output: redact::Settings,
    /// What answers look like.
    pub answers: Answers,
    /// What records keep.
    pub audit: Audit,
    version: String,
}

impl Policy {
    /// Reads a policy. `file_name` is what mistakes are reported under.
    ///
    /// # Errors
    /// [`Invalid`] lists every mistake that was found.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, Invalid> {
        file::parse(file_name, text)
    }

    /// The policy that is in force without a file.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the text is a constant, and a test parses it")]
    pub fn embedded() -> Self {
        Self::parse("default.toml", DEFAULT).expect("the embedded policy is sound")
    }

    /// Names this policy by its content: the first twelve hexadecimal digits of its text's SHA-256.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
}

#[cfg(test)]
mod tests;
