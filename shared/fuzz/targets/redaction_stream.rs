//! However a text is cut, the stream's output is that of the whole. The first byte says where it is cut.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use shared::guards::redact::Redactor;

static REDACTOR: LazyLock<Redactor> = LazyLock::new(Redactor::standard);

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    let size = usize::from(*cut % 31) + 1;

    let whole = REDACTOR.redact(&text);
    let mut stream = REDACTOR.stream();
    let mut out = String::new();
    text.as_bytes().chunks(size).for_each(|piece| stream.push(piece, &mut out));
    let found = stream.finish(&mut out);
    assert_eq!((out.as_str(), &found), (&*whole.text, &whole.found));

    let whole = REDACTOR.redact_json_text(&text);
    let mut stream = REDACTOR.json_stream();
    let mut out = String::new();
    text.as_bytes().chunks(size).for_each(|piece| stream.push(piece, &mut out));
    let found = stream.finish(&mut out);
    assert_eq!((out.as_str(), &found), (&*whole.text, &whole.found));
});
