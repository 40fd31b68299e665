//! The built-in signatures: a curated table of rules and the one automaton that matches them all in a single pass.

mod rules;

use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use regex::bytes::{Regex, RegexBuilder};
use regex_automata::Input;
use regex_automata::dfa::Automaton as _;
use regex_automata::dfa::OverlappingState;
use regex_automata::dfa::dense::DFA;

use super::judge::Category;
pub use rules::{Rule, Scope};

/// The categories of [`rules::GROUPS`], in its order.
const CATEGORIES: [Category; rules::GROUPS.len()] =
    [Category::ChatMarkup, Category::Exfiltration, Category::Override, Category::PromptExtraction, Category::RolePlay];

/// Every built-in rule with its category, in the order of the automaton's pattern ids.
pub fn all() -> impl Iterator<Item = (Category, &'static Rule)> {
    CATEGORIES
        .into_iter()
        .zip(rules::GROUPS)
        .flat_map(|(category, rules)| rules.iter().map(move |rule| (category, rule)))
}

/// The bytes of an automaton are read as words, so they must lie where words may.
#[repr(C)]
struct Aligned<B: ?Sized> {
    words: [u32; 0],
    bytes: B,
}

static BYTES: &Aligned<[u8]> =
    &Aligned { words: [], bytes: *include_bytes!(concat!(env!("OUT_DIR"), "/signatures.dfa")) };

#[expect(clippy::expect_used, reason = "the build script wrote these bytes for this very target")]
static AUTOMATON: LazyLock<DFA<&'static [u32]>> = LazyLock::new(|| {
    debug_assert!(BYTES.words.is_empty());
    DFA::from_bytes(&BYTES.bytes).expect("an automaton as the build script wrote it").0
});

/// Calls `found` with the index of a rule and the offset where a match of it ends, for every rule and every end, by end.
///
/// One pass over the text whatever it holds. Loads the automaton on first use.
pub(super) fn ends(text: &str, mut found: impl FnMut(usize, usize)) {
    let input = Input::new(text);
    let mut state = OverlappingState::start();
    // The only errors are a byte or an anchoring that the automaton was not built for: ours takes every byte.
    while AUTOMATON.try_search_overlapping_fwd(&input, &mut state).is_ok() {
        let Some(end) = state.get_match() else { break };
        found(end.pattern().as_usize(), end.offset());
    }
}

/// A rule by itself, compiled when a match of it is first to be placed.
struct Single {
    rule: &'static Rule,
    regex: OnceLock<Option<Regex>>,
}

static SINGLES: LazyLock<Vec<Single>> =
    LazyLock::new(|| all().map(|(_, rule)| Single { rule, regex: OnceLock::new() }).collect());

/// The first match of rule number `rule` in `text` that begins at `from` or later.
pub(super) fn first(rule: usize, text: &str, from: usize) -> Option<Range<usize>> {
    let single = SINGLES.get(rule)?;
    let regex = single.regex.get_or_init(|| {
        let mut builder = RegexBuilder::new(single.rule.pattern);
        // A test compiles every rule, so that none is absent here.
        builder.case_insensitive(true).multi_line(true).unicode(false).build().ok()
    });
    regex.as_ref()?.find_at(text.as_bytes(), from).map(|found| found.range())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::guards::normalise::normalise;

    fn matched(text: &str) -> BTreeSet<&'static str> {
        let ids: Vec<&str> = all().map(|(_, rule)| rule.id).collect();
        let mut found = BTreeSet::new();
        ends(&normalise(text), |rule, _| {
            found.insert(ids[rule]);
        });
        found
    }

    #[test]
    fn every_rule_matches_its_examples_and_leaves_the_near_misses_alone() {
        let wrong: Vec<(&str, &str)> = all()
            .flat_map(|(_, rule)| {
                let misses = rule.matches.iter().filter(|text| !matched(text).contains(rule.id));
                let hits = rule.passes.iter().filter(|text| matched(text).contains(rule.id));
                misses.chain(hits).map(|text| (rule.id, *text))
            })
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn every_rule_has_examples_of_both_kinds_a_reason_and_a_weight() {
        for (_, rule) in all() {
            assert!(!rule.matches.is_empty() && !rule.passes.is_empty() && !rule.why.is_empty(), "{}", rule.id);
            assert!((1..=1000).contains(&rule.weight), "{}", rule.id);
        }
    }

    #[test]
    fn an_id_is_unique_and_begins_with_its_category() {
        let mut ids = BTreeSet::new();
        for (category, rule) in all() {
            let name = serde_json::to_value(category).unwrap();
            assert_eq!(rule.id.split_once('.').map(|(group, _)| group), name.as_str(), "{}", rule.id);
            assert!(ids.insert(rule.id), "{} twice", rule.id);
        }
    }

    #[test]
    fn a_rule_is_placed_where_the_automaton_saw_it() {
        for (number, (_, rule)) in all().enumerate() {
            for text in rule.matches {
                let text = normalise(text);
                let mut earliest = None;
                ends(&text, |found, end| {
                    if found == number {
                        earliest.get_or_insert(end);
                    }
                });
                let found = first(number, &text, 0).unwrap();
                assert!(found.end >= earliest.unwrap(), "{} in {text:?}", rule.id);
            }
        }
    }
}
