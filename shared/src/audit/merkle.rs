//! The root of a Merkle tree over hashes, as RFC 6962 (section 2.1) builds it: a leaf is hashed behind a zero byte and a
//! node behind a one, so that neither can stand for the other.

use sha2::{Digest as _, Sha256};

use super::Hash;

/// Grows by a leaf at a time and keeps one hash for each level.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Whole subtrees, the largest first; their sizes are the bits of `leaves`.
    whole: Vec<Hash>,
    leaves: u64,
}

impl Tree {
    /// Adds a leaf.
    pub fn push(&mut self, leaf: &Hash) {
        let mut node = hash(&[&[0], leaf.as_bytes()]);
        let mut merged = self.leaves;
        while merged & 1 == 1 {
            let Some(left) = self.whole.pop() else { break };
            node = join(&left, &node);
            merged >>= 1;
        }
        self.whole.push(node);
        self.leaves += 1;
    }

    /// The root: of no leaf, the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let joined = self.whole.iter().rev().copied().reduce(|right, left| join(&left, &right));
        joined.unwrap_or_else(|| hash(&[]))
    }
}

/// The root over these leaves, in their order.
#[must_use]
pub fn root<'h>(leaves: impl IntoIterator<Item = &'h Hash>) -> Hash {
    let mut tree = Tree::default();
    leaves.into_iter().for_each(|leaf| tree.push(leaf));
    tree.root()
}

fn join(left: &Hash, right: &Hash) -> Hash {
    hash(&[&[1], left.as_bytes(), right.as_bytes()])
}

fn hash(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    Hash::new(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the RFC defines it: split at the largest power of two below the count.
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => hash(&[]),
            [leaf] => hash(&[&[0], leaf.as_bytes()]),
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                join(&defined(&leaves[..half]), &defined(&leaves[half..]))
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_rfc_for_every_count() {
        let leaves: Vec<Hash> = (0..70_u8).map(|n| Hash::new([n; 32])).collect();
        for count in 0..=leaves.len() {
            assert_eq!(root(&leaves[..count]), defined(&leaves[..count]), "{count}");
        }
        let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(root([]).to_string(), of_nothing);
    }

    #[test]
    fn order_and_count_are_part_of_the_root() {
        let (a, b) = (Hash::new([1; 32]), Hash::new([2; 32]));
        assert_ne!(root([&a, &b]), root([&b, &a]));
        assert_ne!(root([&a, &b]), root([&a, &b, &b]));
        // A node is no leaf.
        assert_ne!(root([&a, &b]), root([&join(&a, &b)]));
    }
}
