//! A bounded memory of what was seen last.

use std::collections::HashMap;
use std::hash::Hash;

/// Keeps at least the last `half` entries and at most twice as many, in two generations: once the younger one is full
/// the older one is forgotten. What is asked for becomes young again.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    half: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash + Clone, V> Cache<K, V> {
    pub(super) fn new(half: usize) -> Self {
        Self { half, young: HashMap::new(), old: HashMap::new() }
    }

    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.put(key, value);
        }
        self.young.get(key)
    }

    pub(super) fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_what_is_not_is_forgotten() {
        let mut cache = Cache::new(10);
        cache.put(0, "asked for");
        cache.put(1, "not asked for");
        for number in 2..1000 {
            cache.put(number, "passing");
            assert_eq!(cache.get(&0), Some(&"asked for"), "{number}");
            assert!(cache.young.len() + cache.old.len() <= 20);
        }
        assert_eq!(cache.get(&1), None);
        assert_eq!(cache.get(&999), Some(&"passing"));
    }

    #[test]
    fn the_last_value_counts_and_what_is_removed_is_gone() {
        let mut cache = Cache::new(1);
        cache.put('a', 1);
        cache.put('b', 2);
        cache.put('a', 3);
        assert_eq!(cache.get(&'a'), Some(&3));
        cache.put('c', 4);
        cache.remove(&'a');
        assert_eq!(cache.get(&'a'), None);
        cache.remove(&'c');
        assert_eq!(cache.get(&'c'), None);
    }
}
