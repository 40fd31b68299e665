//! What an object holds, told beside it: which records of which writers, and which requests they begin and end.
//!
//! It is all that the sealer reads: it shows the chains, and nothing of what was asked or answered.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Hash, Hour, Kind, Record, VERSION, Void, WriterId, merkle};
use crate::clock::Timestamp;

/// Where objects are.
pub const RECORDS: &str = "records/";

/// Where their manifests are.
pub const MANIFESTS: &str = "manifests/";

/// What a manifest says that it is.
const KIND: &str = "gatehouse.audit.manifest";

/// The manifest of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the schema.
    pub v: u8,
    kind: String,
    /// The object's key.
    pub object: String,
    /// SHA-256 of the object as it is stored.
    pub sha256: Hash,
    /// How many records it holds.
    pub records: u64,
    /// The root of the [tree](merkle) over the records' hashes, in the order of `writers`.
    pub root: Hash,
    /// The writers, in the order of their ids; so are the object's lines.
    pub writers: Vec<Written>,
}

/// The records of a writer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Who.
    pub writer_id: WriterId,
    /// Its records, by their numbers.
    pub spans: Vec<Span>,
    /// What they name void.
    pub voids: Vec<Named>,
    /// Intents whose outcome is not in this object.
    pub intents: Vec<Begun>,
    /// All outcomes: where the intent is here too, it may also stand in another object, alone.
    pub outcomes: Vec<Ended>,
    /// When the oldest of them was written.
    pub oldest: Timestamp,
}

/// Records with consecutive numbers, each of which points back to the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The number of the first.
    pub first: u64,
    /// The hash that the first points back to.
    pub prev: Hash,
    /// The hash of each.
    pub hashes: Vec<Hash>,
}

/// A void, and who names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The void's number.
    pub seq: u64,
    /// The void's hash.
    pub hash: Hash,
    /// The number of the record that names it.
    pub by: u64,
}

/// An intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// Its number.
    pub seq: u64,
    /// The request.
    pub request_id: String,
    /// When it was written.
    pub ts: Timestamp,
}

/// An outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// Its number.
    pub seq: u64,
    /// The request.
    pub request_id: String,
    /// Whether the intent is here too.
    pub whole: bool,
}

/// What a manifest takes of a record. They sort as an object's lines do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Who wrote it.
    pub writer_id: WriterId,
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
    prev_hash: Hash,
    voids: Vec<(u64, Hash)>,
    intent: bool,
    request_id: String,
    ts: Timestamp,
}

impl From<Record> for Place {
    fn from(record: Record) -> Self {
        Self {
            writer_id: record.writer_id,
            seq: record.seq,
            hash: record.hash,
            prev_hash: record.prev_hash,
            voids: record.voids.iter().map(|Void { seq, hash }| (*seq, *hash)).collect(),
            intent: record.entry.kind == Kind::Intent,
            request_id: record.entry.request_id,
            ts: record.entry.ts,
        }
    }
}

/// It is no manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a manifest (column {column})")]
pub struct NoManifest {
    /// Where reading stopped.
    pub column: usize,
}

impl Manifest {
    /// The manifest of an object whose lines are these records, in their order and each once.
    #[must_use]
    pub fn of(object: String, sha256: Hash, places: &[Place]) -> Self {
        let ids = |intent: bool| {
            places.iter().filter(move |place| place.intent == intent).map(|place| place.request_id.as_str()).collect()
        };
        let (begun, ended): (BTreeSet<&str>, BTreeSet<&str>) = (ids(true), ids(false));
        let mut writers: Vec<Written> = Vec::new();
        for place in places {
            add(&mut writers, place, &begun, &ended);
        }
        Self {
            v: VERSION,
            kind: KIND.to_owned(),
            object,
            sha256,
            records: places.len() as u64,
            root: merkle::root(places.iter().map(|place| &place.hash)),
            writers,
        }
    }

    /// As it is stored: JSON on one line.
    #[must_use]
    pub fn to_line(&self) -> String {
        #[expect(clippy::expect_used, reason = "strings, integers and lists are always JSON")]
        serde_json::to_string(self).expect("a manifest is JSON")
    }

    /// Reads a manifest. Whether it agrees with itself and with its object is for the verifier to find.
    ///
    /// # Errors
    /// [`NoManifest`].
    pub fn read(bytes: &[u8]) -> Result<Self, NoManifest> {
        let read: Self = serde_json::from_slice(bytes).map_err(|error| NoManifest { column: error.column() })?;
        if read.kind == KIND && read.v == VERSION { Ok(read) } else { Err(NoManifest { column: 0 }) }
    }

    /// The key that it belongs under: the object's partition, and the hash of its content. None where the object's own
    /// key is not made of those.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        let partition = Hour::in_path(&self.object)?.partition();
        let name = self.sha256;
        let object = |extension| format!("{RECORDS}{partition}/{name}.{extension}");
        [object("ndjson.gz"), object("ndjson")]
            .contains(&self.object)
            .then(|| format!("{MANIFESTS}{partition}/{name}.json"))
    }

    /// Whether its root and its count are those of the hashes that it tells, and `key` is its own. Whether it tells truly
    /// of its object, only the object shows.
    #[must_use]
    pub fn agrees(&self, key: &str) -> bool {
        let mut spans = self.writers.iter().flat_map(|written| &written.spans);
        // No writer comes so far, and nothing that counts on from here need look out for it.
        if spans.any(|span| span.first.checked_add(span.hashes.len() as u64).is_none()) {
            return false;
        }
        let root = merkle::root(self.places().map(|(_, _, hash)| hash));
        self.root == root && self.records == self.places().count() as u64 && self.key().as_deref() == Some(key)
    }

    /// Writer, number and hash of each record, in the order of the object's lines.
    pub fn places(&self) -> impl Iterator<Item = (WriterId, u64, &Hash)> {
        self.writers.iter().flat_map(|written| {
            written
                .spans
                .iter()
                .flat_map(|span| span.hashes.iter().zip(span.first..).map(|(hash, seq)| (written.writer_id, seq, hash)))
        })
    }
}

fn add(writers: &mut Vec<Written>, place: &Place, begun: &BTreeSet<&str>, ended: &BTreeSet<&str>) {
    let known = writers.last().is_some_and(|last| last.writer_id == place.writer_id);
    if !known {
        writers.push(Written {
            writer_id: place.writer_id,
            spans: Vec::new(),
            voids: Vec::new(),
            intents: Vec::new(),
            outcomes: Vec::new(),
            oldest: place.ts,
        });
    }
    let Some(written) = writers.last_mut() else { return };
    let named = place.voids.iter().map(|(seq, hash)| Named { seq: *seq, hash: *hash, by: place.seq });
    written.voids.extend(named);
    written.oldest = written.oldest.min(place.ts);
    let (seq, request_id) = (place.seq, place.request_id.clone());
    if !place.intent {
        let whole = begun.contains(place.request_id.as_str());
        written.outcomes.push(Ended { seq, request_id, whole });
    } else if !ended.contains(place.request_id.as_str()) {
        written.intents.push(Begun { seq, request_id, ts: place.ts });
    }
    match written.spans.last_mut() {
        Some(span)
            if span.first.checked_add(span.hashes.len() as u64) == Some(place.seq)
                && span.hashes.last() == Some(&place.prev_hash) =>
        {
            span.hashes.push(place.hash);
        }
        Some(_) | None => {
            written.spans.push(Span { first: place.seq, prev: place.prev_hash, hashes: vec![place.hash] });
        }
    }
}

/// The keys that the object may have whose manifest has this one.
pub fn objects(manifest: &str) -> impl Iterator<Item = String> {
    let name = manifest.strip_prefix(MANIFESTS).and_then(|name| name.strip_suffix(".json"));
    name.into_iter().flat_map(|name| ["ndjson.gz", "ndjson"].map(|extension| format!("{RECORDS}{name}.{extension}")))
}

/// Equal lines once, in the order in which an object holds them.
#[must_use]
pub fn ordered(records: impl IntoIterator<Item = (Place, String)>) -> (Vec<Place>, Vec<String>) {
    records.into_iter().collect::<BTreeMap<_, _>>().into_iter().unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Link;
    use crate::fakes::entry;

    fn record(writer: u8, seq: u64, prev_hash: Hash, kind: Kind) -> Record {
        let link = Link {
            record_id: format!("r{seq}"),
            writer_id: WriterId::new([writer; 16]),
            seq,
            prev_hash,
            voids: vec![],
        };
        Record::seal(entry(kind), link)
    }

    fn manifest(records: &[Record]) -> Manifest {
        let (places, _) = ordered(records.iter().map(|record| (record.clone().into(), record.to_line())));
        Manifest::of("records/x".to_owned(), Hash::ZERO, &places)
    }

    #[test]
    fn records_of_a_chain_share_a_span_and_a_broken_link_ends_it() {
        let zero = record(1, 0, Hash::ZERO, Kind::Intent);
        let one = record(1, 1, zero.hash, Kind::Outcome);
        let three = record(1, 3, Hash::new([9; 32]), Kind::Intent);
        let other = record(0, 7, Hash::new([8; 32]), Kind::Intent);
        let told = manifest(&[three.clone(), one.clone(), zero.clone(), one.clone(), other.clone()]);
        assert_eq!(told.records, 4);
        let places: Vec<_> = told.places().map(|(writer, seq, hash)| (writer, seq, *hash)).collect();
        let expected: Vec<_> =
            [&other, &zero, &one, &three].map(|record| (record.writer_id, record.seq, record.hash)).to_vec();
        assert_eq!(places, expected);
        assert_eq!(told.writers[1].spans.len(), 2);
        assert_eq!(told.root, merkle::root(expected.iter().map(|(_, _, hash)| hash)));
        assert_eq!(Manifest::read(told.to_line().as_bytes()).unwrap(), told);
        assert_eq!(Manifest::read(b"{}").unwrap_err(), NoManifest { column: 2 });
    }

    #[test]
    fn it_belongs_beside_its_object_and_under_no_other_key() {
        let mut told = manifest(&[record(1, 0, Hash::ZERO, Kind::Outcome)]);
        let name = Hash::ZERO;
        assert_eq!(told.key(), None);
        let key = format!("manifests/dt=2026-11-27/hour=18/{name}.json");
        for extension in ["ndjson.gz", "ndjson"] {
            told.object = format!("records/dt=2026-11-27/hour=18/{name}.{extension}");
            assert!(told.agrees(&key));
            assert!(objects(&key).any(|object| object == told.object));
            assert!(!told.agrees(&key.replace("18", "19")));
        }
        told.writers[0].spans[0].first = u64::MAX;
        assert!(!told.agrees(&key));
        told.writers[0].spans[0].first = 0;
        for wrong in [
            format!("attic/dt=2026-11-27/hour=18/{name}.ndjson"),
            format!("records/dt=2026-11-27/hour=18/../{name}.ndjson"),
            format!("records/dt=2026-11-27/hour=18/{}.ndjson", Hash::new([1; 32])),
            format!("records/dt=2026-11-27/hour=18/{name}.csv"),
        ] {
            told.object = wrong;
            assert!(!told.agrees(&key), "{}", told.object);
        }
    }

    #[test]
    fn an_intent_whose_outcome_is_here_is_not_told() {
        let whole = [record(1, 0, Hash::ZERO, Kind::Intent), record(1, 1, Hash::ZERO, Kind::Outcome)];
        let told = |records: &[Record]| {
            let written = manifest(records).writers.remove(0);
            (written.intents.len(), written.outcomes.len())
        };
        assert_eq!([told(&whole), told(&whole[..1]), told(&whole[1..])], [(0, 1), (1, 0), (0, 1)]);
    }
}
