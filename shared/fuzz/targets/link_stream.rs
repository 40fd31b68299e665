//! However a text is cut, addresses are taken out as they are of the whole, and never more than 2 KiB are held. The
//! first byte says where it is cut.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use shared::guards::links::{LinkStream, Links, Settings};

static LINKS: LazyLock<Links> = LazyLock::new(|| Links::new(&Settings::default()).expect("the default's hosts are hosts"));

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    let size = usize::from(*cut % 31) + 4;
    check(LINKS.stream(), LINKS.stream(), &text, size, 2048);
    // An escape may stand for each byte that is held.
    check(LINKS.json_stream(), LINKS.json_stream(), &text, size, 6 * 2048 + 12);
});

fn check(mut whole: LinkStream, mut stream: LinkStream, text: &str, size: usize, most: usize) {
    let (mut expected, mut out) = (String::new(), String::new());
    whole.push(text, &mut expected);
    let wanted = whole.finish(&mut expected);
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(rest.floor_char_boundary(size.min(rest.len())));
        stream.push(piece, &mut out);
        assert!(stream.held() <= most, "{} bytes are held", stream.held());
        rest = tail;
    }
    assert_eq!((stream.finish(&mut out), out), (wanted, expected));
}
