//! `gatehouse audit verify` over trails that somebody has been at: it ends with the code that its help tells, and says
//! what that proves.

use std::collections::BTreeMap;

use drain::Sealing;
use drain::object::{Form, Object};
use serde_json::Value;
use shared::audit::{Entry, Hash, Hour, Kind, Link, Record, WriterId};
use shared::clock::{ManualClock, Timestamp};
use shared::fakes::entry;
use shared::fakes::store::Memory;
use shared::ports::trail::Store as _;
use shared::signature::LocalKey;
use tests::gate;
use tokio::process::Command;

type Objects = BTreeMap<String, Vec<u8>>;

/// A quarter past some hour, long ago.
const NOW: u64 = 1_700_000_100_000;
const HOUR: u64 = 3_600_000;

/// A writer's chain of so many requests.
fn chain(writer: u8, requests: u64, prompt: &str) -> Vec<Record> {
    let (writer_id, mut prev_hash) = (WriterId::new([writer; 16]), Hash::ZERO);
    let record = |seq: u64| {
        let kind = if seq.is_multiple_of(2) { Kind::Intent } else { Kind::Outcome };
        let request_id = format!("{writer}-{}", seq / 2);
        let entry = Entry { request_id, ts: Timestamp(NOW), prompt: Some(prompt.to_owned()), ..entry(kind) };
        let link = Link { record_id: format!("{writer}-{seq}"), writer_id, seq, prev_hash, voids: Vec::new() };
        let record = Record::seal(entry, link);
        prev_hash = record.hash;
        record
    };
    (0..2 * requests).map(record).collect()
}

async fn put(store: &Memory, hours: u64, records: &[Record], manifest: bool) {
    let lines = records.iter().map(|record| (record.clone().into(), record.to_line())).collect();
    let packed = Object::pack(Hour::of(Timestamp(NOW + hours * HOUR)), Form::Gzip, lines);
    store.create(&packed.key, packed.body).await.unwrap();
    if manifest {
        store.create(&packed.manifest_key, packed.manifest.to_line().into_bytes()).await.unwrap();
    }
}

/// Two writers' records over two hours, and some hours without any, sealed. `before` is done before that.
async fn sealed(key: &[u8], before: impl AsyncFnOnce(&Memory)) -> Objects {
    let (store, (one, two)) = (Memory::default(), (chain(1, 6, "as it was"), chain(2, 3, "as it was")));
    put(&store, 0, &one[..5], true).await;
    put(&store, 1, &[&one[5..], &two[..]].concat(), true).await;
    before(&store).await;
    let clock = ManualClock::at(Timestamp(NOW + 8 * HOUR));
    Sealing::new(store.clone(), LocalKey::read(key).unwrap(), None::<Memory>, clock).run().await.unwrap();
    store.objects()
}

/// The key of the object that comes first under a prefix, or that with this place.
fn nth(objects: &Objects, prefix: &str, place: usize) -> String {
    objects.keys().filter(|key| key.starts_with(prefix)).nth(place).unwrap().clone()
}

/// What the command ends with over these objects, and what it says. All of them are some hours old.
async fn verified(objects: &Objects, key: &[u8], more: &[&str]) -> (i32, Value) {
    let public = LocalKey::read(key).unwrap().public().to_pem();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("trail")).unwrap();
    for (key, body) in objects {
        let path = folder.path().join("trail").join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, body).unwrap();
    }
    std::fs::write(folder.path().join("seal.pub"), public).unwrap();
    let mut command = Command::new(gate::binary());
    command
        .args([
            "audit",
            "verify",
            "--json",
            "--folder",
            "trail",
            "--key",
            "seal.pub",
            "--as-of",
            "2023-11-15T06:15:00Z",
        ])
        .args(more);
    let output = command.current_dir(folder.path()).output().await.unwrap();
    let told = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code().unwrap(), told)
}

#[tokio::test]
async fn every_kind_of_tampering_ends_the_command_with_its_own_code_and_says_what_it_proves() {
    let key = LocalKey::make().unwrap();
    let whole = sealed(&key, async |_| {}).await;
    let (code, told) = verified(&whole, &key, &[]).await;
    assert_eq!((code, &told["whole"], &told["records"]), (0, &true.into(), &18.into()), "{told:#}");

    let without = |prefix: &str, place: usize| {
        let mut objects = whole.clone();
        objects.remove(&nth(&whole, prefix, place));
        objects
    };
    let mut flipped = whole.clone();
    let body = flipped.get_mut(&nth(&whole, "records/", 0)).unwrap();
    let middle = body.len() / 2;
    body[middle] ^= 1;
    let forked = sealed(&key, async |store| put(store, 1, &chain(1, 1, "as it never was"), true).await).await;
    let strayed = Memory::default();
    strayed.set(whole.clone());
    put(&strayed, 0, &chain(3, 1, "of nobody"), true).await;
    let another = LocalKey::make().unwrap();
    let cases = [
        (10, without("records/", 0), key.as_slice(), "missing"),
        (11, forked, &key, "two"),
        (12, flipped, &key, "changed"),
        (13, whole.clone(), &another, "sign"),
        (14, without("digests/", 1), &key, "digest"),
        (16, strayed.objects(), &key, "sealer"),
        (17, Objects::new(), &key, "nothing"),
    ];
    for (expected, objects, key, words) in cases {
        let (code, told) = verified(&objects, key, &[]).await;
        assert_eq!((code, &told["whole"]), (expected, &false.into()), "{told:#}");
        let finding = &told["findings"][0];
        let said = format!("{} {}", finding["finding"], finding["proves"]);
        assert!(said.contains(words), "{expected}: {said}");
    }

    let head = told["sealed"]["head"].as_str().unwrap();
    assert_eq!(verified(&whole, &key, &["--head", head]).await.0, 0);
    assert_eq!(verified(&whole, &key, &["--head", &"0".repeat(64)]).await.0, 15);
}
