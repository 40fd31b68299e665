//! An operator's patterns: read, bounded, and compiled into an automaton of their own.

use std::sync::Arc;

use regex_automata::nfa::thompson;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir, Look};

use super::OperatorPattern;
use super::compile::{self, MOST_PATTERNS};
use super::patterns;
use super::table::Table;
use crate::guards::BadPattern;

/// The longest match a pattern may have. So much of an answer may have to be held back for it.
const LONGEST: usize = 1024;
/// More than this, and a policy would slow the start of a function.
const LIMIT_BYTES: usize = 4 << 20;

/// An operator's patterns, compiled.
#[derive(Clone, Default)]
pub(super) struct Own {
    /// Their automaton, if there are any.
    pub(super) table: Option<Arc<Table>>,
    /// Their names, in order.
    pub(super) names: Vec<Arc<str>>,
}

/// Compiles patterns.
pub(super) fn compile(patterns: &[OperatorPattern]) -> Result<Own, BadPattern> {
    if patterns.is_empty() {
        return Ok(Own::default());
    }
    let (mut languages, mut longest) = (Vec::new(), Vec::new());
    for (index, pattern) in patterns.iter().enumerate() {
        let bad = |reason: String| BadPattern { name: pattern.name.clone(), index, reason };
        if index >= MOST_PATTERNS {
            return Err(bad(format!("there are more than {MOST_PATTERNS} patterns: join some of them with |")));
        }
        name(&pattern.name).map_err(|reason| bad(reason.to_owned()))?;
        let (hir, length) = language(&pattern.pattern).map_err(bad)?;
        languages.push(hir);
        longest.push(length);
    }
    let large = |index: usize| BadPattern {
        name: patterns.get(index).map_or_else(String::new, |pattern| pattern.name.clone()),
        index,
        reason: "the patterns up to this one make too large an automaton: use fewer counted repeats of wide classes, \
                 and (?-u) where ASCII is enough"
            .to_owned(),
    };
    let parts = build(&languages).map_err(|()| {
        // Names the first pattern that does not fit, rather than all of them.
        let fits = (1..languages.len()).take_while(|count| build(languages.get(..*count).unwrap_or_default()).is_ok());
        large(fits.last().unwrap_or(0))
    })?;
    let names = patterns.iter().map(|pattern| Arc::from(pattern.name.as_str())).collect();
    Ok(Own { table: Some(Arc::new(Table::compiled(parts, longest))), names })
}

fn build(languages: &[Hir]) -> Result<compile::Parts, ()> {
    let config = thompson::Config::new().utf8(false).nfa_size_limit(Some(LIMIT_BYTES));
    let nfa = thompson::Compiler::new().configure(config).build_many_from_hir(languages).map_err(drop)?;
    compile::compile(&nfa, LIMIT_BYTES).map_err(drop)
}

fn name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || !name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')) {
        return Err("a name has lower-case letters, digits and _ only");
    }
    if patterns::TABLE.iter().any(|entry| entry.name == name) {
        return Err("the name is a standard type's: choose another");
    }
    Ok(())
}

/// A pattern with the byte before it, and the length of its longest match.
fn language(pattern: &str) -> Result<(Hir, usize), String> {
    let hir = ParserBuilder::new().utf8(true).nest_limit(64).build().parse(pattern).map_err(|error| {
        let text = error.to_string();
        format!("it is not a regular expression: {}", text.lines().last().unwrap_or_default())
    })?;
    let looks = hir.properties().look_set();
    if looks.contains_word() {
        return Err("\\b and its kin are not supported: they split words by other rules beside other scripts; \
                    name the characters instead, such as (?-u:\\d){6}"
            .to_owned());
    }
    if looks.contains_anchor() || looks.contains(Look::Start) {
        return Err(
            "^, $ and the like are not supported: an answer has no lines before it is whole; leave them out".to_owned()
        );
    }
    if hir.properties().minimum_len().is_none_or(|length| length == 0) {
        return Err("it matches the empty text: demand at least one character".to_owned());
    }
    let longest = hir.properties().maximum_len();
    let Some(longest) = longest.filter(|longest| *longest <= LONGEST) else {
        return Err(format!(
            "its longest match is over {LONGEST} bytes, and as much might be held back: replace * and + by counts such as {{1,64}}"
        ));
    };
    let before = Hir::class(Class::Bytes(ClassBytes::new([ClassBytesRange::new(0, 0xFF)])));
    Ok((Hir::concat(vec![before, hir]), longest))
}
