//! What may be done to a trail, by whoever may do anything but sign.

use std::collections::BTreeMap;
use std::future::Future as _;
use std::io::Write as _;
use std::task::{Context, Poll, Waker};

use drain::object::{self, Form, Object};
use proptest::sample::Index;
use shared::audit::manifest::{Manifest, Named, Span, Written};
use shared::audit::verify::Class::{self, Added, BadHash, BadSignature, Fork, Gap, MissingDigest};
use shared::audit::{Entry, Hash, Hour, Link, Record, digest};
use shared::clock::Timestamp;
use shared::ports::trail::Signer as _;
use shared::signature::LocalKey;

use crate::world::{START, chain};

type Objects = BTreeMap<String, Vec<u8>>;

/// What is done, how, and what the gravest finding may be.
type Mutation = (&'static str, fn(&mut Objects, &Index, &Index), &'static [Class]);

pub(crate) fn all() -> Vec<Mutation> {
    vec![
        ("a bit of any object flips", flip, &[BadHash, BadSignature]),
        ("an object is cut short", cut, &[BadHash]),
        ("an object is deleted", |objects, at, _| drop(objects.remove(&sealed(objects, "records/", at))), &[Gap]),
        ("a manifest is deleted", |objects, at, _| drop(objects.remove(&sealed(objects, "manifests/", at))), &[Gap]),
        (
            "a digest is deleted",
            |objects, at, _| drop(objects.remove(&sealed(objects, "digests/", at))),
            &[MissingDigest],
        ),
        ("digests are swapped", swap_digests, &[BadSignature]),
        ("a digest is signed by another key", sign_anew, &[BadSignature]),
        ("a record is changed, and all that takes no key made to fit", change, &[Gap]),
        ("a record is dropped, and all that takes no key made to fit", drop_one, &[Gap]),
        ("lines are swapped", swap_lines, &[BadHash]),
        ("the same records are compressed anew", compress_anew, &[BadHash]),
        ("one object stands in for another", stand_in, &[BadHash]),
        ("a second content is put under a number", fork, &[Fork]),
        ("a writer that never was is put into a sealed hour", |objects, _, _| forge(objects, true), &[Added]),
        ("an object without a manifest is put there", |objects, _, _| forge(objects, false), &[Added]),
    ]
}

/// What whoever can write the bucket may make of a manifest before its hour is sealed.
type Forgery = (&'static str, fn(&mut Manifest, &Index));

/// All of them agree with themselves. The object is there, as it was, and its records are each what its hash is of.
pub(crate) fn forgeries() -> Vec<Forgery> {
    vec![
        ("a link is another", |manifest, at| {
            let spans = &mut written(manifest, at).spans;
            let span = at.index(spans.len());
            spans[span].prev = Hash::new([7; 32]);
        }),
        ("a chain is told in pieces", |manifest, at| {
            let spans = &mut written(manifest, at).spans;
            let span = spans.iter_mut().find(|span| span.hashes.len() > 1).unwrap();
            let rest = span.hashes.split_off(1);
            let (first, prev) = (span.first + 1, span.hashes[0]);
            spans.push(Span { first, prev, hashes: rest });
        }),
        ("a void that no record names", |manifest, at| {
            let written = written(manifest, at);
            let by = written.spans[0].first + written.spans[0].hashes.len() as u64 - 1;
            written.voids.push(Named { seq: by - 1, hash: Hash::new([7; 32]), by });
        }),
        ("an intent is kept quiet", |manifest, at| written(manifest, at).intents.clear()),
        ("an intent's request is another", |manifest, at| {
            written(manifest, at).intents[0].request_id.push('x');
        }),
        ("an intent's time is another", |manifest, at| written(manifest, at).intents[0].ts.0 += 1),
        ("an outcome is kept quiet", |manifest, at| drop(written(manifest, at).outcomes.pop())),
        ("an outcome is said to be whole", |manifest, at| {
            let outcomes = &mut written(manifest, at).outcomes;
            let outcome = at.index(outcomes.len());
            outcomes[outcome].whole = !outcomes[outcome].whole;
        }),
        ("a time is another", |manifest, at| written(manifest, at).oldest.0 -= 1),
        ("the object is elsewhere", |manifest, _| manifest.object = "attic/x.ndjson.gz".to_owned()),
        ("the object is in another hour", |manifest, _| {
            manifest.object = manifest.object.replace("hour=22", "hour=21");
        }),
    ]
}

fn written<'m>(manifest: &'m mut Manifest, at: &Index) -> &'m mut Written {
    let writer = at.index(manifest.writers.len());
    &mut manifest.writers[writer]
}

fn nth(objects: &Objects, prefix: &str, index: &Index) -> String {
    let keys: Vec<_> = objects.keys().filter(|key| key.starts_with(prefix)).collect();
    keys[index.index(keys.len())].clone()
}

/// Not the last: the tail proves nothing about itself.
fn sealed(objects: &Objects, prefix: &str, index: &Index) -> String {
    let keys: Vec<_> = objects.keys().filter(|key| key.starts_with(prefix)).collect();
    keys[index.index(keys.len() - 1)].clone()
}

fn lines(objects: &Objects, key: &str) -> Vec<String> {
    object::lines(key, objects[key].as_slice()).map(Result::unwrap).collect()
}

fn records(objects: &Objects, key: &str) -> Vec<Record> {
    lines(objects, key).iter().map(|line| Record::from_line(line).unwrap()).collect()
}

fn put(objects: &mut Objects, hour: Hour, records: &[Record], manifest: bool) {
    let lines = records.iter().map(|record| (record.clone().into(), record.to_line())).collect();
    let packed = Object::pack(hour, Form::Gzip, lines);
    objects.insert(packed.key, packed.body);
    if manifest {
        objects.insert(packed.manifest_key, packed.manifest.to_line().into_bytes());
    }
}

/// Puts other records into an object's place.
fn replace(objects: &mut Objects, key: &str, records: &[Record]) {
    objects.remove(key);
    objects.remove(&key.replace("records/", "manifests/").replace(".ndjson.gz", ".json"));
    put(objects, Hour::in_path(key).unwrap(), records, true);
}

fn compress(lines: &[String], level: u32) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    lines.iter().for_each(|line| writeln!(gzip, "{line}").unwrap());
    gzip.finish().unwrap()
}

fn resealed(record: &Record, change: impl FnOnce(&mut Entry)) -> Record {
    let Record { record_id, writer_id, seq, prev_hash, voids, mut entry, .. } = record.clone();
    change(&mut entry);
    Record::seal(entry, Link { record_id, writer_id, seq, prev_hash, voids })
}

fn flip(objects: &mut Objects, at: &Index, place: &Index) {
    let key = nth(objects, "", at);
    let body = objects.get_mut(&key).unwrap();
    let bit = place.index(body.len() * 8);
    body[bit / 8] ^= 1 << (bit % 8);
}

fn cut(objects: &mut Objects, at: &Index, place: &Index) {
    let key = sealed(objects, "records/", at);
    let body = objects.get_mut(&key).unwrap();
    body.truncate(place.index(body.len()));
}

fn swap_digests(objects: &mut Objects, at: &Index, place: &Index) {
    let one = nth(objects, "digests/", at);
    let others: Vec<_> = objects.keys().filter(|key| key.starts_with("digests/") && **key != one).cloned().collect();
    let other = others[place.index(others.len())].clone();
    let (a, b) = (objects[&one].clone(), objects[&other].clone());
    objects.extend([(one, b), (other, a)]);
}

fn sign_anew(objects: &mut Objects, at: &Index, _: &Index) {
    let key = nth(objects, "digests/", at);
    let mut digest = digest::read(&objects[&key]).unwrap().digest;
    digest.sealed = Timestamp(digest.sealed.0 + 1);
    let forger = LocalKey::read(&LocalKey::make().unwrap()).unwrap();
    let line = digest.to_line();
    let mut signing = std::pin::pin!(forger.sign(line.as_bytes()));
    let Poll::Ready(signature) = signing.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { return };
    objects.insert(key, digest::file(&line, &signature.unwrap()).into_bytes());
}

fn change(objects: &mut Objects, at: &Index, place: &Index) {
    let key = sealed(objects, "records/", at);
    let mut records = records(objects, &key);
    let place = place.index(records.len());
    records[place] = resealed(&records[place], |entry| entry.risk_score += 1);
    replace(objects, &key, &records);
}

fn drop_one(objects: &mut Objects, at: &Index, place: &Index) {
    let key = sealed(objects, "records/", at);
    let mut records = records(objects, &key);
    records.remove(place.index(records.len()));
    replace(objects, &key, &records);
}

fn swap_lines(objects: &mut Objects, at: &Index, place: &Index) {
    let key = sealed(objects, "records/", at);
    let mut lines = lines(objects, &key);
    let place = place.index(lines.len() - 1);
    lines.swap(place, place + 1);
    objects.insert(key, compress(&lines, 1));
}

fn compress_anew(objects: &mut Objects, at: &Index, _: &Index) {
    let key = sealed(objects, "records/", at);
    let body = compress(&lines(objects, &key), 0);
    objects.insert(key, body);
}

fn stand_in(objects: &mut Objects, at: &Index, place: &Index) {
    let (one, other) = (sealed(objects, "records/", at), sealed(objects, "records/", place));
    let body = if one == other { Vec::new() } else { objects[&other].clone() };
    objects.insert(one, body);
}

fn fork(objects: &mut Objects, at: &Index, place: &Index) {
    let key = sealed(objects, "records/", at);
    let all = records(objects, &key);
    let forged = resealed(&all[place.index(all.len())], |entry| entry.cost_micros += 1);
    put(objects, Hour::of(Timestamp(START + 4 * 3_600_000)), &[forged], true);
}

fn forge(objects: &mut Objects, manifest: bool) {
    put(objects, Hour::of(Timestamp(START)), &chain(9, 1, START), manifest);
}
