//! Finds what was done to a trail, from a public key and, better, the hash of the last digest.
//!
//! The trail is handed over in its order: each digest, under it each manifest and what its object was found to hold,
//! then what no digest seals yet. Kept are the chains and half a hash a record: a million records take some 16 MB.
//!
//! What it cannot prove: that a writer told the truth as it wrote; that nothing was lost behind the last record of a
//! writer that died, before the drain had it (an intent without outcome shows some of it, Lambda's own count of
//! invocations the rest); and, without the hash of the last digest from elsewhere, that the newest digests were not
//! taken away together with all that they seal, where their hours are not over for long.
//!
//! Once something is gone or was changed that a digest followed from, what later digests say of the chains is taken over
//! as it is signed, and not compared any more: one deleted object is one finding, and nobody is accused by it.

use std::collections::{BTreeSet, HashSet};

use super::chains::{Chains, Fault, Gap, Half};
use super::digest::{self, Digest, LOOK_BACK, Listed};
use super::manifest::{self, Manifest, Place};
use super::{Hash, Hour, Record, seal};
use crate::clock::Timestamp;

mod finding;

pub use finding::{Class, Finding};

/// A hole may be filled for so long after it shows: messages come in any order, and some of them again.
const UNDER_WAY_MS: u64 = 2 * 3_600_000;

/// So many findings are kept; the rest is counted.
const MOST: usize = 1000;

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
    /// The first hour that has no digest though it is over for long, where none is demanded.
    pub behind: Option<Hour>,
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

/// What is known of a trail beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The hash of a digest that was once there.
    pub head: Option<Hash>,
    /// As of when it is verified.
    pub now: Timestamp,
    /// Whether somebody seals it hour by hour, so that an hour without a digest is a finding.
    pub sealed: bool,
}

impl Known {
    /// The last hour whose digest must be there.
    #[must_use]
    pub const fn due(&self) -> Hour {
        Hour::of(self.now).back(2)
    }
}

/// Takes a trail in its order.
#[derive(Debug)]
pub struct Verifier {
    known: Known,
    chains: Chains,
    last: Option<(Hour, Hash)>,
    /// The hour of the digest before which there is none.
    begins: Option<Hour>,
    /// The hours that have a digest.
    hours: BTreeSet<Hour>,
    /// Half a hash of the name of each manifest and object that some digest names.
    named: HashSet<u128>,
    /// The first hour of what no digest names.
    loose: Option<Hour>,
    /// Something is gone, or was changed, that digests followed from.
    adrift: bool,
    report: Report,
}

impl Verifier {
    /// Begins.
    #[must_use]
    pub fn new(known: Known) -> Self {
        Self {
            known,
            chains: Chains::default(),
            last: None,
            begins: None,
            hours: BTreeSet::new(),
            named: HashSet::new(),
            loose: None,
            adrift: false,
            report: Report::default(),
        }
    }

    /// Takes the next digest; `signed` checks a signature over a message. What is returned is what the digest seals.
    pub fn digest(&mut self, key: &str, bytes: &[u8], signed: impl FnOnce(&[u8], &[u8]) -> bool) -> Option<Digest> {
        let read = digest::read(bytes).ok();
        let Some(read) =
            read.filter(|read| digest::key(read.digest.hour) == key && signed(read.line.as_bytes(), &read.signature))
        else {
            self.drift(Finding::Unsigned(key.to_owned()));
            return None;
        };
        let (hour, previous) = (read.digest.hour, read.digest.previous);
        match self.last {
            None if previous != Hash::ZERO => self.drift(Finding::MissingDigest(hour.back(1))),
            Some((last, _)) if last.next() != hour => self.drift(Finding::MissingDigest(last.next())),
            Some((_, hash)) if hash != previous => self.drift(Finding::Detached(hour)),
            None => self.begins = Some(hour),
            Some(_) => {}
        }
        if self.known.head == Some(read.hash) {
            self.known.head = None;
        }
        let first = self.report.sealed.map_or(hour, |(first, _, _)| first);
        self.report.sealed = Some((first, hour, read.hash));
        self.report.digests += 1;
        self.last = Some((hour, read.hash));
        self.hours.insert(hour);
        Some(read.digest)
    }

    /// Takes a manifest that the digest names; `None` where there is none under its key. What is returned tells what
    /// the object must hold.
    pub fn manifest(&mut self, hour: Hour, listed: &Listed, bytes: Option<&[u8]>) -> Option<Manifest> {
        self.named.insert(name(&listed.key));
        let found = bytes.map(|bytes| seal::listed(&listed.key, bytes));
        match found {
            Some((found, Some(manifest))) if found == *listed => {
                self.named.insert(name(&manifest.object));
                self.join(&manifest, hour);
                return Some(manifest);
            }
            // As the sealer saw it, and took nothing from it.
            Some((found, None)) if found == *listed => self.find(Finding::Forged(listed.key.clone())),
            Some(_) => self.drift(Finding::Altered(listed.key.clone())),
            None => self.drift(Finding::Lost(listed.key.clone())),
        }
        self.pass_by(&listed.key);
        None
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
            told.clone(),
        );
        if !self.adrift && listed != *digest {
            self.drift(Finding::Untrue(digest.hour));
        }
        if self.adrift {
            self.chains.correct(&told, &digest.chains);
        }
    }

    /// Whether some digest names this manifest or object.
    #[must_use]
    pub fn names(&self, key: &str) -> bool {
        self.named.contains(&name(key))
    }

    /// Takes a manifest that no digest names. What is returned tells what its object must hold.
    pub fn unsealed(&mut self, key: &str, bytes: &[u8]) -> Option<Manifest> {
        if self.came_late(key) {
            self.find(Finding::Added(key.to_owned()));
        }
        self.note(key);
        let (_, manifest) = seal::listed(key, bytes);
        let Some(manifest) = manifest else {
            self.find(Finding::Forged(key.to_owned()));
            self.pass_by(key);
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
        self.note(key);
        if strange && self.came_late(key) {
            self.find(Finding::Added(key.to_owned()));
        }
    }

    /// Ends the trail.
    #[must_use]
    pub fn finish(mut self) -> Report {
        let now = self.known.now;
        if let Some(head) = self.known.head.take() {
            self.find(Finding::Rollback(head));
        }
        let behind = self.last.map(|(last, _)| last.next()).or(self.loose);
        match behind.filter(|hour| *hour <= self.known.due()) {
            Some(hour) if self.known.sealed => self.find(Finding::MissingDigest(hour)),
            behind => self.report.behind = behind,
        }
        if self.last.is_none() && self.loose.is_none() && self.report.findings.is_empty() {
            self.find(Finding::Nothing);
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

    /// Whether all of the digests are there that would name what arrived in the hour of this key, and none does. Where
    /// one is missing, that is the finding.
    fn came_late(&self, key: &str) -> bool {
        let Some((last, _)) = self.last else { return false };
        let Some(hour) = Hour::in_path(key) else { return true };
        let before = |hour: Hour| self.begins.is_some_and(|begins| hour < begins);
        let mut would = (0..=LOOK_BACK).zip(std::iter::successors(Some(hour), |hour| Some(hour.next())));
        hour <= last.back(LOOK_BACK) && would.all(|(_, hour)| before(hour) || self.hours.contains(&hour))
    }

    /// The object of a manifest that is of no use is not another finding.
    fn pass_by(&mut self, manifest: &str) {
        self.named.extend(manifest::objects(manifest).map(|object| name(&object)));
    }

    fn note(&mut self, key: &str) {
        let hour = Hour::in_path(key).unwrap_or(Hour::of(Timestamp::default()));
        self.loose = Some(self.loose.map_or(hour, |first| first.min(hour)));
    }

    fn join(&mut self, manifest: &Manifest, hour: Hour) {
        for fault in self.chains.join(manifest, hour) {
            self.find(match fault {
                Fault::BrokenLink { writer_id, seq } => Finding::BrokenLink(writer_id, seq),
                Fault::Fork { writer_id, seq } => Finding::Fork(writer_id, seq),
            });
        }
    }

    fn drift(&mut self, finding: Finding) {
        self.adrift = true;
        self.find(finding);
    }

    fn find(&mut self, finding: Finding) {
        self.report.add(finding);
    }
}

impl Report {
    /// Adds what was found elsewhere.
    pub fn add(&mut self, finding: Finding) {
        if self.findings.len() < MOST {
            self.findings.push(finding);
            return;
        }
        self.more += 1;
        // The gravest is kept whatever there is.
        let graver = Some(finding.class()) < self.gravest();
        if let Some(last) = self.findings.last_mut().filter(|_| graver) {
            *last = finding;
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
    let (mut count, mut read) = (0, Vec::new());
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
        read.push(Place::from(record));
    }
    // Records that agree in another wrapping, or fewer of them.
    if places.next().is_some() || sha256 != manifest.sha256 {
        return Err(Finding::Altered(manifest.object.clone()));
    }
    // The chains are joined from manifests: what one says of links, voids and requests must be what the records say.
    if Manifest::of(manifest.object.clone(), sha256, &read) != *manifest {
        return Err(Finding::Forged(manifest.key().unwrap_or_else(|| manifest.object.clone())));
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
