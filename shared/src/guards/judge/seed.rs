//! The profile `seed`: the guide's validator to the letter, on the text as it came, a part at a time.

use std::ops::Range;

use regex::Regex;

use super::allowed::Allowed;
use super::operator::Found;
use super::{Category, Risk, density};

/// The guide's ten patterns.
const PATTERNS: [(&str, Category, &str); 10] = [
    (
        "override.previous_instructions",
        Category::Override,
        r"ignore\s+(previous|above|all)\s+(instructions?|prompts?|rules?)",
    ),
    ("role_play.you_are_now", Category::RolePlay, r"you\s+are\s+now\s+(a|an|the)\s+"),
    ("chat_markup.system_label", Category::ChatMarkup, r"system\s*:\s*"),
    ("chat_markup.tokens", Category::ChatMarkup, r"<\|?(system|im_start|im_end)\|?>"),
    ("chat_markup.heading", Category::ChatMarkup, r"###\s*(system|instruction|new\s+role)"),
    ("role_play.pretend", Category::RolePlay, r"pretend\s+(you|that)\s+(are|you're)"),
    ("role_play.act_as_if", Category::RolePlay, r"act\s+as\s+(if|though)\s+"),
    ("override.forget", Category::Override, r"forget\s+(everything|all|your)"),
    ("override.restrictions", Category::Override, r"override\s+(your|the|all)\s+(instructions?|rules?|restrictions?)"),
    ("role_play.jailbreak", Category::RolePlay, r"jailbreak|DAN\s+mode|developer\s+mode"),
];

const PATTERN_WEIGHT: Risk = Risk::thousandths(400);
const MOST_CHARACTERS: usize = 10_000;
const SIZE_WEIGHT: Risk = Risk::thousandths(800);

#[derive(Debug)]
pub(super) struct Seed {
    patterns: Vec<(&'static str, Category, Regex)>,
}

pub(super) struct Hit {
    pub(super) found: Found,
    pub(super) weight: Risk,
}

impl Seed {
    #[expect(clippy::expect_used, reason = "constants, and a test compiles them")]
    pub(super) fn new() -> Self {
        let compile = |pattern: &str| Regex::new(&format!("(?i){pattern}")).expect("the guide's patterns compile");
        Self { patterns: PATTERNS.iter().map(|(id, category, pattern)| (*id, *category, compile(pattern))).collect() }
    }

    /// What the guide's validator finds in one text, beside the operator's phrases. Too long a text is refused unread, as
    /// there.
    pub(super) fn judge(&self, text: &str, allowed: &Allowed) -> Vec<Hit> {
        let hit = |rule: &str, category, span: Range<usize>, weight| Hit {
            found: Found { rule: rule.to_owned(), category, span },
            weight,
        };
        if text.chars().nth(MOST_CHARACTERS).is_some() {
            return vec![hit("size.characters", Category::Size, 0..text.len(), SIZE_WEIGHT)];
        }
        let mut hits: Vec<Hit> = self
            .patterns
            .iter()
            .filter_map(|(id, category, regex)| {
                let mut found = regex.find_iter(text).map(|found| found.range());
                Some(hit(id, *category, found.find(|span| !allowed.covers(text, span))?, PATTERN_WEIGHT))
            })
            .collect();
        if density::is_dense(&allowed.without(text)) {
            hits.push(hit(density::RULE, Category::Density, 0..text.len(), density::WEIGHT));
        }
        hits
    }
}
