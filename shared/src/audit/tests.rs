use proptest::prelude::*;
use proptest::sample::Index;

use super::chain::{Fault, Head, faults};
use super::line::Malformed;
use super::*;
use crate::fakes::entry;

const WRITER: WriterId = WriterId::new([0xab; 16]);

fn link(seq: u64, prev_hash: Hash, voids: Vec<Void>) -> Link {
    Link { record_id: format!("r{seq}"), writer_id: WRITER, seq, prev_hash, voids }
}

/// A valid chain, and its records that are not delivered left out.
fn chain(length: u64) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for seq in 0..length {
        let prev_hash = records.last().map_or(Hash::ZERO, |record| record.hash);
        records.push(Record::seal(entry(Kind::Intent), link(seq, prev_hash, Vec::new())));
    }
    records
}

fn head(records: &[Record]) -> Option<Head> {
    records.last().map(|record| Head { seq: record.seq, hash: record.hash })
}

#[test]
fn a_record_comes_back_from_its_line() {
    let record = Record::seal(entry(Kind::Outcome), link(3, Hash::ZERO, vec![Void { seq: 2, hash: Hash::ZERO }]));
    let line = record.to_line();
    assert!(!line.contains('\n'));
    assert_eq!(Record::from_line(&line).unwrap(), record);
    assert!(record.verify_hash());
}

#[test]
fn a_line_in_another_spelling_is_refused() {
    let line = Record::seal(entry(Kind::Outcome), link(0, Hash::ZERO, Vec::new())).to_line();
    let cases = [
        line.replacen("{\"v\":1,", "{\"v\":1,\"extra\":0,", 1),
        line.replacen("\"tokens\":{", "\"tokens\":{\"extra\":0,", 1),
        line.replacen("\"tool_use\":5,", "", 1),
        line.replacen(':', ": ", 1),
        format!("{line} "),
    ];
    for case in cases {
        assert_ne!(case, line);
        assert_eq!(Record::from_line(&case), Err(Malformed::Spelling), "{case}");
    }
    let syntax = [
        line.replacen("\"seq\":0", "\"seq\":0.0", 1),
        line.replacen("\"seq\":0", "\"seq\":0,\"seq\":0", 1),
        line.replacen("\"caller\":\"app\"", "\"caller\":\"app\",\"caller\":\"app\"", 1),
        line.replacen("\"kind\":\"outcome\"", "\"kind\":\"prompt-canary\"", 1),
        line.strip_suffix('}').unwrap().to_owned(),
        String::new(),
        "\0\0\0".to_owned(),
    ];
    for case in syntax {
        let malformed = Record::from_line(&case).unwrap_err();
        assert!(matches!(malformed, Malformed::Syntax { .. }), "{case}");
        assert!(!format!("{malformed} {malformed:?}").contains("canary"));
    }
}

#[test]
fn the_encoding_of_a_record_never_changes() {
    let record = Record::seal(
        entry(Kind::Outcome),
        link(3, Hash::new([1; 32]), vec![Void { seq: 2, hash: Hash::new([2; 32]) }]),
    );
    let bytes = data_encoding::HEXLOWER.encode(&encoding::bytes(&record));
    let golden = include_str!("golden.hex").split_whitespace().collect::<String>();
    assert_eq!(bytes, golden);
    assert_eq!(record.hash.to_string(), GOLDEN_HASH);
    assert_eq!(record.to_line(), include_str!("golden.json").trim_end());
}

/// SHA-256 of `golden.hex`, computed apart from this code.
const GOLDEN_HASH: &str = "dd0d859239651b2eb56e2339e16212622c1721f5a70cb1491032d049530751e6";

#[test]
fn debug_shows_neither_prompt_nor_answer_nor_user() {
    let record = Record::seal(entry(Kind::Outcome), link(0, Hash::ZERO, Vec::new()));
    let shown = format!("{record:?} {:#?}", record.entry);
    assert!(shown.contains("gemini-3.5-flash"));
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn a_valid_chain_has_no_fault_even_if_some_records_came_twice() {
    let mut records = chain(5);
    assert_eq!(faults(WRITER, &records, head(&records)), []);
    records.insert(3, records[2].clone());
    records.insert(5, records[0].clone());
    assert_eq!(faults(WRITER, &records, head(&records)), []);
    assert_eq!(faults(WRITER, &[], None), []);
}

#[test]
fn a_void_is_no_gap_whether_or_not_it_was_delivered() {
    let mut records = chain(2);
    let void = Record::seal(entry(Kind::Intent), link(2, records[1].hash, Vec::new()));
    let naming = vec![Void { seq: 2, hash: void.hash }];
    records.push(void);
    records.push(Record::seal(entry(Kind::Outcome), link(3, records[2].hash, naming)));
    assert_eq!(faults(WRITER, &records, head(&records)), []);
    records.remove(2);
    assert_eq!(faults(WRITER, &records, head(&records)), []);

    let other = Record::seal(entry(Kind::Outcome), link(2, records[1].hash, Vec::new()));
    records.insert(2, other);
    let found = faults(WRITER, &records, head(&records));
    assert!(found.contains(&Fault::Fork { seq: 2 }), "{found:?}");
}

#[test]
fn each_fault_is_told_by_its_name() {
    let whole = chain(6);
    let end = head(&whole);

    let mut dropped = whole.clone();
    dropped.drain(2..4);
    assert_eq!(faults(WRITER, &dropped, end), [Fault::Gap { seqs: 2..=3 }]);

    assert_eq!(faults(WRITER, &whole[..5], end), [Fault::WrongHead { seq: 5 }]);
    assert_eq!(faults(WRITER, &whole[1..], end), [Fault::Gap { seqs: 0..=0 }]);

    let mut swapped = whole.clone();
    swapped.swap(1, 2);
    assert_eq!(faults(WRITER, &swapped, end), [Fault::Reordered { seq: 1 }]);

    let mut changed = whole.clone();
    changed[3].entry.risk_score = 0;
    assert_eq!(faults(WRITER, &changed, end), [Fault::BadHash { seq: 3 }]);
    let resealed = Record::seal(changed[3].entry.clone(), link(3, changed[3].prev_hash, Vec::new()));
    changed[3] = resealed.clone();
    assert_eq!(faults(WRITER, &changed, end), [Fault::BrokenLink { seq: 4 }]);

    let mut forked = whole.clone();
    forked.insert(4, resealed);
    assert_eq!(faults(WRITER, &forked, end), [Fault::Fork { seq: 3 }]);

    assert_eq!(faults(WriterId::new([1; 16]), &whole[..1], None), [Fault::OtherWriter { seq: 0 }]);

    let far = Record::seal(entry(Kind::Intent), link(u64::MAX, Hash::ZERO, Vec::new()));
    assert_eq!(faults(WRITER, &[far], None), [Fault::Gap { seqs: 0..=u64::MAX - 1 }]);
}

proptest! {
    #[test]
    fn a_flipped_bit_in_any_line_is_caught(length in 1u64..8, at in any::<Index>(), place in any::<Index>(), bit in 0u8..8) {
        let records = chain(length);
        let at = at.index(records.len());
        let mut bytes = records[at].to_line().into_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let read = String::from_utf8(bytes).ok().and_then(|line| Record::from_line(&line).ok());
        if let Some(record) = read {
            let mut mutated = records.clone();
            mutated[at] = record;
            prop_assert!(!faults(WRITER, &mutated, head(&records)).is_empty());
        }
    }

    #[test]
    fn a_dropped_moved_or_changed_record_is_caught(
        length in 2u64..12, one in any::<Index>(), other in any::<Index>(), way in 0..4, reseal in any::<bool>(),
    ) {
        let records = chain(length);
        let (one, other) = (one.index(records.len()), other.index(records.len()));
        let mut changed = records[one].clone();
        changed.entry.cost_micros += 1;
        if reseal {
            let Record { record_id, entry, writer_id, seq, prev_hash, voids, .. } = changed;
            changed = Record::seal(entry, Link { record_id, writer_id, seq, prev_hash, voids });
        }
        let mut mutated = records.clone();
        match way {
            0 => { mutated.remove(one); }
            1 => mutated.swap(one, if one == other { (one + 1) % records.len() } else { other }),
            2 => mutated[one] = changed,
            _ => mutated.insert(other, changed),
        }
        prop_assert!(!faults(WRITER, &mutated, head(&records)).is_empty());
    }

    #[test]
    fn every_record_comes_back_from_its_line(
        texts in proptest::collection::vec(proptest::option::of(".*"), 6), numbers in any::<[u64; 4]>(),
    ) {
        let mut entry = entry(Kind::Intent);
        entry.user.clone_from(&texts[0]);
        entry.prompt.clone_from(&texts[1]);
        entry.answer.clone_from(&texts[2]);
        entry.error.clone_from(&texts[3]);
        entry.model = texts[4].clone().unwrap_or_default();
        entry.redactions = texts[5].iter().map(|name| (name.clone(), u32::MAX)).collect();
        entry.ts = Timestamp(numbers[0]);
        entry.tokens.total = numbers[1];
        entry.cost_micros = numbers[2];
        let record = Record::seal(entry, link(numbers[3], Hash::ZERO, Vec::new()));
        prop_assert_eq!(Record::from_line(&record.to_line()).unwrap(), record);
    }
}
