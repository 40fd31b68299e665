//! A trail from its writers to its verifier: however it is drained and sealed it is whole, and whatever is done to it
//! shows.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at what it does not expect")]

mod mutations;
mod world;

use std::collections::BTreeSet;
use std::process::Command;

use drain::event::Message;
use drain::object;
use drain::{Job, Sealing};
use proptest::prelude::*;
use proptest::sample::Index;
use shared::audit::manifest::Manifest;
use shared::audit::verify::{Class, Finding};
use shared::audit::{Hash, Hour, Kind, Link, Record, Void, digest};
use shared::clock::Timestamp;
use shared::fakes::entry;
use shared::fakes::store::{Broken, Memory, turn};
use shared::ports::trail::Signer as _;
use world::{Fate, HOUR, START, World, chain, cut_chain, head, valid};

#[tokio::test]
async fn a_valid_trail_is_whole() {
    let world = valid().await;
    let objects = world.store.objects();
    let report = world.verify(Some(head(&objects))).await;
    assert_eq!(report.findings, []);
    assert_eq!((report.digests, report.objects, report.records, report.unsealed), (4, 6, 44, 3));
    assert!(report.unanswered.is_empty() && report.under_way.is_empty());
    // Each object's key went to the warehouse, and the day's head to the topic, once.
    let sent = world.store.sent();
    assert_eq!(sent.iter().filter(|(body, _)| body.starts_with("records/")).count(), 7);
    let told: Vec<_> = sent.iter().filter(|(body, _)| body.contains("--head ")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn an_hour_without_records_has_its_digest_too() {
    let mut world = World::new();
    world.pass(HOUR);
    assert_eq!(world.seal().await.unwrap().len(), 1);
    world.pass(5 * HOUR);
    assert_eq!(world.seal().await.unwrap().len(), 5);
    assert_eq!(world.seal().await.unwrap(), []);
    let report = world.verify(None).await;
    assert_eq!((report.findings.len(), report.digests, report.records), (0, 6, 0));
}

#[tokio::test]
async fn openssl_takes_the_signature_over_the_first_line() {
    let world = valid().await;
    let objects = world.store.objects();
    let (_, file) = objects.iter().find(|(key, _)| key.starts_with(digest::DIGESTS)).unwrap();
    let signed = digest::read(file).unwrap();
    let directory = std::env::temp_dir().join(format!("gatehouse-openssl-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = |name: &str| directory.join(name);
    std::fs::write(path("line"), &signed.line).unwrap();
    std::fs::write(path("sig"), &signed.signature).unwrap();
    std::fs::write(path("pub"), world.key().public().to_pem()).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256", "-verify"]).arg(path("pub")).arg("-signature").args([path("sig"), path("line")]);
    let told = openssl.output();
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(String::from_utf8(told.unwrap().stdout).unwrap().trim(), "Verified OK");
}

#[tokio::test]
async fn an_intent_whose_function_was_killed_is_told_once_it_is_late() {
    let mut world = World::new();
    let mut records = chain(1, 3, START);
    records.truncate(5);
    world.drain(&records).await;
    assert!(world.verify(None).await.unanswered.is_empty());
    world.pass(3 * HOUR);
    world.seal().await.unwrap();
    let report = world.verify(None).await;
    assert_eq!(report.unanswered.iter().map(|half| half.request_id.as_str()).collect::<Vec<_>>(), ["1-2"]);
    assert_eq!(report.findings, []);
}

#[tokio::test]
async fn a_record_that_never_came_is_a_gap_and_a_void_is_none() {
    let mut world = World::new();
    let mut records = chain(1, 4, START);
    let void = records.remove(3);
    world.drain(&records).await;
    let report = world.verify(None).await;
    assert_eq!((report.under_way.len(), report.findings.len()), (1, 0));
    world.pass(4 * HOUR);
    world.seal().await.unwrap();
    assert_eq!(world.verify(None).await.gravest(), Some(Class::Gap));
    let last = records.last().unwrap();
    let link = Link {
        record_id: "r8".to_owned(),
        writer_id: last.writer_id,
        seq: 8,
        prev_hash: last.hash,
        voids: vec![Void { seq: void.seq, hash: void.hash }],
    };
    world.drain(&[Record::seal(entry(Kind::Outcome), link)]).await;
    assert_eq!(world.verify(None).await.findings, []);
    // It was delivered after all.
    world.drain(&[void]).await;
    world.pass(HOUR);
    world.seal().await.unwrap();
    assert_eq!(world.verify(None).await.findings, []);
}

#[tokio::test]
async fn a_poison_message_goes_alone_to_the_dead_letters() {
    let world = World::new();
    let dead = Memory::default();
    let message =
        |record: &Record| Message { id: record.seq.to_string(), body: record.to_line(), queue: String::new() };
    let mut messages: Vec<Message> = chain(1, 2, START).iter().map(message).collect();
    messages[1].body = messages[1].body.replace("\"app\"", "\"apq\"");
    let poison = messages[1].body.clone();
    let job = Job::new(world.store.clone(), dead.clone(), None, world.clock());
    assert!(job.drain(messages).await.failed.is_empty());
    assert_eq!(dead.sent(), [(poison.clone(), Some("the hash is not that of the content".to_owned()))]);
    assert_eq!(world.verify(None).await.unsealed, 3);
    // Where it cannot be put aside it comes again, alone.
    dead.plan(|_| Some(Broken::Before));
    let message = Message { id: "m".to_owned(), body: poison, queue: String::new() };
    let answer = Job::new(world.store.clone(), dead, None, world.clock()).drain(vec![message]).await;
    assert_eq!(answer.failed.len(), 1);
}

#[tokio::test]
async fn a_sealer_that_dies_anywhere_or_runs_twice_changes_nothing() {
    for kill in 0..60 {
        for broken in [Broken::Before, Broken::After] {
            let mut world = World::new();
            world.drain(&chain(1, 3, START)).await;
            world.pass(2 * HOUR);
            world.drain(&chain(2, 3, START)).await;
            world.pass(2 * HOUR);
            world.store.plan(move |call| (call == kill).then_some(broken));
            let first = world.seal().await;
            world.store.heal();
            // The other comes later by so many steps of the first.
            let (one, two) = tokio::join!(world.seal(), async {
                for _ in 0..kill % 11 {
                    turn().await;
                }
                world.seal().await
            });
            one.unwrap();
            two.unwrap();
            let report = world.verify(None).await;
            assert_eq!((report.digests, report.records), (4, 12), "{kill} {first:?}");
            assert_eq!(report.findings, [], "{kill} {first:?}");
        }
    }
}

#[tokio::test]
async fn what_is_gone_is_one_finding_and_accuses_nobody() {
    let mut world = valid().await;
    world.pass(3 * HOUR);
    world.seal().await.unwrap();
    let whole = world.trail();
    for key in whole.keys() {
        let mut objects = whole.clone();
        objects.remove(key);
        world.store.set(objects);
        let last = whole.keys().rfind(|key| key.starts_with("digests/")) == Some(key);
        let expected = match key.starts_with("digests/") {
            // The newest may not have been made yet.
            true if last => vec![],
            true => vec![Finding::MissingDigest(Hour::in_path(key).unwrap())],
            false => vec![Finding::Lost(key.clone())],
        };
        assert_eq!(world.verify(None).await.findings, expected, "{key}");
    }
}

#[tokio::test]
async fn a_trail_that_was_cut_off_shows_without_its_head_once_the_hours_are_over_for_long() {
    let mut world = valid().await;
    let whole = world.store.objects();
    world.pass(HOUR);
    let digests: Vec<Hour> =
        whole.keys().filter(|key| key.starts_with("digests/")).filter_map(|key| Hour::in_path(key)).collect();
    for from in &digests {
        let mut objects = whole.clone();
        // With all that they seal; of the first nothing is left but what is not sealed.
        objects.retain(|key, _| Hour::in_path(key).unwrap() < *from);
        let expected = if objects.is_empty() { Finding::Nothing } else { Finding::MissingDigest(*from) };
        world.store.set(objects);
        assert_eq!(world.verify(None).await.findings, [expected], "{from}");
        // Alone.
        let mut objects = whole.clone();
        objects.retain(|key, _| !key.starts_with("digests/") || Hour::in_path(key).unwrap() < *from);
        world.store.set(objects);
        assert_eq!(world.verify(None).await.findings, [Finding::MissingDigest(*from)], "{from}");
    }
}

#[tokio::test]
async fn a_sealer_that_does_not_work_from_the_manifests_is_found_once() {
    let world = valid().await;
    let mut objects = world.store.objects();
    let mut previous = Hash::ZERO;
    for key in objects.keys().filter(|key| key.starts_with(digest::DIGESTS)).cloned().collect::<Vec<_>>() {
        let mut digest = digest::read(&objects[&key]).unwrap().digest;
        digest.previous = previous;
        digest.chains.open.clear();
        for chain in &mut digest.chains.writers {
            chain.runs[0].last += 1;
        }
        let line = digest.to_line();
        previous = digest::hash(&line);
        let signature = world.key().sign(line.as_bytes()).await.unwrap();
        objects.insert(key, digest::file(&line, &signature).into_bytes());
    }
    world.store.set(objects);
    let findings = world.verify(None).await.findings;
    assert!(findings.contains(&Finding::Untrue(Hour::of(Timestamp(START)))), "{findings:?}");
    assert_eq!(findings.iter().filter(|found| matches!(found, Finding::Untrue(_))).count(), 1, "{findings:?}");
}

#[tokio::test]
async fn nothing_at_all_is_not_whole() {
    let mut world = World::new();
    assert_eq!(world.verify(None).await.findings, [Finding::Nothing]);
    // What nobody sealed for hours.
    world.drain(&chain(1, 1, START)).await;
    assert_eq!(world.verify(None).await.findings, []);
    world.pass(2 * HOUR);
    assert_eq!(world.verify(None).await.findings, [Finding::MissingDigest(Hour::of(Timestamp(START)))]);
}

#[tokio::test]
async fn hours_are_sealed_while_the_topic_fails() {
    let mut world = World::new();
    let topic = Memory::default();
    topic.plan(|_| Some(Broken::Before));
    // From 22 h on: the third is of the next day, when the head of this one is told.
    for (hours, sealed) in [(1, 1), (3, 2), (5, 2)] {
        world.pass(if hours == 1 { HOUR } else { 2 * HOUR });
        let sealing = Sealing::new(world.store.clone(), world.key(), Some(topic.clone()), world.clock());
        assert_eq!(sealing.run().await.unwrap().len(), sealed, "{hours}");
    }
    assert!(topic.sent().is_empty());
    assert_eq!(world.verify(None).await.findings, []);
}

#[tokio::test]
async fn a_head_that_the_topic_did_not_take_is_told_later_and_once() {
    let mut world = World::new();
    let topic = Memory::default();
    topic.plan(|_| Some(Broken::Before));
    let seal = async |world: &World| {
        Sealing::new(world.store.clone(), world.key(), Some(topic.clone()), world.clock()).run().await.unwrap();
    };
    // From 22 h on: the second is the day's last.
    world.drain(&chain(1, 1, START)).await;
    world.pass(2 * HOUR);
    seal(&world).await;
    let head = head(&world.store.objects());
    world.pass(3 * HOUR);
    seal(&world).await;
    assert!(topic.sent().is_empty());
    topic.heal();
    for _ in 0..3 {
        seal(&world).await;
        world.pass(HOUR);
    }
    let told = topic.sent();
    assert!(told.len() == 1 && told[0].0.contains(&format!("--head {head}")), "{told:?}");
    assert_eq!(world.verify(Some(head)).await.findings, []);
    // Another day, another head.
    world.pass(24 * HOUR);
    seal(&world).await;
    assert_eq!(topic.sent().len(), 2);
}

#[tokio::test]
async fn a_trail_that_was_rolled_back_is_told_from_its_head_alone() {
    let world = valid().await;
    let mut objects = world.store.objects();
    let head = head(&objects);
    // The last hour is gone without a trace.
    let last = objects.keys().rfind(|key| key.starts_with("digests/")).unwrap();
    let last = Hour::in_path(last).unwrap();
    objects.retain(|key, _| Hour::in_path(key).unwrap() < last);
    world.store.set(objects);
    assert_eq!(world.verify(None).await.gravest(), None);
    assert_eq!(world.verify(Some(head)).await.gravest(), Some(Class::Rollback));
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![8 => Just(Fate::Kept), 1 => Just(Fate::Void), 1 => Just(Fate::Lost)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_done_to_a_trail_is_found(at in any::<Index>(), place in any::<Index>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = valid().await;
            let whole = world.trail();
            for (what, mutate, classes) in mutations::all() {
                let mut objects = whole.clone();
                mutate(&mut objects, &at, &place);
                assert_ne!(objects, whole, "{what}");
                world.store.set(objects);
                let report = world.verify(None).await;
                assert!(classes.contains(&report.gravest().unwrap()), "{what}: {:?}", report.findings);
            }
        });
    }

    /// By whoever can write the bucket, before the hour is sealed by a sealer that reads manifests alone.
    #[test]
    fn a_manifest_that_does_not_tell_truly_of_its_object_is_found(at in any::<Index>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for (what, forge) in mutations::forgeries() {
                let mut world = World::new();
                let (mut one, mut two) = (chain(1, 3, START), chain(2, 4, START));
                one.truncate(5);
                two.truncate(7);
                world.drain(&[one, two].concat()).await;
                let mut objects = world.store.objects();
                let (key, body) = objects.iter_mut().find(|(key, _)| key.starts_with(object::MANIFESTS)).unwrap();
                let honest = Manifest::read(body).unwrap();
                let mut forged = honest.clone();
                forge(&mut forged, &at);
                assert_ne!(forged, honest, "{what}");
                *body = forged.to_line().into_bytes();
                let key = key.clone();
                world.store.set(objects);
                for sealed in [false, true] {
                    if sealed {
                        world.pass(2 * HOUR);
                        world.seal().await.unwrap();
                    }
                    let report = world.verify(None).await;
                    assert_eq!(report.gravest(), Some(Class::BadHash), "{what}: {:?}", report.findings);
                    assert!(report.findings.contains(&Finding::Forged(key.clone())), "{what}: {:?}", report.findings);
                }
            }
        });
    }

    /// Every record is delivered at least once, in any order, in any batches, while anything fails and hours pass. Writers
    /// die anywhere, and some records are void, kept or not.
    #[test]
    fn no_valid_trail_is_refused_and_nothing_is_lost(
        fates in proptest::collection::vec(proptest::collection::vec(fate(), 1..24), 1..5),
        order in proptest::collection::vec((any::<Index>(), 1_usize..9, 0_u8..6), 10..60),
        faults in proptest::collection::vec(0_u8..8, 200),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            let all: Vec<Record> = (1..).zip(&fates).flat_map(|(writer, fates)| cut_chain(writer, fates)).collect();
            let mut queue = all.clone();
            world.store.plan(move |call| match faults[usize::try_from(call).unwrap() % faults.len()] {
                0 => Some(Broken::Before),
                1 => Some(Broken::After),
                _ => None,
            });
            for (from, count, hours) in order {
                if queue.is_empty() {
                    break;
                }
                let turn = from.index(queue.len());
                queue.rotate_left(turn);
                let count = count.min(queue.len());
                let failed = world.drain(&queue[..count]).await;
                // Some that were done come again all the same.
                let again = |at: &usize| failed.contains(at) || from.index(7) == *at;
                let kept: Vec<Record> = (0..count).filter(again).map(|at| queue[at].clone()).collect();
                queue.drain(..count);
                queue.extend(kept);
                if hours > 3 {
                    world.pass(HOUR * u32::from(hours - 3));
                    let _broken = world.seal().await;
                }
            }
            world.store.heal();
            world.drain(&queue).await;
            world.pass(3 * HOUR);
            world.seal().await.unwrap();
            let report = world.verify(None).await;
            assert_eq!(report.findings, []);
            assert_eq!(report.under_way, []);
            let of = |kind: Kind| all.iter().filter(move |record| record.entry.kind == kind);
            let ended: BTreeSet<&str> = of(Kind::Outcome).map(|record| record.entry.request_id.as_str()).collect();
            let begun = of(Kind::Intent).map(|record| record.entry.request_id.as_str());
            let open: BTreeSet<&str> = begun.filter(|request| !ended.contains(request)).collect();
            assert_eq!(report.unanswered.iter().map(|half| half.request_id.as_str()).collect::<BTreeSet<_>>(), open);
            assert_eq!(report.unsealed, 0);
            let objects = world.store.objects();
            let stored = objects.iter().filter(|(key, _)| key.starts_with("records/"));
            let mut lines: Vec<String> =
                stored.flat_map(|(key, body)| object::lines(key, body.as_slice()).map(Result::unwrap)).collect();
            lines.sort();
            lines.dedup();
            let mut expected: Vec<String> = all.iter().map(Record::to_line).collect();
            expected.sort();
            assert_eq!(lines, expected);
        });
    }
}
