//! What kind of text a source's category holds: the committed table, read once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Serialize;

/// What kind of text it is. `kinds.txt` says what each means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Marked,
    Probing,
    Unmarked,
    Obfuscated,
    /// An attack of a source that the table does not list.
    OtherAttack,
    Ordinary,
    Persona,
    Hard,
    Encoded,
    Quoting,
}

impl Kind {
    pub(crate) const fn is_attack(self) -> bool {
        matches!(self, Self::Marked | Self::Probing | Self::Unmarked | Self::Obfuscated | Self::OtherAttack)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Marked => "marked",
            Self::Probing => "probing",
            Self::Unmarked => "unmarked",
            Self::Obfuscated => "obfuscated",
            Self::OtherAttack => "attack",
            Self::Ordinary => "ordinary",
            Self::Persona => "persona",
            Self::Hard => "hard",
            Self::Encoded => "encoded",
            Self::Quoting => "quoting",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [
            Self::Marked,
            Self::Probing,
            Self::Unmarked,
            Self::Ordinary,
            Self::Persona,
            Self::Hard,
            Self::Encoded,
            Self::Quoting,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }

    /// The kind of a text. A text whose label is not what the table says of its source is an ordinary one, or an attack
    /// of no known kind.
    pub(crate) fn of(source: &str, category: &str, attack: bool) -> Self {
        if category.starts_with("obf:") {
            return Self::Obfuscated;
        }
        if category.starts_with("benign_enc:") {
            return Self::Encoded;
        }
        let listed = TABLE.get(&(source, category)).or_else(|| TABLE.get(&(source, "*"))).copied();
        match (listed, attack) {
            (Some(kind), _) if kind.is_attack() == attack => kind,
            (_, true) => Self::OtherAttack,
            (_, false) => Self::Ordinary,
        }
    }
}

static TABLE: LazyLock<BTreeMap<(&'static str, &'static str), Kind>> = LazyLock::new(|| {
    rows(include_str!("kinds.txt")).filter_map(|row| Some(((row[0], row[1]), Kind::named(row[2])?))).collect()
});

fn rows(table: &str) -> impl Iterator<Item = [&str; 4]> {
    table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut cells = line.splitn(4, " | ").map(str::trim);
        Some([cells.next()?, cells.next()?, cells.next()?, cells.next()?])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_and_has_a_reason() {
        let text = include_str!("kinds.txt");
        let lines = text.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(TABLE.len(), lines);
        assert!(rows(text).all(|row| row[3].len() > 5));
    }

    #[test]
    fn a_line_of_its_own_comes_before_that_of_all_categories() {
        assert_eq!(Kind::of("cyberseceval", "cse_direct:system_mode", true), Kind::Marked);
        assert_eq!(Kind::of("cyberseceval", "cse_direct:token_smuggling", true), Kind::Unmarked);
        assert_eq!(Kind::of("inthewild", "jailbreak_itw", true), Kind::Marked);
    }

    #[test]
    fn a_label_that_the_table_does_not_expect_is_believed() {
        assert_eq!(Kind::of("s-labs-train", "slabs", false), Kind::Ordinary);
        assert_eq!(Kind::of("banking77", "benign_support", true), Kind::OtherAttack);
        assert_eq!(Kind::of("elsewhere", "x", true), Kind::OtherAttack);
        assert_eq!(Kind::of("obf(spikee)", "obf:leet", true), Kind::Obfuscated);
    }
}
