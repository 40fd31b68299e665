//! The chains of all writers, joined from manifests as they come: in any order, and some of them twice.
//!
//! Of each writer its runs are kept, which is one where nothing is missing, however long the chain. With the hashes of
//! what came lately, or of all, a record that comes again is compared with what it was.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::manifest::{Begun, Ended, Manifest, Named, Span, Written};
use super::{Hash, Hour, Void, WriterId};
use crate::clock::Timestamp;

/// An intent is late one hour after its function must have ended; no function of Lambda's runs for more than 15 minutes.
pub const LATE_MS: u64 = 75 * 60 * 1000;

/// An outcome waits for its intent for as long as a queue may hold that back.
const EARLY_MS: u64 = 14 * 86_400_000;

/// Numbers of a writer that follow on one another, void ones among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The first number.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// What the first points back to; nothing where that is void and was never delivered.
    pub prev: Option<Hash>,
    /// The hash of the last.
    pub hash: Hash,
    /// The hour of the digest in which its first number came.
    pub since: Hour,
}

/// A writer's chain, as a digest tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Who.
    pub writer_id: WriterId,
    /// Its runs, by their numbers: one from 0 where nothing is missing.
    pub runs: Vec<Run>,
    /// What was named void and has not come.
    pub voids: Vec<Void>,
}

/// A request that has begun, or ended, without the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Half {
    /// The request.
    pub request_id: String,
    /// Who wrote the record.
    pub writer_id: WriterId,
    /// Its number.
    pub seq: u64,
    /// When an intent was written; of an outcome, when the hour began in which it came.
    pub ts: Timestamp,
}

/// Numbers that are missing, and that nobody has named void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Whose.
    pub writer_id: WriterId,
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// The hour of the digest since which a later one is there.
    pub since: Hour,
}

/// What cannot be true of one writer's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "fault")]
pub enum Fault {
    /// A record does not point back to the one before.
    BrokenLink {
        /// Whose.
        writer_id: WriterId,
        /// The record's number.
        seq: u64,
    },
    /// Two contents under one number.
    Fork {
        /// Whose.
        writer_id: WriterId,
        /// The number.
        seq: u64,
    },
}

/// What a digest says of the chains at its hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The writers that wrote in the hour, or miss records since the one before.
    pub writers: Vec<Chain>,
    /// Intents that may yet have an outcome.
    pub open: Vec<Half>,
    /// Outcomes that came, while records before them have not.
    pub early: Vec<Half>,
    /// Intents that are late since this hour.
    pub unanswered: Vec<Half>,
    /// What is missing for a whole hour since this one.
    pub gaps: Vec<Gap>,
}

/// The chains of all writers.
#[derive(Clone, Debug, Default)]
pub struct Chains {
    writers: BTreeMap<WriterId, Writer>,
    touched: BTreeSet<WriterId>,
    open: BTreeMap<String, Half>,
    early: BTreeMap<String, Half>,
    late: BTreeMap<String, Half>,
}

#[derive(Clone, Debug, Default)]
struct Writer {
    runs: Vec<Run>,
    voids: BTreeMap<u64, Hash>,
    /// Half of each hash, from a first number on: nobody finds another record with the same half.
    known: BTreeMap<u64, Vec<u128>>,
}

/// What is known of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It came, as a hash that is not kept any more.
    Came,
    /// It came, with this half of its hash.
    As(u128),
    /// Nothing.
    Nothing,
    /// It is named void and has not come.
    Void(Hash),
}

impl Chains {
    /// Takes up a chain where a digest left it, unless the writer is known.
    pub fn resume(&mut self, chain: &Chain) {
        self.writers.entry(chain.writer_id).or_insert_with(|| Writer {
            runs: chain.runs.clone(),
            voids: chain.voids.iter().map(|void| (void.seq, void.hash)).collect(),
            known: BTreeMap::new(),
        });
    }

    /// Takes up the requests that a digest left half-way.
    pub fn resume_requests(&mut self, told: &Told) {
        let by_id = |halves: &[Half]| halves.iter().map(|half| (half.request_id.clone(), half.clone())).collect();
        (self.open, self.early) = (by_id(&told.open), by_id(&told.early));
    }

    /// Takes over what a signed digest says, in place of what [`tell`](Self::tell) told of that hour: for where something
    /// that it followed from is gone.
    pub fn correct(&mut self, told: &Told, signed: &Told) {
        for chain in &signed.writers {
            let writer = self.writers.entry(chain.writer_id).or_default();
            writer.runs.clone_from(&chain.runs);
            writer.voids = chain.voids.iter().map(|void| (void.seq, void.hash)).collect();
        }
        self.resume_requests(signed);
        told.unanswered.iter().for_each(|half| drop(self.late.remove(&half.request_id)));
        self.late.extend(signed.unanswered.iter().map(|half| (half.request_id.clone(), half.clone())));
    }

    /// Remembers the hashes of what was joined before.
    pub fn remember(&mut self, manifest: &Manifest) {
        for written in &manifest.writers {
            let Some(writer) = self.writers.get_mut(&written.writer_id) else { continue };
            for span in &written.spans {
                for (hash, seq) in span.hashes.iter().zip(span.first..) {
                    if writer.covers(seq) && !matches!(writer.known(seq), Known::As(_)) {
                        writer.learn(seq, hash);
                    }
                }
            }
        }
    }

    /// Whether the writer is known.
    #[must_use]
    pub fn knows(&self, writer: &WriterId) -> bool {
        self.writers.contains_key(writer)
    }

    /// Joins what an object holds, for the digest of this hour.
    pub fn join(&mut self, manifest: &Manifest, hour: Hour) -> Vec<Fault> {
        let mut faults = Vec::new();
        for written in &manifest.writers {
            let writer_id = written.writer_id;
            let writer = self.writers.entry(writer_id).or_default();
            self.touched.insert(writer_id);
            let fresh = |seq: u64, writer: &Writer| matches!(writer.known(seq), Known::Nothing | Known::Void(_));
            let begun: Vec<&Begun> = written.intents.iter().filter(|begun| fresh(begun.seq, writer)).collect();
            let ended: Vec<&Ended> = written.outcomes.iter().filter(|ended| fresh(ended.seq, writer)).collect();
            writer.join(written, hour, &mut faults);
            let broken = writer.first_hole();
            self.pair(written, &begun, &ended, (broken, hour));
        }
        faults
    }

    fn pair(&mut self, written: &Written, begun: &[&Begun], ended: &[&Ended], at: (Option<u64>, Hour)) {
        let (writer_id, (first_hole, hour)) = (written.writer_id, at);
        for begun in begun {
            let Begun { seq, request_id, ts } = *begun;
            if self.early.remove(request_id).is_none() {
                let half = Half { request_id: request_id.clone(), writer_id, seq: *seq, ts: *ts };
                self.open.insert(request_id.clone(), half);
            }
        }
        for ended in ended {
            let Ended { seq, request_id, whole } = *ended;
            let answered = self.open.remove(request_id).is_some() || *whole;
            self.late.remove(request_id);
            if !answered && first_hole.is_some_and(|hole| hole < *seq) {
                let half = Half { request_id: request_id.clone(), writer_id, seq: *seq, ts: hour.begins() };
                self.early.insert(request_id.clone(), half);
            }
        }
    }

    /// Ends an hour: what its digest has to tell.
    pub fn tell(&mut self, hour: Hour) -> Told {
        let end = hour.ends().0;
        let (late, open): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.open).into_iter().partition(|(_, half)| half.ts.0.saturating_add(LATE_MS) < end);
        self.open = open;
        let gaps: Vec<Gap> = self.gaps().filter(|gap| gap.since.next() == hour).collect();
        let missing = gaps.iter().map(|gap| gap.writer_id);
        let listed: BTreeSet<WriterId> = std::mem::take(&mut self.touched).into_iter().chain(missing).collect();
        // An outcome waits for its intent while something before it is missing, as far as this hour can tell.
        let waits = |half: &Half| {
            let whole = || {
                let writer = self.writers.get(&half.writer_id);
                writer.and_then(Writer::first_hole).is_none_or(|hole| hole >= half.seq)
            };
            half.ts.0.saturating_add(EARLY_MS) > end && !(listed.contains(&half.writer_id) && whole())
        };
        let early = std::mem::take(&mut self.early).into_iter().filter(|(_, half)| waits(half)).collect();
        self.early = early;
        let told = Told {
            writers: listed.iter().filter_map(|id| self.chain(id)).collect(),
            open: self.open.values().cloned().collect(),
            early: self.early.values().cloned().collect(),
            unanswered: late.values().cloned().collect(),
            gaps,
        };
        self.late.extend(late);
        told
    }

    /// A writer's chain.
    #[must_use]
    pub fn chain(&self, writer_id: &WriterId) -> Option<Chain> {
        let writer = self.writers.get(writer_id)?;
        Some(Chain {
            writer_id: *writer_id,
            runs: writer.runs.clone(),
            voids: writer.voids.iter().map(|(seq, hash)| Void { seq: *seq, hash: *hash }).collect(),
        })
    }

    /// All that is missing.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> {
        self.writers.iter().flat_map(|(writer_id, writer)| {
            writer.holes().map(|(hole, since)| Gap {
                writer_id: *writer_id,
                first: *hole.start(),
                last: *hole.end(),
                since,
            })
        })
    }

    /// Intents without an outcome that were late when an hour ended, or are `now`.
    pub fn unanswered(&self, now: Timestamp) -> impl Iterator<Item = &Half> {
        let open = self.open.values().filter(move |half| half.ts.0.saturating_add(LATE_MS) < now.0);
        self.late.values().chain(open)
    }

    /// Whether a record with this number and hash came.
    #[must_use]
    pub fn has(&self, writer: &WriterId, seq: u64, hash: &Hash) -> bool {
        self.writers.get(writer).is_some_and(|writer| writer.known(seq) == Known::As(half(hash)))
    }
}

impl Writer {
    fn join(&mut self, written: &Written, hour: Hour, faults: &mut Vec<Fault>) {
        let writer_id = written.writer_id;
        for span in &written.spans {
            self.join_span(writer_id, span, hour, faults);
        }
        for Named { seq, hash, by } in &written.voids {
            let fits = match self.known(*seq) {
                // A record can only name what was sealed before it.
                _ if seq >= by => false,
                Known::Came => true,
                Known::As(known) => known == half(hash),
                Known::Void(known) => known == *hash,
                Known::Nothing => {
                    self.voids.insert(*seq, *hash);
                    self.insert(
                        writer_id,
                        Run { first: *seq, last: *seq, prev: None, hash: *hash, since: hour },
                        faults,
                    );
                    true
                }
            };
            faults.extend((!fits).then_some(Fault::Fork { writer_id, seq: *seq }));
        }
    }

    fn join_span(&mut self, writer_id: WriterId, span: &Span, hour: Hour, faults: &mut Vec<Fault>) {
        let (mut run, mut prev): (Option<Run>, Hash) = (None, span.prev);
        for (hash, seq) in span.hashes.iter().zip(span.first..) {
            let fresh = match self.known(seq) {
                Known::Nothing => true,
                Known::Came => false,
                Known::As(known) => {
                    faults.extend((known != half(hash)).then_some(Fault::Fork { writer_id, seq }));
                    false
                }
                Known::Void(named) => {
                    if named == *hash {
                        self.voids.remove(&seq);
                        self.learn(seq, hash);
                    } else {
                        faults.push(Fault::Fork { writer_id, seq });
                    }
                    false
                }
            };
            if fresh {
                let begun = run.unwrap_or(Run { first: seq, last: seq, prev: Some(prev), hash: *hash, since: hour });
                run = Some(Run { last: seq, hash: *hash, ..begun });
                self.learn(seq, hash);
            } else if let Some(whole) = run.take() {
                self.insert(writer_id, whole, faults);
            }
            prev = *hash;
        }
        if let Some(whole) = run {
            self.insert(writer_id, whole, faults);
        }
    }

    /// Puts a run among the others, none of which holds any of its numbers, and joins it with what it touches.
    fn insert(&mut self, writer_id: WriterId, mut run: Run, faults: &mut Vec<Fault>) {
        let mut place = self.runs.partition_point(|other| other.first < run.first);
        let mut check = |seq, points: Option<Hash>, to: Hash| {
            let broken = points.is_some_and(|points| points != to);
            faults.extend(broken.then_some(Fault::BrokenLink { writer_id, seq }));
        };
        if run.first == 0 {
            check(0, run.prev, Hash::ZERO);
        }
        let before = place.checked_sub(1).and_then(|before| self.runs.get(before)).copied();
        if let Some(before) = before.filter(|before| before.last.checked_add(1) == Some(run.first)) {
            check(run.first, run.prev, before.hash);
            run = Run { first: before.first, prev: before.prev, since: before.since.min(run.since), ..run };
            place -= 1;
            self.runs.remove(place);
        }
        let after = self.runs.get(place).copied();
        if let Some(after) = after.filter(|after| run.last.checked_add(1) == Some(after.first)) {
            check(after.first, after.prev, run.hash);
            run = Run { last: after.last, hash: after.hash, since: after.since.min(run.since), ..run };
            self.runs.remove(place);
        }
        self.runs.insert(place, run);
    }

    fn known(&self, seq: u64) -> Known {
        if let Some((first, halves)) = self.known.range(..=seq).next_back()
            && let Some(half) = usize::try_from(seq - first).ok().and_then(|at| halves.get(at))
        {
            return Known::As(*half);
        }
        match self.voids.get(&seq) {
            Some(hash) => Known::Void(*hash),
            None if self.covers(seq) => Known::Came,
            None => Known::Nothing,
        }
    }

    fn covers(&self, seq: u64) -> bool {
        let after = self.runs.partition_point(|run| run.first <= seq);
        after.checked_sub(1).and_then(|at| self.runs.get(at)).is_some_and(|run| seq <= run.last)
    }

    fn learn(&mut self, seq: u64, hash: &Hash) {
        if let Some((first, halves)) = self.known.range_mut(..=seq).next_back()
            && first + halves.len() as u64 == seq
        {
            return halves.push(half(hash));
        }
        self.known.insert(seq, vec![half(hash)]);
    }

    /// What is missing, and since when.
    fn holes(&self) -> impl Iterator<Item = (RangeInclusive<u64>, Hour)> {
        // Whatever came above a hole shows it: the earliest counts.
        let mut earliest = None;
        let mut since: Vec<Hour> = (self.runs.iter().rev())
            .map(|run| *earliest.insert(earliest.map_or(run.since, |hour: Hour| hour.min(run.since))))
            .collect();
        since.reverse();
        let ends = std::iter::once(Some(0)).chain(self.runs.iter().map(|run| run.last.checked_add(1)));
        ends.zip(&self.runs).zip(since).filter_map(|((next, run), since)| {
            next.filter(|next| *next < run.first).map(|next| (next..=run.first - 1, since))
        })
    }

    fn first_hole(&self) -> Option<u64> {
        match self.runs.as_slice() {
            [first, ..] if first.first > 0 => Some(0),
            [first, _, ..] => first.last.checked_add(1),
            _ => None,
        }
    }
}

fn half(hash: &Hash) -> u128 {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    u128::from_be_bytes(bytes)
}
