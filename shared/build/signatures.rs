//! Compiles the built-in patterns into automata, so that a cold start loads them in microseconds.
//!
//! Those over the text become one, those over words one each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::phrases;
use super::text;
use super::words::{self, Symbols};

#[expect(dead_code, unreachable_pub, reason = "the build needs a rule's pattern only")]
#[path = "../src/guards/signatures/rules.rs"]
mod rules;

#[expect(clippy::expect_used, reason = "a build script reports by failing")]
pub(crate) fn build() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/guards/signatures");
    println!("cargo::rerun-if-changed=src/guards/words");
    println!("cargo::rerun-if-changed=src/guards/normalise/readings/sums.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR"));
    let symbols = words::build(&out);
    let all: Vec<&rules::Rule> = rules::GROUPS.iter().flat_map(|group| group.iter()).collect();
    let (mut texts, mut phrases) = (Vec::new(), Vec::new());
    let mut spelled = String::from("[");
    for rule in &all {
        let pattern = match rule.pattern {
            rules::Pattern::Text(pattern) => {
                texts.push(pattern.to_owned());
                pattern.to_owned()
            }
            rules::Pattern::Words(pattern) => {
                let pattern = spell(pattern, &symbols);
                let spelled = pattern.spelled.clone();
                phrases.push(pattern);
                spelled
            }
        };
        spelled.push_str(&format!("{pattern:?},"));
    }
    spelled.push(']');
    write(&out.join("signatures.patterns"), spelled.as_bytes());
    let (text, cells) = text::compile(&texts);
    write(&out.join("signatures.text"), text.as_bytes());
    write(&out.join("signatures.cells"), &cells);
    let (spelled, bytes) = phrases::spell(&phrases, symbols.count);
    write(&out.join("signatures.phrases"), spelled.as_bytes());
    // For the bench that adds up what the tables take: this one is longer as Rust than in the binary.
    println!("cargo::rustc-env=PHRASES_BYTES={bytes}");
}

#[expect(clippy::expect_used, reason = "a build script reports by failing")]
fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("OUT_DIR can be written to");
}

/// A pattern over words as a pattern over columns of their symbols: each name becomes the columns of its class.
#[expect(clippy::panic, reason = "a build script reports by failing")]
fn spell(pattern: &str, symbols: &Symbols) -> phrases::Pattern {
    let names: BTreeSet<&str> = pattern.split(|c: char| !is_of_name(c)).filter(|name| !name.is_empty()).collect();
    let classes: BTreeMap<&str, BTreeSet<u16>> = names.iter().map(|name| (*name, meant(name, symbols))).collect();
    if let Some((name, _)) = classes.iter().find(|(_, meant)| meant.is_empty()) {
        panic!("`{name}` in `{pattern}` is no class of the vocabulary");
    }
    let mut kinds: BTreeMap<Vec<bool>, u8> = BTreeMap::new();
    let columns = (0..symbols.count).map(|symbol| {
        let is_in = |class: &BTreeSet<u16>| u16::try_from(symbol).is_ok_and(|symbol| class.contains(&symbol));
        let fresh = u8::try_from(kinds.len()).unwrap_or_else(|_| panic!("`{pattern}` names too many classes"));
        *kinds.entry(classes.values().map(is_in).collect()).or_insert(fresh)
    });
    let columns: Vec<u8> = columns.collect();
    let mut spelled = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let name = rest.get(..rest.find(|c| !is_of_name(c)).unwrap_or(rest.len())).unwrap_or_default();
        rest = rest.get(name.len().max(first.len_utf8())..).unwrap_or_default();
        match classes.get(name) {
            Some(class) => {
                let of_class = class.iter().filter_map(|symbol| columns.get(usize::from(*symbol)));
                let listed: BTreeSet<String> = of_class.map(|column| format!(r"\x{column:02x}")).collect();
                spelled.push_str(&format!("[{}]", listed.into_iter().collect::<String>()));
            }
            None if first == ' ' => {}
            None if first == '(' => spelled.push_str("(?:"),
            None => spelled.push(first),
        }
    }
    phrases::Pattern { spelled, columns }
}

const fn is_of_name(c: char) -> bool {
    c.is_ascii_lowercase() || c == '_'
}

/// The symbols that a name in a pattern stands for.
fn meant(name: &str, symbols: &Symbols) -> BTreeSet<u16> {
    let of_classes = |classes: &[&str]| -> BTreeSet<u16> {
        classes.iter().filter_map(|class| symbols.of_class.get(class)).flatten().copied().collect()
    };
    match name {
        "any" => (0..symbols.count).filter_map(|at| u16::try_from(at).ok()).filter(|at| *at != words::STOP).collect(),
        "other" => BTreeSet::from([words::OTHER]),
        "stop" => BTreeSet::from([words::STOP]),
        "colon" => BTreeSet::from([words::COLON]),
        "q" => of_classes(QUALIFIERS),
        _ => of_classes(&[name]),
    }
}

/// What may stand between a verb and what it is about: "ignore *all of the previous safety* instructions".
const QUALIFIERS: &[&str] = &["all", "fill", "prev", "system", "told", "what", "you", "your"];
