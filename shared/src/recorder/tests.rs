use std::pin::pin;

use super::*;
use crate::audit::Kind;
use crate::audit::chain::faults;
use crate::clock::{ManualClock, Timestamp};
use crate::fakes::{Fate, Queue, entry};

const WRITER: WriterId = WriterId::new([1; 16]);

fn recorder(queue: &Queue) -> Recorder<Queue, ManualClock> {
    Recorder::new(WRITER, queue.clone(), ManualClock::at(Timestamp(1_700_000_000_123)))
}

/// Polls once; the fakes answer at once or never.
fn poll<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn voids(queue: &Queue) -> Vec<Vec<u64>> {
    queue.records().iter().map(|record| record.voids.iter().map(|void| void.seq).collect()).collect()
}

#[test]
fn records_form_a_chain() {
    let queue = Queue::default();
    let recorder = recorder(&queue);
    for seq in 0..4 {
        let receipt = poll(recorder.record(entry(Kind::Intent))).unwrap().unwrap();
        assert_eq!(receipt.seq, seq);
        assert_eq!(Uuid::parse_str(&receipt.record_id).unwrap().get_version_num(), 7);
    }
    assert_eq!(faults(WRITER, &queue.records(), None), []);
    assert_eq!(queue.records().len(), 4);
}

#[test]
fn after_a_days_silence_another_chain_begins_unless_there_are_voids_to_name() {
    let queue = Queue::default();
    let recorder = recorder(&queue);
    let clock = &recorder.clock;
    let record = || poll(recorder.record(entry(Kind::Intent))).unwrap();
    record().unwrap();
    clock.advance(SILENCE);
    assert_eq!(record().unwrap().seq, 1);
    queue.set_down(true);
    record().unwrap_err();
    queue.set_down(false);
    clock.advance(SILENCE * 2);
    assert_eq!(record().unwrap().seq, 3);
    clock.advance(SILENCE * 2);
    assert_eq!(record().unwrap().seq, 0);
    assert_eq!(record().unwrap().seq, 1);
    let records = queue.records();
    let second = records.last().unwrap().writer_id;
    assert_ne!(second, WRITER);
    let (first, next): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| record.writer_id == WRITER);
    assert_eq!((faults(WRITER, &first, None), faults(second, &next, None)), (vec![], vec![]));
}

#[test]
fn a_failing_send_is_repeated_with_the_same_bytes() {
    let queue = Queue::default();
    let recorder = recorder(&queue);
    queue.expect([Fate::KeepAndFail, Fate::Fail]);
    poll(recorder.record(entry(Kind::Intent))).unwrap().unwrap();
    let records = queue.records();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].to_line(), records[1].to_line());
    assert_eq!(faults(WRITER, &records, None), []);
}

#[test]
fn a_record_that_could_not_be_sent_is_named_void_by_the_next() {
    let queue = Queue::default();
    let recorder = recorder(&queue);
    poll(recorder.record(entry(Kind::Intent))).unwrap().unwrap();
    queue.set_down(true);
    poll(recorder.record(entry(Kind::Intent))).unwrap().unwrap_err();
    poll(recorder.record(entry(Kind::Intent))).unwrap().unwrap_err();
    queue.set_down(false);
    poll(recorder.record(entry(Kind::Intent))).unwrap().unwrap();
    poll(recorder.record(entry(Kind::Intent))).unwrap().unwrap();
    // The second failure was to name the first: what it was to say is said by the record after it.
    assert_eq!(voids(&queue), [vec![], vec![1, 2], vec![]]);
    assert_eq!(faults(WRITER, &queue.records(), None), []);
}

#[test]
fn after_a_long_outage_the_next_records_name_all_voids_between_them() {
    let queue = Queue::default();
    let recorder = recorder(&queue);
    queue.set_down(true);
    for _ in 0..VOIDS + 10 {
        poll(recorder.record(entry(Kind::Intent))).unwrap().unwrap_err();
    }
    queue.set_down(false);
    for _ in 0..3 {
        poll(recorder.record(entry(Kind::Intent))).unwrap().unwrap();
    }
    assert_eq!(voids(&queue).iter().map(Vec::len).collect::<Vec<_>>(), [VOIDS, 10, 0]);
    assert_eq!(faults(WRITER, &queue.records(), None), []);
}

#[test]
fn a_void_that_was_kept_after_all_is_no_fault() {
    let queue = Queue::default();
    let recorder = recorder(&queue);
    queue.expect([Fate::KeepAndFail, Fate::Fail, Fate::Fail]);
    poll(recorder.record(entry(Kind::Intent))).unwrap().unwrap_err();
    poll(recorder.record(entry(Kind::Outcome))).unwrap().unwrap();
    assert_eq!(voids(&queue), [vec![], vec![0]]);
    assert_eq!(faults(WRITER, &queue.records(), None), []);
}

#[test]
fn a_record_dropped_half_way_is_named_void_by_the_next() {
    let queue = Queue::default();
    let recorder = recorder(&queue);
    queue.expect([Fate::Hang]);
    assert!(poll(recorder.record(entry(Kind::Intent))).is_none());
    poll(recorder.record(entry(Kind::Intent))).unwrap().unwrap();
    assert_eq!(voids(&queue), [vec![0]]);
    assert_eq!(faults(WRITER, &queue.records(), None), []);
}

#[test]
fn a_future_that_was_never_polled_takes_no_place() {
    let queue = Queue::default();
    let recorder = recorder(&queue);
    drop(recorder.record(entry(Kind::Intent)));
    assert_eq!(poll(recorder.record(entry(Kind::Intent))).unwrap().unwrap().seq, 0);
}
