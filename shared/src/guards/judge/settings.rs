//! What a policy sets for a guard.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::verdict::Category;

/// How a group of rules acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Its rules count.
    #[default]
    Enforce,
    /// Its rules are reported, and add nothing to the risk.
    Monitor,
    /// Its rules are not looked at.
    Off,
}

/// Which rules and thresholds judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// The seed's patterns and more, on normalised text; size is never risk.
    #[default]
    Default,
    /// The seed guide's validator to the letter.
    Seed,
}

/// The `[input]` table of a policy, as far as guards read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which rules and thresholds judge.
    pub profile: Profile,
    /// Risk from which a conversation is blocked, in thousandths.
    pub block_at: u16,
    /// Risk from which it is flagged, in thousandths.
    pub flag_at: u16,
    /// How each group acts; a group not named is enforced.
    pub groups: BTreeMap<Category, Mode>,
    /// The operator's own rules.
    pub rules: Vec<OperatorRule>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { profile: Profile::Default, block_at: 800, flag_at: 400, groups: BTreeMap::new(), rules: Vec::new() }
    }
}

/// A rule of the operator's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorRule {
    /// Its id in verdicts and records.
    pub id: String,
    /// A regular expression over the normalised text, matched without regard to case.
    pub pattern: String,
    /// What it adds to the risk, in thousandths.
    pub weight: u16,
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct BadPattern {
    /// The rule's id or the pattern's name.
    pub name: String,
    /// Where it stands in its list of the policy, counted from 0.
    pub index: usize,
    /// What is wrong with it, and what to do.
    pub reason: String,
}
