//! The same events come out however the bytes are cut, and whatever they say is read as an answer, an error or garbage.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::google::sse::Reader;
use shared::google::{error, wire};

fn read(bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut reader = Reader::default();
    let mut events = Vec::new();
    for piece in bytes.chunks(size) {
        if reader.push(piece).is_err() {
            break;
        }
        events.extend(std::iter::from_fn(|| reader.next_event()));
    }
    events
}

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else { return };
    let whole = read(bytes, bytes.len().max(1));
    assert_eq!(read(bytes, usize::from(*cut % 17) + 1), whole);
    for event in whole {
        let _ = error::in_stream(&event);
        let _ = wire::answer(&event);
    }
});
