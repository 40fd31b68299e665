//! The redactor's automaton, compiled from its table of patterns into `redact.bin`.

use std::path::PathBuf;

use regex_automata::nfa::thompson;
use regex_automata::util::syntax;

#[path = "../src/guards/redact/compile.rs"]
mod compile;
#[expect(dead_code, unreachable_pub, reason = "the redactor reads the rest")]
#[path = "../src/guards/redact/patterns.rs"]
mod patterns;

/// A build that needs more has gone wrong.
const LIMIT_BYTES: usize = 64 << 20;

/// Compiles the table and writes it where the crate includes it from.
#[expect(clippy::expect_used, clippy::panic, reason = "a build script fails by panicking, and says why")]
pub(crate) fn build() {
    println!("cargo::rerun-if-changed=build/redact.rs");
    println!("cargo::rerun-if-changed=src/guards/redact/compile.rs");
    println!("cargo::rerun-if-changed=src/guards/redact/patterns.rs");
    assert!(patterns::TABLE.len() <= compile::MOST_PATTERNS, "more patterns than a word has bits");
    let languages: Vec<String> = patterns::TABLE
        .iter()
        .map(|entry| format!("(?s-u:{}(?:{}){})", entry.before, entry.body, entry.after))
        .collect();
    let nfa = thompson::Compiler::new()
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .configure(thompson::Config::new().utf8(false).shrink(true))
        .build_many(&languages)
        .expect("the table's patterns are well formed");
    let Ok(parts) = compile::compile(&nfa, LIMIT_BYTES) else { panic!("the table's automaton is too large") };
    let directory = std::env::var_os("OUT_DIR").map(PathBuf::from).expect("cargo names the output directory");
    std::fs::write(directory.join("redact.bin"), bytes(&parts)).expect("the output directory can be written");
}

/// Everything little-endian: width, first end, number of shapes and of masks; then classes, begins, masks, shapes and
/// cells.
fn bytes(parts: &compile::Parts) -> Vec<u8> {
    let mut out = Vec::new();
    let shapes = parts.shapes.len() / parts.width.max(1);
    for number in [parts.width, parts.first_end as usize, shapes, parts.masks.len()] {
        out.extend(u32::try_from(number).unwrap_or_default().to_le_bytes());
    }
    out.extend(parts.classes);
    out.extend(parts.begin.iter().flat_map(|state| state.to_le_bytes()));
    out.extend(parts.masks.iter().flatten().flat_map(|mask| mask.to_le_bytes()));
    out.extend(&parts.shapes);
    out.extend(parts.cells.iter().flat_map(|cell| cell.to_le_bytes()));
    out
}
