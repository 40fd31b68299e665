//! Compiles the built-in patterns into one dense automaton, so that a cold start loads it in microseconds.
//!
//! Dense and unanchored: a byte costs one look-up whatever the text, so no text is slower than another.

use std::path::PathBuf;

use regex_automata::MatchKind;
use regex_automata::dfa::{StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;

#[expect(dead_code, unreachable_pub, reason = "the build needs a rule's pattern only")]
#[path = "../src/guards/signatures/rules.rs"]
mod rules;

/// More than this and some pattern blows the automaton up, as counted gaps do: mend the pattern instead.
const MOST_BYTES: usize = 5 << 20;

#[expect(clippy::expect_used, reason = "a build script reports by failing")]
pub(crate) fn build() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/guards/signatures");
    let patterns: Vec<&str> = rules::GROUPS.iter().flat_map(|group| group.iter()).map(|rule| rule.pattern).collect();
    let dfa = dense::Builder::new()
        .configure(
            dense::Config::new()
                .match_kind(MatchKind::All)
                .start_kind(StartKind::Unanchored)
                .minimize(false)
                .determinize_size_limit(Some(8 * MOST_BYTES))
                .dfa_size_limit(Some(MOST_BYTES)),
        )
        .syntax(syntax::Config::new().case_insensitive(true).multi_line(true).unicode(false).utf8(false))
        .thompson(thompson::Config::new().utf8(false))
        .build_many(&patterns)
        .expect("every built-in pattern compiles, and their automaton stays small");
    let big_endian = std::env::var_os("CARGO_CFG_TARGET_ENDIAN").is_some_and(|endian| endian == "big");
    let (bytes, padding) = if big_endian { dfa.to_bytes_big_endian() } else { dfa.to_bytes_little_endian() };
    println!("cargo::rerun-if-changed=src/guards/words");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR"));
    std::fs::write(out.join("signatures.dfa"), bytes.get(padding..).expect("padding is a prefix"))
        .expect("OUT_DIR can be written to");
    let _symbols = super::words::build(&out);
}
