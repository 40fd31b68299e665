//! The built-in rules, a file per category.
//!
//! The build script reads this file too (it compiles the patterns), so nothing here may depend on the rest of the crate.
//!
//! # How a pattern is written
//! It is matched on the normalised copy: lower or upper case alike, ASCII classes only. No counted gaps (`.{0,80}` makes
//! the automaton explode), no Unicode classes; words are joined by `\s+`, so that a line break does not hide a phrase.

/// What may stand between a verb and what it is about: "ignore *all of the previous safety* instructions".
///
/// Every pattern loops over the same words, on purpose: loops over different vocabularies multiply each other's states.
macro_rules! words {
    () => {
        r"(?:\s+(?:all|any|every|each|of|the|these|those|this|that|your|my|our|its|own|and|or|about|previous|previously|prior|above|preceding|earlier|former|past|initial|original|existing|current|entire|full|exact|complete|system|hidden|secret|internal|safety|security|ethical|content|given|everything|anything|me|us|out|back|text|words|was|were|has|been|said|written|you))*"
    };
}

/// Names for the rules an assistant runs under.
macro_rules! nouns {
    () => {
        r"(?:instructions?|prompts?|rules?|directions?|directives?|guidelines?|commands?|orders?|restrictions?|programming|constraints?|safeguards?|guardrails?)"
    };
}

// The paths are spelled out because the build script would otherwise look for these files elsewhere.
#[path = "rules/chat_markup.rs"]
mod chat_markup;
#[path = "rules/exfiltration.rs"]
mod exfiltration;
#[path = "rules/overrides.rs"]
mod overrides;
#[path = "rules/prompt_extraction.rs"]
mod prompt_extraction;
#[path = "rules/role_play.rs"]
mod role_play;

/// A built-in rule.
#[derive(Debug)]
pub struct Rule {
    /// Stable and public: `category.name`.
    pub id: &'static str,
    /// What it adds to the risk, in thousandths.
    pub weight: u16,
    /// Whose words it judges.
    pub scope: Scope,
    /// A regular expression over the normalised copy.
    pub pattern: &'static str,
    /// Why a match is a sign of an attack, and why it weighs what it does.
    pub why: &'static str,
    /// Texts that it must match.
    pub matches: &'static [&'static str],
    /// Texts close to those, which it must leave alone.
    pub passes: &'static [&'static str],
}

/// Whose words a rule judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    All,
    /// Documents and tool results only, which have no right to instruct.
    Data,
}

/// The rules by category, in the order of the categories they are listed for in the parent module.
pub(super) const GROUPS: [&[Rule]; 5] =
    [chat_markup::RULES, exfiltration::RULES, overrides::RULES, prompt_extraction::RULES, role_play::RULES];
