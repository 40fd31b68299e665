//! What one redactor looks for: the standard types that are on, and the operator's own patterns.

use std::sync::Arc;

use super::checks;
pub(super) use super::checks::Ruling;
use super::operator::Own;
use super::patterns::{self, Check, Class, Entry, KEPT};
use super::table::Table;

/// The number of an operator's first pattern; the table's are less.
pub(super) const OWN: usize = super::compile::MOST_PATTERNS;

/// Patterns, automata and names.
pub(super) struct Rules {
    pub(super) standard: Table,
    pub(super) own: Option<Arc<Table>>,
    names: Vec<Arc<str>>,
    own_names: Vec<Arc<str>>,
}

impl Rules {
    /// The standard types that `on` admits, and an operator's patterns.
    pub(super) fn new(on: impl Fn(&str, Class) -> bool, own: Own) -> Self {
        let mask = mask(on);
        let table = Table::embedded();
        Self {
            standard: if mask == mask_of_all() { table } else { table.only(mask) },
            own: own.table,
            names: patterns::TABLE.iter().map(|entry| Arc::from(entry.name)).collect(),
            own_names: own.names,
        }
    }

    /// The same patterns of the operator's with other standard types.
    pub(super) fn with(&self, on: impl Fn(&str, Class) -> bool) -> Self {
        Self::new(on, Own { table: self.own.clone(), names: self.own_names.clone() })
    }

    /// Whether a match may begin with this byte after that one.
    #[inline]
    pub(super) fn begins(&self, before: u8, byte: u8) -> bool {
        self.standard.starts(before, byte) || self.own.as_ref().is_some_and(|own| own.starts(before, byte))
    }

    /// What becomes of a pattern's match.
    pub(super) fn rule(&self, pattern: usize, matched: &str) -> Ruling {
        checks::rule(patterns::TABLE.get(pattern).map_or(Check::All, |entry| entry.check), matched)
    }

    /// Whether a pattern's match opens a block.
    pub(super) fn is_block(&self, pattern: usize) -> bool {
        patterns::TABLE.get(pattern).is_some_and(|entry| entry.check == Check::Block)
    }

    /// The name of a pattern's type.
    pub(super) fn name(&self, pattern: usize) -> Arc<str> {
        let name = if pattern < OWN { self.names.get(pattern) } else { self.own_names.get(pattern - OWN) };
        name.cloned().unwrap_or_else(|| Arc::from(KEPT))
    }
}

/// The entries that are on. What is kept is kept from being taken for an address.
fn mask(on: impl Fn(&str, Class) -> bool) -> u64 {
    let is_on = |entry: &Entry| on(if entry.name == KEPT { "ip_address" } else { entry.name }, entry.class);
    patterns::TABLE.iter().enumerate().fold(0, |mask, (bit, entry)| mask | u64::from(is_on(entry)) << bit)
}

fn mask_of_all() -> u64 {
    mask(|_, _| true)
}
