//! Finds what was done to a trail, from a public key and, better, the hash of the last digest.
//!
//! The trail is handed over in its order: each digest, under it each manifest and what its object was found to hold,
//! then what no digest seals yet. Kept are the chains and half a hash a record: a million records take some 16 MB.
//!
//! What it cannot prove: that a writer told the truth as it wrote; that nothing was lost behind the last record of a
//! writer that died, before the drain had it (an intent without outcome shows some of it, Lambda's own count of
//! invocations the rest); and, without the hash of the last digest from elsewhere, that the newest digests were not
//! taken away together with all that they seal.

use std::collections::HashSet;
use std::fmt;

use super::chains::{Chains, Fault, Gap, Half};
use super::digest::{self, Digest, LOOK_BACK, Listed};
use super::manifest::Manifest;
use super::{Hash, Hour, Record, WriterId, seal};
use crate::clock::Timestamp;

/// A hole may be filled for so long after it shows: messages come in any order, and some of them again.
const UNDER_WAY_MS: u64 = 2 * 3_600_000;

/// So many findings are kept; the rest is counted.
const MOST: usize = 1000;

/// Something is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It lies where it should have been sealed, and no digest names it.
    Added(String),
    /// The content is not what a digest, or the manifest, says.
    Altered(String),
    /// A record does not point back to the one before.
    BrokenLink(WriterId, u64),
    /// A digest does not name the one before.
    Detached(Hour),
    /// Two contents under one number.
    Fork(WriterId, u64),
    /// Records that nobody named void are missing.
    Gap(Gap),
    /// What a digest names is not there.
    Lost(String),
    /// There is no digest for an hour between two others, or before the first.
    MissingDigest(Hour),
    /// A line of an object is not the record that its manifest tells of.
    Record {
        /// The object.
        object: String,
        /// The line, from 1.
        line: u64,
        /// Writer and number that belong there, where any do.
        place: Option<(WriterId, u64)>,
        /// What is there.
        what: &'static str,
    },
    /// The head that was handed over is none of the digests.
    Rollback(Hash),
    /// A digest that the key did not sign, or that is none.
    Unsigned(String),
    /// A digest says of the chains what does not follow from its manifests.
    Untrue(Hour),
}

/// What a finding comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A signature is not the key's.
    BadSignature,
    /// The end of the trail was taken away.
    Rollback,
    /// A digest is missing.
    MissingDigest,
    /// Content is not what it was.
    BadHash,
    /// Two contents under one number.
    Fork,
    /// Something is missing.
    Gap,
    /// Something was put there later.
    Added,
}

impl Finding {
    /// What it comes to.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Added(_) => Class::Added,
            Self::Altered(_) | Self::BrokenLink(..) | Self::Record { .. } | Self::Untrue(_) => Class::BadHash,
            Self::Fork(..) => Class::Fork,
            Self::Gap(_) | Self::Lost(_) => Class::Gap,
            Self::Detached(_) | Self::MissingDigest(_) => Class::MissingDigest,
            Self::Rollback(_) => Class::Rollback,
            Self::Unsigned(_) => Class::BadSignature,
        }
    }

    /// What it proves.
    #[must_use]
    pub const fn proves(&self) -> &'static str {
        match self {
            Self::Added(_) => "it was put there after its hour was sealed: the sealer never saw it",
            Self::Altered(_) => "it was changed after it was sealed or stored",
            Self::BrokenLink(..) => "a record of this writer was replaced, or two writers share an id",
            Self::Detached(_) => "a digest before it was replaced, or digests were taken from between",
            Self::Fork(..) => "one of the two is not what the writer wrote",
            Self::Gap(_) => "the writer wrote these records, since a later one counts them, and they are gone",
            Self::Lost(_) => "it was there when it was sealed, and was deleted since",
            Self::MissingDigest(_) => "the digest was deleted, or the hour was never sealed",
            Self::Record { .. } => "the object was changed after it was stored",
            Self::Rollback(_) => "digests that were once there are gone, and all that they sealed may be",
            Self::Unsigned(_) => "whoever wrote it did not hold the sealing key, or it was changed since",
            Self::Untrue(_) => "the sealer did not work from these manifests",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(key) => write!(f, "{key} is named by no digest"),
            Self::Altered(key) => write!(f, "{key} is not what was sealed"),
            Self::BrokenLink(writer, seq) => {
                write!(f, "record {seq} of writer {writer} does not point back to the one before")
            }
            Self::Detached(hour) => write!(f, "the digest of {hour} does not name the one before it"),
            Self::Fork(writer, seq) => write!(f, "there are two records {seq} of writer {writer}"),
            Self::Gap(Gap { writer_id, first, last, .. }) if first == last => {
                write!(f, "record {first} of writer {writer_id} is missing")
            }
            Self::Gap(Gap { writer_id, first, last, .. }) => {
                write!(f, "records {first} to {last} of writer {writer_id} are missing")
            }
            Self::Lost(key) => write!(f, "{key} is missing"),
            Self::MissingDigest(hour) => write!(f, "the digest of {hour} is missing"),
            Self::Record { object, line, place, what } => {
                write!(f, "line {line} of {object}")?;
                if let Some((writer, seq)) = place {
                    write!(f, ", record {seq} of writer {writer},")?;
                }
                write!(f, " is {what}")
            }
            Self::Rollback(head) => write!(f, "no digest has the hash {head}"),
            Self::Unsigned(key) => write!(f, "{key} is not a digest that this key signed"),
            Self::Untrue(hour) => write!(f, "the digest of {hour} does not follow from its manifests"),
        }
    }
}

/// What was verified, and what was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Digests whose signature holds.
    pub digests: u64,
    /// Objects that are what was sealed.
    pub objects: u64,
    /// Their records, doubles among them.
    pub records: u64,
    /// Records of objects that no digest seals yet. What is there holds together; whether anything is missing at its
    /// end cannot be told.
    pub unsealed: u64,
    /// The first hour that is sealed, and the last with its hash.
    pub sealed: Option<(Hour, Hour, Hash)>,
    /// What was found, in its order, up to a thousand.
    pub findings: Vec<Finding>,
    /// How many more.
    pub more: u64,
    /// What is missing and may be under way still.
    pub under_way: Vec<Gap>,
    /// Requests that were begun and have no outcome, though it is late: their function was killed.
    pub unanswered: Vec<Half>,
}

impl Report {
    /// The gravest of the findings.
    #[must_use]
    pub fn gravest(&self) -> Option<Class> {
        self.findings.iter().map(Finding::class).min()
    }
}

/// Takes a trail in its order.
#[derive(Debug)]
pub struct Verifier {
    head: Option<Hash>,
    chains: Chains,
    last: Option<(Hour, Hash)>,
    /// Half a hash of the name of each manifest and object that some digest names.
    named: HashSet<u128>,
    /// Something under the digest at hand cannot be read: what it says of the chains cannot be checked.
    broken: bool,
    report: Report,
}

impl Verifier {
    /// Begins. `head` is the hash of a digest that is known to have been there.
    #[must_use]
    pub fn new(head: Option<Hash>) -> Self {
        Self {
            head,
            chains: Chains::default(),
            last: None,
            named: HashSet::new(),
            broken: false,
            report: Report::default(),
        }
    }

    /// Takes the next digest; `signed` checks a signature over a message. What is returned is what the digest seals.
    pub fn digest(&mut self, key: &str, bytes: &[u8], signed: impl FnOnce(&[u8], &[u8]) -> bool) -> Option<Digest> {
        let read = digest::read(bytes).ok();
        let Some(read) =
            read.filter(|read| digest::key(read.digest.hour) == key && signed(read.line.as_bytes(), &read.signature))
        else {
            self.find(Finding::Unsigned(key.to_owned()));
            return None;
        };
        let (hour, previous) = (read.digest.hour, read.digest.previous);
        match self.last {
            None if previous != Hash::ZERO => self.find(Finding::MissingDigest(hour.back(1))),
            Some((last, _)) if last.next() != hour => self.find(Finding::MissingDigest(last.next())),
            Some((_, hash)) if hash != previous => self.find(Finding::Detached(hour)),
            None | Some(_) => {}
        }
        if self.head == Some(read.hash) {
            self.head = None;
        }
        let first = self.report.sealed.map_or(hour, |(first, _, _)| first);
        self.report.sealed = Some((first, hour, read.hash));
        self.report.digests += 1;
        self.last = Some((hour, read.hash));
        self.broken = false;
        Some(read.digest)
    }

    /// Takes a manifest that the digest names; `None` where there is none under its key. What is returned tells what
    /// the object must hold.
    pub fn manifest(&mut self, hour: Hour, listed: &Listed, bytes: Option<&[u8]>) -> Option<Manifest> {
        self.named.insert(name(&listed.key));
        let Some(bytes) = bytes else {
            self.break_with(Finding::Lost(listed.key.clone()));
            return None;
        };
        let (found, manifest) = seal::listed(&listed.key, bytes);
        if found != *listed {
            self.break_with(Finding::Altered(listed.key.clone()));
            return None;
        }
        let Some(manifest) = manifest else {
            self.break_with(Finding::Altered(listed.key.clone()));
            return None;
        };
        self.named.insert(name(&manifest.object));
        self.join(&manifest, hour);
        Some(manifest)
    }

    /// Takes what an object was found to hold, by [`object`].
    pub fn object(&mut self, checked: Result<u64, Finding>) {
        match checked {
            Ok(records) => {
                self.report.objects += 1;
                self.report.records += records;
            }
            Err(finding) => self.find(finding),
        }
    }

    /// Likewise, of an object that no digest seals yet: what is wrong with it is told, and what is right not counted.
    pub fn unsealed_object(&mut self, checked: Result<u64, Finding>) {
        if let Err(finding) = checked {
            self.find(finding);
        }
    }

    /// Ends a digest: compares what it says of the chains with what follows from its manifests.
    pub fn close(&mut self, digest: &Digest) {
        let told = self.chains.tell(digest.hour);
        let listed = Digest::new(
            digest.hour,
            digest.sealed,
            digest.previous,
            digest::Found {
                manifests: digest.manifests.clone(),
                faults: digest.faults.clone(),
                unreadable: digest.unreadable.clone(),
            },
            told,
        );
        if !self.broken && listed != *digest {
            self.find(Finding::Untrue(digest.hour));
        }
    }

    /// Whether some digest names this manifest or object.
    #[must_use]
    pub fn names(&self, key: &str) -> bool {
        self.named.contains(&name(key))
    }

    /// Takes a manifest that no digest names. What is returned tells what its object must hold.
    pub fn unsealed(&mut self, key: &str, bytes: &[u8]) -> Option<Manifest> {
        if self.is_over(key) {
            self.find(Finding::Added(key.to_owned()));
        }
        let (_, manifest) = seal::listed(key, bytes);
        let Some(manifest) = manifest else {
            self.find(Finding::Altered(key.to_owned()));
            return None;
        };
        self.named.insert(name(&manifest.object));
        self.report.unsealed += manifest.records;
        self.join(&manifest, Hour::in_path(key).unwrap_or(Hour::of(Timestamp::default())));
        Some(manifest)
    }

    /// Takes an object that has no manifest, as a drain leaves it that was killed: its records came again, in another.
    pub fn orphan(&mut self, key: &str, lines: impl Iterator<Item = Option<String>>) {
        let mut strange = false;
        for line in lines {
            let record = line.and_then(|line| Record::from_line(&line).ok());
            strange |= record.is_none_or(|record| !self.chains.has(&record.writer_id, record.seq, &record.hash));
        }
        if strange && self.is_over(key) {
            self.find(Finding::Added(key.to_owned()));
        }
    }

    /// Ends the trail, at this time.
    #[must_use]
    pub fn finish(mut self, now: Timestamp) -> Report {
        if let Some(head) = self.head.take() {
            self.find(Finding::Rollback(head));
        }
        let gaps: Vec<Gap> = self.chains.gaps().collect();
        for gap in gaps {
            if gap.since.ends().0.saturating_add(UNDER_WAY_MS) <= now.0 {
                self.find(Finding::Gap(gap));
            } else {
                self.report.under_way.push(gap);
            }
        }
        self.report.unanswered = self.chains.unanswered(now).cloned().collect();
        self.report
    }

    /// Whether everything of this hour must have been sealed.
    fn is_over(&self, key: &str) -> bool {
        let Some((last, _)) = self.last else { return false };
        Hour::in_path(key).is_none_or(|hour| hour <= last.back(LOOK_BACK))
    }

    fn join(&mut self, manifest: &Manifest, hour: Hour) {
        for fault in self.chains.join(manifest, hour) {
            self.find(match fault {
                Fault::BrokenLink { writer_id, seq } => Finding::BrokenLink(writer_id, seq),
                Fault::Fork { writer_id, seq } => Finding::Fork(writer_id, seq),
            });
        }
    }

    fn break_with(&mut self, finding: Finding) {
        self.broken = true;
        self.find(finding);
    }

    fn find(&mut self, finding: Finding) {
        if self.report.findings.len() < MOST {
            self.report.findings.push(finding);
        } else {
            self.report.more += 1;
        }
    }
}

/// Checks an object, whose content has this hash, against its manifest; how many records it holds. It is pure, so that
/// objects can be checked side by side.
///
/// # Errors
/// The first [`Finding`].
pub fn object(
    manifest: &Manifest,
    sha256: Option<Hash>,
    lines: impl Iterator<Item = Option<String>>,
) -> Result<u64, Finding> {
    let Some(sha256) = sha256 else { return Err(Finding::Lost(manifest.object.clone())) };
    let mut places = manifest.places();
    let mut count = 0;
    for line in lines {
        count += 1;
        let place = places.next();
        let wrong = |what| Finding::Record {
            object: manifest.object.clone(),
            line: count,
            place: place.map(|(writer, seq, _)| (writer, seq)),
            what,
        };
        let line = line.ok_or_else(|| wrong("cut off, or no text"))?;
        let record = Record::from_line(&line).map_err(|_| wrong("no record"))?;
        if !record.verify_hash() {
            return Err(wrong("not what its own hash is of"));
        }
        if place != Some((record.writer_id, record.seq, &record.hash)) {
            return Err(wrong("another record than the manifest tells of"));
        }
    }
    // Records that agree in another wrapping, or fewer of them.
    if places.next().is_some() || sha256 != manifest.sha256 {
        return Err(Finding::Altered(manifest.object.clone()));
    }
    Ok(count)
}

fn name(key: &str) -> u128 {
    use sha2::{Digest as _, Sha256};
    let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    u128::from_be_bytes(bytes)
}
