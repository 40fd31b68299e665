//! What a guard answers.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use crate::guards::normalise::readings::Layer;

/// Risk in thousandths, from 0 to 1000. Integers, so that a record of it has one spelling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Risk(u16);

impl Risk {
    /// As bad as it gets.
    pub const MAX: Self = Self(1000);

    /// Risk in thousandths; more than 1000 counts as 1000.
    #[must_use]
    pub const fn thousandths(risk: u16) -> Self {
        if risk > 1000 { Self::MAX } else { Self(risk) }
    }

    /// Risk as a count of thousandths.
    #[must_use]
    pub const fn as_thousandths(self) -> u16 {
        self.0
    }

    /// Both together, at most [`Self::MAX`].
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self::thousandths(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// What follows from a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Goes on.
    Allow,
    /// Goes on, and the record says that something was seen.
    Flag,
    /// Is refused.
    Block,
}

/// Where in a conversation something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In the caller's system instruction.
    System,
    /// In a turn, counted from 0.
    Turn(usize),
}

/// A rule that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's stable id, such as `override.previous_instructions`.
    pub rule: String,
    /// The group the rule belongs to.
    pub category: Category,
    /// Where it matched, or where its match begins.
    pub turn: Place,
    /// The part within the turn, counted from 0.
    pub part: usize,
    /// Bytes in [`Part::judged_text`](crate::conversation::Part::judged_text) of that part, on character boundaries.
    /// A match that runs on into a later part ends here with its first part.
    pub span: Range<usize>,
    /// What it adds to the risk.
    pub weight: Risk,
    /// Whether its group is only watched: it then adds nothing.
    pub monitored: bool,
    /// The disguise that it was found beneath; none where it stands in plain sight.
    pub layer: Option<Layer>,
}

/// What came of judging a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What follows.
    pub decision: Decision,
    /// What would follow, were no group merely monitored.
    pub would_be: Decision,
    /// The risk of the riskiest turn.
    pub risk_score: Risk,
    /// The turns that would be blocked for themselves, in order.
    pub blocked: Vec<usize>,
    /// Every rule that matched, by place.
    pub findings: Vec<Finding>,
    /// Why what was found would block, and does not; none where nothing was held back.
    pub held: Option<Hold>,
}

/// What holds a risk below the threshold at which it blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hold {
    /// The words are the caller's, who is trusted to instruct.
    Caller,
    /// The text discusses attacks, and what was found stands in its midst.
    Discusses,
    /// What was found stands in code blocks and cited lines, beside enough of the text's own words.
    Quotes,
}

impl Hold {
    /// The reason, in a sentence.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Self::Caller => "The words are the caller's own, who is trusted to instruct: they flag at most.",
            Self::Discusses => {
                "The text discusses attacks, and what was found stands in its midst, as examples do: it flags at most."
            }
            Self::Quotes => {
                "What was found stands in code blocks or cited lines, beside the text's own words: a quotation flags at most."
            }
        }
    }
}

/// A group of rules; a policy sets a mode per group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Forged chat markup: `<|im_start|>`, `system:`, `### Instruction`.
    ChatMarkup,
    /// Too many characters that are neither letters, digits nor white space.
    Density,
    /// Carrying data out by link, image or tool.
    Exfiltration,
    /// The operator's own rules.
    Operator,
    /// "Ignore all previous instructions" and its kin.
    Override,
    /// Asking for the system prompt.
    PromptExtraction,
    /// "You are now a …", "pretend that …", jailbreak personas.
    RolePlay,
    /// Longer than the `seed` profile allows. Never used by the default profile.
    Size,
    /// Instructions hidden by invisible characters or encodings.
    Smuggling,
    /// Words as attacks have them, by a model learned from examples.
    Statistical,
}

impl Category {
    /// The name, as policies write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatMarkup => "chat_markup",
            Self::Density => "density",
            Self::Exfiltration => "exfiltration",
            Self::Operator => "operator",
            Self::Override => "override",
            Self::PromptExtraction => "prompt_extraction",
            Self::RolePlay => "role_play",
            Self::Size => "size",
            Self::Smuggling => "smuggling",
            Self::Statistical => "statistical",
        }
    }
}

impl Decision {
    /// The name, as records write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Flag => "flag",
            Self::Block => "block",
        }
    }
}
