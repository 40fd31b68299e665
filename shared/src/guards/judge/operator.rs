//! The operator's own rules: compiled with limits, or refused with a remedy.

use std::collections::BTreeSet;
use std::ops::Range;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Look, LookSet};

use super::{BadPattern, Category, OperatorRule, Risk};
use crate::guards::signatures;

/// A compiled program this large is a mistake: some rule of ours takes a hundredth of it.
const MOST_BYTES: usize = 1 << 20;
/// Each search may read the text to its end: so many, and no more, keep the time linear.
const MOST_FINDS: usize = 32;
const LONGEST_ID: usize = 64;

/// An operator's rule, ready to match.
#[derive(Debug)]
pub(super) struct Operator {
    pub(super) id: String,
    pub(super) weight: Risk,
    regex: Regex,
}

/// What a rule found in one text.
pub(super) struct Found {
    pub(super) rule: String,
    pub(super) category: Category,
    pub(super) span: Range<usize>,
}

impl Operator {
    /// The first match in `text` that counts. After [`MOST_FINDS`] that do not, the next one does.
    pub(super) fn find(&self, text: &str, counts: impl Fn(&Range<usize>) -> bool) -> Option<Range<usize>> {
        let mut found = self.regex.find_iter(text).map(|found| found.range()).enumerate();
        found.find(|(number, span)| *number >= MOST_FINDS || counts(span)).map(|(_, span)| span)
    }

    pub(super) fn found(&self, span: Range<usize>) -> Found {
        Found { rule: self.id.clone(), category: Category::Operator, span }
    }
}

/// All rules, or the first that cannot be used.
pub(super) fn compile(rules: &[OperatorRule]) -> Result<Vec<Operator>, BadPattern> {
    let mut taken: BTreeSet<&str> = signatures::all().map(|(_, rule)| rule.id).collect();
    let compile = |(index, rule): (usize, &'_ OperatorRule)| {
        let bad = |reason: String| BadPattern { name: rule.id.clone(), index, reason };
        check_id(&rule.id).map_err(bad)?;
        if rule.weight > Risk::MAX.as_thousandths() {
            return Err(bad(format!("weight {} is more than 1000: weights are thousandths", rule.weight)));
        }
        let regex = check_pattern(&rule.pattern).map_err(bad)?;
        Ok(Operator { id: rule.id.clone(), weight: Risk::thousandths(rule.weight), regex })
    };
    let mut compiled = Vec::with_capacity(rules.len());
    for (index, rule) in rules.iter().enumerate() {
        compiled.push(compile((index, rule))?);
        if !taken.insert(&rule.id) {
            let reason = "another rule has this id: give each its own".to_owned();
            return Err(BadPattern { name: rule.id.clone(), index, reason });
        }
    }
    Ok(compiled)
}

fn check_id(id: &str) -> Result<(), String> {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
    };
    if id.len() > LONGEST_ID || !id.split('.').all(is_word) {
        let remedy = "write lower-case letters, digits, `_` and `-`, in words joined by dots, at most 64 in all";
        return Err(format!("ill-formed id: {remedy}, as in `house.competitors`"));
    }
    Ok(())
}

fn check_pattern(pattern: &str) -> Result<Regex, String> {
    let hir = regex_syntax::Parser::new().parse(pattern).map_err(|e| format!("pattern does not compile: {e}"))?;
    let properties = hir.properties();
    let unicode = [
        Look::WordUnicode,
        Look::WordUnicodeNegate,
        Look::WordStartUnicode,
        Look::WordEndUnicode,
        Look::WordStartHalfUnicode,
        Look::WordEndHalfUnicode,
    ];
    let unicode = unicode.into_iter().fold(LookSet::empty(), LookSet::insert);
    if !properties.look_set().intersect(unicode).is_empty() {
        return Err(r"a Unicode `\b` makes matching slow in texts of other languages: write `(?-u:\b)`".to_owned());
    }
    match properties.minimum_len() {
        None => return Err("pattern can never match: remove the empty class from it".to_owned()),
        Some(0) => return Err("pattern matches empty text: make some of it required, as with `+` for `*`".to_owned()),
        Some(_) => {}
    }
    RegexBuilder::new(pattern)
        .case_insensitive(true)
        .size_limit(MOST_BYTES)
        .dfa_size_limit(MOST_BYTES)
        .build()
        .map_err(|e| format!("pattern is too large: {e}; shorten its counted repetitions"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(id: &str, pattern: &str, weight: u16) -> String {
        let rule = OperatorRule { id: id.into(), pattern: pattern.into(), weight };
        compile(&[rule]).unwrap_err().reason
    }

    #[test]
    fn a_bad_pattern_is_refused_with_a_remedy() {
        assert!(reason("a", "(", 1).contains("does not compile"));
        assert!(reason("a", "x*", 1).contains('+'));
        assert!(reason("a", "^", 1).contains("empty"));
        assert!(reason("a", r"[a&&b]", 1).contains("never"));
        assert!(reason("a", r"\bx", 1).contains(r"(?-u:\b)"));
        assert!(reason("a", r"\w{5000}x", 1).contains("too large"));
        assert!(reason("a", "x", 1001).contains("1000"));
    }

    #[test]
    fn ids_are_dotted_words() {
        for id in ["", "A", "a b", "a..b", ".a", "é", "1a", &"a".repeat(65)] {
            assert!(reason(id, "x", 1).contains("ill-formed"), "{id}");
        }
        let rule = OperatorRule { id: "house.no-2".into(), pattern: r"(?-u:\b)x".into(), weight: 1000 };
        assert!(compile(&[rule]).is_ok());
    }

    #[test]
    fn an_id_taken_twice_or_by_a_built_in_rule_is_refused_where_it_stands() {
        let rule = |id: &str| OperatorRule { id: id.into(), pattern: "x".into(), weight: 1 };
        assert_eq!(compile(&[rule("a"), rule("b"), rule("a")]).unwrap_err().index, 2);
        assert_eq!(compile(&[rule("override.forget")]).unwrap_err().name, "override.forget");
    }
}
