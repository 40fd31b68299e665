//! The built-in signatures: a curated table of rules, and the automata that match them all in a single pass over the text
//! and one over its words.

mod phrases;
mod rules;
mod text;

use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use regex::bytes::{Regex, RegexBuilder};

use super::judge::Category;
use super::words::{Meaning, Words};
pub use rules::{Pattern, Rule, Scope};

/// The rule whose word is as much a subject as a sign.
pub(super) const JAILBREAK: &str = "role_play.jailbreak";

/// The categories of [`rules::GROUPS`], in its order.
const CATEGORIES: [Category; rules::GROUPS.len()] = [
    Category::ChatMarkup,
    Category::Exfiltration,
    Category::Override,
    Category::Override,
    Category::Override,
    Category::Override,
    Category::PromptExtraction,
    Category::RolePlay,
    Category::RolePlay,
    Category::Smuggling,
];

/// Every built-in rule with its category. A rule's number is its place here.
pub fn all() -> impl Iterator<Item = (Category, &'static Rule)> {
    CATEGORIES
        .into_iter()
        .zip(rules::GROUPS)
        .flat_map(|(category, rules)| rules.iter().map(move |rule| (category, rule)))
}

/// Each rule's pattern as its automaton has it.
static PATTERNS: &[&str] = &include!(concat!(env!("OUT_DIR"), "/signatures.patterns"));

/// The number of each rule over the text and of each over words, by its place among them.
static NUMBERS: LazyLock<[Vec<usize>; 2]> = LazyLock::new(|| {
    let numbers = |of_words: bool| {
        let rules = all().enumerate().filter(|(_, (_, rule))| matches!(rule.pattern, Pattern::Words(_)) == of_words);
        rules.map(|(number, _)| number).collect()
    };
    [numbers(false), numbers(true)]
});

/// A text to be matched.
pub(super) struct Scan<'t> {
    text: &'t str,
    words: Words,
}

/// How many words back from its end a match over words is looked for.
const WORDS_BACK: usize = 64;

impl<'t> Scan<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, words: Words::of(text) }
    }

    /// Calls `found` with the number of a rule and the offset where a match of it ends, for every rule and every end.
    /// Rules over the text come first, by end; then those over words, by end. Linear in the text, whatever it holds.
    pub(super) fn ends(&self, mut found: impl FnMut(usize, usize)) {
        let [of_text, of_words] = &*NUMBERS;
        text::ends(self.text, |rule, end| {
            of_text.get(rule).into_iter().for_each(|number| found(*number, end));
        });
        phrases::ends(self.words.symbols(), |rule, end| {
            let end = self.words.span(end.saturating_sub(1)..end).end;
            of_words.get(rule).into_iter().for_each(|number| found(*number, end));
        });
    }

    /// What the words within a range of the text mean, and where each stands in that range.
    pub(super) fn meanings(&self, range: Range<usize>) -> impl Iterator<Item = (Meaning, Range<usize>)> + Clone {
        self.words.meanings(range)
    }

    /// How many subjects of texts about attacks the words within a range of the text speak of.
    pub(super) fn subjects(&self, range: Range<usize>) -> u32 {
        self.words.subjects(range)
    }

    /// The first match of rule number `rule` within a range of the text.
    pub(super) fn first(&self, rule: usize, range: Range<usize>) -> Option<Range<usize>> {
        let single = SINGLES.get(rule)?;
        let is_text = matches!(single.rule.pattern, Pattern::Text(_));
        let regex = single.regex.get_or_init(|| {
            let mut builder = RegexBuilder::new(PATTERNS.get(rule)?);
            // A test compiles every rule, so that none is absent here.
            builder.case_insensitive(is_text).multi_line(is_text).unicode(false).build().ok()
        });
        let regex = regex.as_ref()?;
        if is_text {
            return regex.find_at(self.text.as_bytes().get(..range.end)?, range.start).map(|found| found.range());
        }
        let last = self.words.after(range.end.saturating_sub(1)) + 1;
        let first = self.words.after(range.start).max(last.saturating_sub(WORDS_BACK));
        let last = last.min(self.words.symbols().len());
        let columns = phrases::columns(single.phrase, self.words.symbols().get(first..last)?);
        let found = regex.find(&columns)?;
        Some(self.words.span(first + found.start()..first + found.end()))
    }
}

/// A rule by itself, compiled when a match of it is first to be placed.
struct Single {
    rule: &'static Rule,
    /// Its place among the rules over words, where it is one.
    phrase: usize,
    regex: OnceLock<Option<Regex>>,
}

static SINGLES: LazyLock<Vec<Single>> = LazyLock::new(|| {
    let [_, of_words] = &*NUMBERS;
    let single = |(number, (_, rule)): (usize, (_, &'static Rule))| {
        let phrase = of_words.partition_point(|of_words| *of_words < number);
        Single { rule, phrase, regex: OnceLock::new() }
    };
    all().enumerate().map(single).collect()
});

/// Why a match of the built-in rule with this id is a sign of an attack.
#[must_use]
pub fn why(id: &str) -> Option<&'static str> {
    all().find(|(_, rule)| rule.id == id).map(|(_, rule)| rule.why)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::guards::normalise::normalise;

    fn matched(text: &str) -> BTreeSet<&'static str> {
        let ids: Vec<&str> = all().map(|(_, rule)| rule.id).collect();
        let mut found = BTreeSet::new();
        Scan::of(&normalise(text)).ends(|rule, _| {
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
                let scan = Scan::of(&text);
                let mut earliest = None;
                scan.ends(|found, end| {
                    if found == number {
                        earliest.get_or_insert(end);
                    }
                });
                let found = scan.first(number, 0..text.len()).unwrap();
                assert!(found.end >= earliest.unwrap(), "{} in {text:?}", rule.id);
            }
        }
    }

    #[test]
    fn the_automaton_over_the_text_sees_what_each_pattern_alone_sees() {
        let texts = || all().flat_map(|(_, rule)| rule.matches.iter().chain(rule.passes));
        let of_text = all().enumerate().filter(|(_, (_, rule))| matches!(rule.pattern, Pattern::Text(_)));
        for (number, (_, rule)) in of_text {
            for text in texts().map(|text| normalise(text)) {
                let alone = Scan::of(&text).first(number, 0..text.len()).is_some();
                assert_eq!(matched(&text).contains(rule.id), alone, "{} in {text:?}", rule.id);
            }
        }
    }

    #[test]
    fn the_tables_stay_within_their_share_of_the_binary() {
        let (text, phrases) = (text::bytes(), phrases::bytes());
        assert!(text + phrases <= 800 << 10, "{text} and {phrases} bytes");
    }
}
