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

/// What becomes of an earlier turn that is blocked: clients send the whole conversation with each request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlockedHistory {
    /// The request is blocked, and the receipt names the turn.
    #[default]
    Block,
    /// The turn is left out with what was said around it, what is left is judged, and the receipt says so.
    Drop,
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
    /// The same for documents and tool results.
    pub documents: Thresholds,
    /// What becomes of an earlier turn that is blocked.
    pub blocked_history: BlockedHistory,
    /// The model's risk below which its finding is left out, in thousandths.
    pub model_from: u16,
    /// How each group acts; a group not named is enforced.
    pub groups: BTreeMap<Category, Mode>,
    /// What single built-in rules weigh instead, in thousandths, by their ids; 0 turns one off.
    pub weights: BTreeMap<String, u16>,
    /// Phrases within which no rule matches, without regard to case.
    pub allow: Vec<String>,
    /// The operator's own rules.
    pub rules: Vec<OperatorRule>,
}

/// From which risk on something is done, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Risk from which a conversation is flagged.
    pub flag_at: u16,
    /// Risk from which it is blocked.
    pub block_at: u16,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { flag_at: 400, block_at: 800 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let Thresholds { flag_at, block_at } = Thresholds::default();
        Self {
            profile: Profile::Default,
            block_at,
            flag_at,
            documents: Thresholds::default(),
            blocked_history: BlockedHistory::Block,
            model_from: 200,
            groups: BTreeMap::new(),
            weights: BTreeMap::new(),
            allow: Vec::new(),
            rules: Vec::new(),
        }
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
