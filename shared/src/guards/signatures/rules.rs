//! The built-in rules, one or more files a category.
//!
//! The build script reads this file too (it compiles the patterns), so nothing here may depend on the rest of the crate.
//!
//! # How weights are chosen
//! A request is blocked at 800. What honest people do not write weighs 800 alone. What they write now and then weighs 400
//! or 500, so that two such signs together block. What they write often weighs 200 or 300: it only tips the scales.

// The paths are spelled out because the build script would otherwise look for these files elsewhere.
#[path = "rules/chat_markup.rs"]
mod chat_markup;
#[path = "rules/compliance.rs"]
mod compliance;
#[path = "rules/exfiltration.rs"]
mod exfiltration;
#[path = "rules/other_tasks.rs"]
mod other_tasks;
#[path = "rules/overrides.rs"]
mod overrides;
#[path = "rules/prompt_extraction.rs"]
mod prompt_extraction;
#[path = "rules/role_play.rs"]
mod role_play;
#[path = "rules/smuggling.rs"]
mod smuggling;
#[path = "rules/standing.rs"]
mod standing;
#[path = "rules/word_orders.rs"]
mod word_orders;

/// A built-in rule.
#[derive(Debug)]
pub struct Rule {
    /// Stable and public: `category.name`.
    pub id: &'static str,
    /// What it adds to the risk, in thousandths.
    pub weight: u16,
    /// Whose words it judges.
    pub scope: Scope,
    /// What it matches.
    pub pattern: Pattern,
    /// Why a match is a sign of an attack, and why it weighs what it does.
    pub why: &'static str,
    /// Texts that it must match.
    pub matches: &'static [&'static str],
    /// Texts close to those, which it must leave alone.
    pub passes: &'static [&'static str],
}

/// What a rule matches, on the detection copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// A regular expression over the text: lower or upper case alike, ASCII classes only. No counted gaps (`.{0,80}`
    /// makes the automaton explode), no Unicode classes; words are joined by `\s+`, so that a line break does not hide a
    /// phrase.
    Text(&'static str),
    /// A regular expression over the words: each name is a class of the vocabulary and stands for one word. `any` is any
    /// word, `other` one of no class, `stop` the end of a sentence, `colon` a colon, and `q` what qualifies a noun. No word
    /// but `stop` itself stands for the end of a sentence. Its automaton has 128 states at most: a counted gap before
    /// another one multiplies them, a gap that repeats words of some classes does not.
    Words(&'static str),
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
pub(super) const GROUPS: [&[Rule]; 10] = [
    chat_markup::RULES,
    exfiltration::RULES,
    other_tasks::RULES,
    overrides::RULES,
    standing::RULES,
    word_orders::RULES,
    prompt_extraction::RULES,
    compliance::RULES,
    role_play::RULES,
    smuggling::RULES,
];
