//! Compiles the built-in patterns into automata, so that a cold start loads them in microseconds.
//!
//! Those over the text become one, dense and unanchored: a byte costs one look-up whatever the text, so no text is slower
//! than another. Those over words each become one.

use std::path::{Path, PathBuf};

use regex_automata::MatchKind;
use regex_automata::dfa::{StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;

use super::phrases;
use super::words::{self, Symbols};

#[expect(dead_code, unreachable_pub, reason = "the build needs a rule's pattern only")]
#[path = "../src/guards/signatures/rules.rs"]
mod rules;

/// More than this and some pattern blows the automaton up, as counted gaps do: mend the pattern instead.
const MOST_BYTES: usize = 16 << 20;

#[expect(clippy::expect_used, reason = "a build script reports by failing")]
pub(crate) fn build() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/guards/signatures");
    println!("cargo::rerun-if-changed=src/guards/words");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR"));
    let symbols = words::build(&out);
    let all: Vec<&rules::Rule> = rules::GROUPS.iter().flat_map(|group| group.iter()).collect();
    let (mut text, mut phrases) = (Vec::new(), Vec::new());
    let mut spelled = String::from("[");
    for rule in &all {
        let pattern = match rule.pattern {
            rules::Pattern::Text(pattern) => {
                text.push(pattern.to_owned());
                pattern.to_owned()
            }
            rules::Pattern::Words(pattern) => {
                let pattern = spell(pattern, &symbols);
                phrases.push(pattern.clone());
                pattern
            }
        };
        spelled.push_str(&format!("{pattern:?},"));
    }
    spelled.push(']');
    write(&out.join("signatures.patterns"), spelled.as_bytes());
    let big_endian = std::env::var_os("CARGO_CFG_TARGET_ENDIAN").is_some_and(|endian| endian == "big");
    let text = dense(&text);
    let (bytes, padding) = if big_endian { text.to_bytes_big_endian() } else { text.to_bytes_little_endian() };
    write(&out.join("signatures.text"), bytes.get(padding..).expect("padding is a prefix"));
    write(&out.join("signatures.phrases"), phrases::spell(&phrases).as_bytes());
}

#[expect(clippy::expect_used, reason = "a build script reports by failing")]
fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("OUT_DIR can be written to");
}

#[expect(clippy::expect_used, reason = "a build script reports by failing")]
fn dense(patterns: &[String]) -> dense::DFA<Vec<u32>> {
    dense::Builder::new()
        .configure(
            dense::Config::new()
                .match_kind(MatchKind::All)
                .start_kind(StartKind::Unanchored)
                .minimize(true)
                .determinize_size_limit(Some(8 * MOST_BYTES))
                .dfa_size_limit(Some(MOST_BYTES)),
        )
        .syntax(syntax::Config::new().case_insensitive(true).multi_line(true).unicode(false).utf8(false))
        .thompson(thompson::Config::new().utf8(false))
        .build_many(patterns)
        .expect("every built-in pattern compiles, and their automaton stays small")
}

/// A pattern over words as a pattern over their symbols: each name becomes the class of its symbols.
#[expect(clippy::panic, reason = "a build script reports by failing")]
fn spell(pattern: &str, symbols: &Symbols) -> String {
    let mut spelled = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
        if name.is_empty() {
            match first {
                ' ' => {}
                '(' => spelled.push_str("(?:"),
                _ => spelled.push(first),
            }
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        rest = rest.get(name.len()..).unwrap_or_default();
        match name.as_str() {
            "any" => spelled.push_str(r"[^\x02]"),
            "other" => spelled.push_str(r"\x01"),
            "stop" => spelled.push_str(r"\x02"),
            "colon" => spelled.push_str(r"\x03"),
            _ => {
                let classes = if name == "q" { QUALIFIERS } else { &[name.as_str()] };
                let all = classes.iter().flat_map(|class| {
                    symbols
                        .get(class)
                        .unwrap_or_else(|| panic!("`{class}` in `{pattern}` is no class of the vocabulary"))
                });
                let listed: String = all.map(|symbol| format!(r"\x{symbol:02x}")).collect();
                spelled.push_str(&format!("[{listed}]"));
            }
        }
    }
    spelled
}

/// What may stand between a verb and what it is about: "ignore *all of the previous safety* instructions".
const QUALIFIERS: &[&str] = &["all", "fill", "prev", "system", "told", "what", "you", "your"];
