//! The redactor said again, slowly: each pattern tried alone, at each position, at each length, by another engine.

use regex::bytes::Regex;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};

use super::super::block::LIMIT;
use super::super::checks::{self, Ruling};
use super::super::patterns::{Check, TABLE};

pub(super) struct Oracle {
    entries: Vec<Matcher>,
    body: Regex,
    footer: Regex,
}

struct Matcher {
    name: String,
    longest: usize,
    edged: bool,
    check: Check,
    somewhere: Regex,
    exactly: Regex,
    automaton: dense::DFA<Vec<u32>>,
}

impl Oracle {
    /// The standard table, then operator patterns with their longest matches.
    pub(super) fn new(own: &[(&str, &str, usize)]) -> Self {
        let standard = TABLE.iter().map(|entry| {
            let language = format!("(?s-u:{}(?:{}){})", entry.before, entry.body, entry.after);
            Matcher::new(entry.name, &language, entry.longest, !entry.after.is_empty(), entry.check)
        });
        let own = own.iter().map(|(name, pattern, longest)| {
            Matcher::new(name, &format!("(?s-u:.)(?:{pattern})"), *longest, false, Check::All)
        });
        let body = r#"^(?-u:(?:(?:Version|Comment|Charset|Hash):[ -!#-\[\]-~]*|Proc-Type:[ -!#-\[\]-~]*|DEK-Info:[ -!#-\[\]-~]*|(?:["'`,;|)>]["'`,;+|)> \t]{0,7})?(?:\r?\n|<br ?/?>|\\{1,8}[nr])(?:[0-9+/= \t\r]*[>|#*:.)\]"'`]){0,12}|[0-9A-Za-z+/= \t\r])*)"#;
        Self {
            entries: standard.chain(own).collect(),
            body: Regex::new(body).unwrap(),
            footer: Regex::new("^(?-u:-----END [A-Z0-9 ]{0,40}-----)").unwrap(),
        }
    }

    /// The marked text, and the names found in order.
    pub(super) fn redact(&self, text: &str) -> (String, Vec<String>) {
        let (mut out, mut found, mut at, mut copied) = (String::new(), Vec::new(), 0, 0);
        while at < text.len() {
            let longest = self.longest(text, at);
            let ruling = longest.map(|(end, matcher)| (end, matcher, checks::rule(matcher.check, &text[at..end])));
            match ruling {
                None | Some((_, _, Ruling::Refuse)) => at += 1,
                Some((end, _, Ruling::Keep)) => at = end,
                Some((end, matcher, Ruling::Redact(part))) => {
                    out.push_str(&text[copied..at + part.start]);
                    out.push_str(&format!("[REDACTED:{}]", matcher.name));
                    found.push(matcher.name.clone());
                    copied = at + part.end;
                    at = end;
                    if matcher.check == Check::Block {
                        at += self.block(&text.as_bytes()[end..]);
                        copied = at;
                    }
                }
            }
        }
        out.push_str(&text[copied..]);
        (out, found)
    }

    fn longest(&self, text: &str, at: usize) -> Option<(usize, &Matcher)> {
        let padded = padded(text, at);
        let mut best: Option<(usize, &Matcher)> = None;
        for matcher in &self.entries {
            if let Some(length) = matcher.longest(&padded)
                && best.is_none_or(|(end, _)| at + length > end)
            {
                best = Some((at + length, matcher));
            }
        }
        best
    }

    /// How many bytes belong to a key whose header was just read.
    fn block(&self, rest: &[u8]) -> usize {
        let body = self.body.find(rest).unwrap().end();
        let footer = self.footer.find(&rest[body..]).map_or(0, |footer| footer.end());
        assert!(body + footer <= LIMIT, "the oracle knows no limit");
        body + footer
    }

    /// Whether a text whose end is open may still become a match that starts at `at`.
    pub(super) fn may_match(&self, text: &str, at: usize) -> bool {
        let mut padded = padded(text, at);
        padded.pop();
        self.entries.iter().any(|matcher| {
            let automaton = &matcher.automaton;
            let start = automaton.start_state(&start::Config::new().anchored(Anchored::Yes)).unwrap();
            let state = padded.iter().fold(start, |state, byte| automaton.next_state(state, *byte));
            let fed = padded.len() - 1;
            fed < matcher.longest + usize::from(matcher.edged) && !automaton.is_dead_state(state)
        })
    }
}

/// The byte before a position, or what an escape stands for there, the text from there, and the end.
fn padded(text: &str, at: usize) -> Vec<u8> {
    let bytes = text.as_bytes();
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let sign = match bytes[..at] {
        [.., b'%', high, low] => value(high).zip(value(low)).map(|(high, low)| 16 * high + low),
        _ => None,
    };
    let before = match bytes[..at] {
        [.., b'\\', b'n' | b'r' | b't'] => b'\n',
        [.., last] if sign.is_some() => {
            let edge = |sign: u8| sign.is_ascii() && !sign.is_ascii_alphanumeric() && !b"-._\\".contains(&sign);
            if sign.is_some_and(edge) { 0xFE } else { last }
        }
        [.., last] => last,
        [] => 0xFF,
    };
    [&[before], &bytes[at..], &[0xFF]].concat()
}

impl Matcher {
    fn new(name: &str, language: &str, longest: usize, edged: bool, check: Check) -> Self {
        let regex = |text: String| regex::bytes::RegexBuilder::new(&text).size_limit(64 << 20).build().unwrap();
        let automaton = dense::Builder::new()
            .configure(dense::Config::new().start_kind(StartKind::Anchored).match_kind(MatchKind::All))
            .syntax(syntax::Config::new().utf8(false))
            .build(language)
            .unwrap();
        Self {
            name: name.to_owned(),
            longest,
            edged,
            check,
            somewhere: regex(format!("^(?:{language})")),
            exactly: regex(format!("^(?:{language})$")),
            automaton,
        }
    }

    /// The length of the longest match after the first byte.
    fn longest(&self, padded: &[u8]) -> Option<usize> {
        self.somewhere.find(padded)?;
        let edge = usize::from(self.edged);
        let most = self.longest.min(padded.len() - 2);
        // The end of the text may be an edge, and is never part of a match.
        (1..=most).rev().find(|length| self.exactly.is_match(&padded[..1 + length + edge]))
    }
}
