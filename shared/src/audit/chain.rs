//! Checks the records of one writer against one another.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::{Hash, Record, WriterId};

/// What is wrong with a writer's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The hash is not that of the content.
    BadHash {
        /// The record's number.
        seq: u64,
    },
    /// `prev_hash` is not the hash of the record before.
    BrokenLink {
        /// The record's number.
        seq: u64,
    },
    /// Two contents under one number.
    Fork {
        /// The number.
        seq: u64,
    },
    /// Records are missing, and no later record names them void.
    Gap {
        /// Their numbers.
        seqs: RangeInclusive<u64>,
    },
    /// The record is another writer's.
    OtherWriter {
        /// The record's number.
        seq: u64,
    },
    /// A record stands behind one with a higher number. Queues may do that: sort by number where order is no claim.
    Reordered {
        /// The record's number.
        seq: u64,
    },
    /// The chain does not end with the head that was expected.
    WrongHead {
        /// The number expected.
        seq: u64,
    },
}

/// The last record of a chain, as someone outside remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

/// Every fault of a writer's records. A record that is there twice is none: delivery is at least once.
///
/// Without a `head` a cut-off tail cannot be seen. A hole that begins and ends with voids is checked at its edge only,
/// since the hash of what was never kept is all that is known of it.
#[must_use]
pub fn faults(writer: WriterId, records: &[Record], head: Option<Head>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut kept: BTreeMap<u64, &Record> = BTreeMap::new();
    let mut latest = None;
    for record in records {
        let seq = record.seq;
        if record.writer_id != writer {
            faults.push(Fault::OtherWriter { seq });
            continue;
        }
        if !record.verify_hash() {
            faults.push(Fault::BadHash { seq });
        }
        match kept.get(&seq) {
            Some(known) if *known == record => continue,
            Some(_) => faults.push(Fault::Fork { seq }),
            None => {
                if latest.is_some_and(|latest| seq < latest) {
                    faults.push(Fault::Reordered { seq });
                }
                kept.insert(seq, record);
                latest = latest.max(Some(seq));
            }
        }
    }
    let voids = voids(&kept, &mut faults);
    links(&kept, &voids, &mut faults);
    if let Some(head) = head {
        let last = kept.last_key_value().map(|(seq, record)| (*seq, record.hash));
        if last != Some((head.seq, head.hash)) {
            faults.push(Fault::WrongHead { seq: head.seq });
        }
    }
    faults
}

/// The hash of each number that some record names void.
fn voids(kept: &BTreeMap<u64, &Record>, faults: &mut Vec<Fault>) -> BTreeMap<u64, Hash> {
    let mut voids = BTreeMap::new();
    for record in kept.values() {
        for void in &record.voids {
            let known = *voids.entry(void.seq).or_insert(void.hash);
            let delivered = kept.get(&void.seq).map_or(known, |record| record.hash);
            // A record can only name what was sealed before it.
            if known != void.hash || delivered != void.hash || void.seq >= record.seq {
                faults.push(Fault::Fork { seq: void.seq });
            }
        }
    }
    voids
}

fn links(kept: &BTreeMap<u64, &Record>, voids: &BTreeMap<u64, Hash>, faults: &mut Vec<Fault>) {
    // The number that comes next, and the hash it must point back to where that is known.
    let (mut next, mut before) = (0, Some(Hash::ZERO));
    for (seq, record) in kept {
        if *seq > next {
            gaps(next, *seq - 1, voids, faults);
            before = voids.get(&(*seq - 1)).copied();
        }
        if before.is_some_and(|before| before != record.prev_hash) {
            faults.push(Fault::BrokenLink { seq: *seq });
        }
        next = seq.saturating_add(1);
        before = Some(record.hash);
    }
}

/// What is missing from `first` to `last` and not void. Walks the voids, not the numbers: a forged number may be huge.
fn gaps(first: u64, last: u64, voids: &BTreeMap<u64, Hash>, faults: &mut Vec<Fault>) {
    let mut from = first;
    for seq in voids.range(first..=last).map(|(seq, _)| *seq) {
        if seq > from {
            faults.push(Fault::Gap { seqs: from..=seq - 1 });
        }
        from = seq + 1;
    }
    if from <= last {
        faults.push(Fault::Gap { seqs: from..=last });
    }
}
