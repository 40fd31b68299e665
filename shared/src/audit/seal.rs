//! What the sealer decides: the digest of an hour, from manifests alone.
//!
//! A manifest that does not agree with itself, or lies under another key than its own, it tells as unreadable. Whether
//! one tells truly of its object is for the verifier to find, which reads that.

use sha2::{Digest as _, Sha256};

use super::chains::{Chains, Fault};
use super::digest::{Digest, Found, Listed, Signed};
use super::manifest::Manifest;
use super::{Hash, Hour};
use crate::clock::Timestamp;

/// Works an hour's digest out.
#[derive(Debug)]
pub struct Sealer {
    hour: Hour,
    chains: Chains,
    found: Found,
}

impl Sealer {
    /// Begins an hour, with the chains as they stood.
    #[must_use]
    pub fn new(hour: Hour, chains: Chains) -> Self {
        Self { hour, chains, found: Found::default() }
    }

    /// Takes a manifest, under its key. They come in the order of their keys.
    pub fn take(&mut self, key: &str, bytes: &[u8]) {
        let (listed, manifest) = listed(key, bytes);
        self.found.manifests.push(listed);
        match manifest {
            Some(manifest) => self.found.faults.extend(self.chains.join(&manifest, self.hour)),
            None => self.found.unreadable.push(key.to_owned()),
        }
    }

    /// The digest, behind the one before.
    #[must_use]
    pub fn finish(mut self, sealed: Timestamp, previous: Option<&Signed>) -> (Digest, Chains) {
        self.found.faults.sort_unstable();
        self.found.faults.dedup();
        let told = self.chains.tell(self.hour);
        let previous = previous.map_or(Hash::ZERO, |signed| signed.hash);
        (Digest::new(self.hour, sealed, previous, self.found, told), self.chains)
    }
}

/// How a digest lists a manifest; with the manifest, where it agrees with itself.
#[must_use]
pub fn listed(key: &str, bytes: &[u8]) -> (Listed, Option<Manifest>) {
    let sha256 = Hash::new(Sha256::digest(bytes).into());
    let sound = Manifest::read(bytes).ok().filter(|manifest| manifest.agrees(key));
    let (records, root) = sound.as_ref().map_or((0, Hash::ZERO), |manifest| (manifest.records, manifest.root));
    (Listed { key: key.to_owned(), sha256, records, root }, sound)
}

/// The writers of a manifest whose chains must be looked for, and how far back: where the first number is 0, only
/// as far as its oldest record; else until it is found.
#[must_use]
pub fn unknown(chains: &Chains, manifest: &Manifest) -> Vec<(super::WriterId, Option<Hour>)> {
    let strangers = manifest.writers.iter().filter(|written| !chains.knows(&written.writer_id));
    strangers
        .map(|written| {
            let begins = written.spans.iter().any(|span| span.first == 0);
            (written.writer_id, begins.then(|| Hour::of(written.oldest)))
        })
        .collect()
}

/// Whether a digest tells of something that an operator must look at.
#[must_use]
pub fn alarming(digest: &Digest) -> bool {
    let broken = |fault: &Fault| matches!(fault, Fault::BrokenLink { .. } | Fault::Fork { .. });
    digest.faults.iter().any(broken) || !digest.unreadable.is_empty() || !digest.chains.gaps.is_empty()
}
