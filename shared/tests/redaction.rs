//! The promise of the stream: however a text is cut, it is redacted exactly as the whole.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use shared::guards::redact::{Found, OperatorPattern, RedactionStream, Redactor, Settings};

#[path = "../src/guards/redact/tests/samples.rs"]
mod samples;

use samples::{WORD, follows, private_key, random, samples};

/// Feeds a stream piece by piece.
fn streamed(mut stream: RedactionStream, bytes: &[u8], cuts: &[Index]) -> (String, Found) {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    let mut out = String::new();
    for pair in cuts.windows(2) {
        stream.push(&bytes[pair[0]..pair[1]], &mut out);
    }
    let found = stream.finish(&mut out);
    (out, found)
}

fn byte_by_byte(mut stream: RedactionStream, bytes: &[u8]) -> (String, Found) {
    let mut out = String::new();
    for byte in bytes {
        stream.push(&[*byte], &mut out);
    }
    let found = stream.finish(&mut out);
    (out, found)
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let whole: Vec<String> = samples().into_iter().map(|s| [s.context, &s.secret, follows(s.name)].concat()).collect();
    let cut = whole.clone();
    let bits = [
        " ",
        "\n",
        "\\n",
        "\\",
        "\"",
        "{\"a\":\"",
        "\",",
        "@",
        ".",
        ":",
        "/",
        "-",
        "=",
        "1",
        "-1.5e3",
        "a",
        "é",
        "値",
        "😀",
        "-----BEGIN ",
        "PRIVATE KEY-----",
        "-----END ",
        "Proc-Type: 4",
        "DEK-",
        "QUJD",
        "https://",
        "password is ",
        "Phone: ",
        "section 1.2.3.4",
        "\\u0040",
        "\\u00",
        "\\ud83d",
        "\\ude00",
        "\\/",
        "\\\"",
        "EMP-1234",
        "xxyx",
        "[REDACTED:email]",
        "\u{FFFD}",
    ];
    prop_oneof![
        4 => prop::sample::select(whole).prop_map(String::into_bytes),
        2 => (prop::sample::select(cut), any::<Index>()).prop_map(|(text, at)| text.as_bytes()[..at.index(text.len())].to_vec()),
        6 => prop::sample::select(bits.map(str::as_bytes).map(<[u8]>::to_vec).to_vec()),
        1 => "[0-9 .:-]{1,20}".prop_map(String::into_bytes),
        1 => any::<char>().prop_map(|c| String::from(c).into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(piece(), 0..12).prop_map(|pieces| pieces.concat())
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..12)
}

/// A finite pattern that is never empty, often near the pieces.
fn pattern() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        Just("EMP-".to_owned()),
        Just("[xy]".to_owned()),
        Just("[0-9]".to_owned()),
        Just("@".to_owned()),
        Just("\"".to_owned()),
        Just("\\\\".to_owned()),
        Just("値".to_owned()),
        Just("(?s:.)".to_owned()),
        Just("[^a-z]".to_owned()),
        Just("(?:ab|a|é😀)".to_owned()),
    ];
    let counted =
        (atom, 1..4_u32, 0..3_u32).prop_map(|(atom, least, more)| format!("(?:{atom}){{{least},{}}}", least + more));
    prop::collection::vec(counted, 1..4).prop_map(|parts| parts.concat())
}

fn redactor(patterns: Vec<String>, off: &[usize]) -> Redactor {
    let names: Vec<&str> = Redactor::types().map(|(name, _)| name).collect();
    let types = off.iter().map(|at| (names[at % names.len()].to_owned(), false)).collect::<BTreeMap<_, _>>();
    let named = |(at, pattern)| OperatorPattern { name: format!("own_{at}"), pattern };
    let patterns = patterns.into_iter().enumerate().map(named).collect();
    Redactor::new(&Settings { types, patterns, ..Settings::default() }).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_is_redacted_as_the_whole(bytes in text(), cuts in cuts()) {
        let redactor = Redactor::standard();
        let lossy = String::from_utf8_lossy(&bytes);
        let whole = redactor.redact(&lossy);
        let (text, found) = streamed(redactor.stream(), &bytes, &cuts);
        prop_assert_eq!(&text, &whole.text);
        prop_assert_eq!(&found, &whole.found);
        prop_assert_eq!(byte_by_byte(redactor.stream(), &bytes), (text, found));
    }

    #[test]
    fn a_json_stream_is_redacted_as_the_whole(bytes in text(), cuts in cuts()) {
        let redactor = Redactor::standard();
        let whole = redactor.redact_json_text(&String::from_utf8_lossy(&bytes));
        let (text, found) = streamed(redactor.json_stream(), &bytes, &cuts);
        prop_assert_eq!(&text, &whole.text);
        prop_assert_eq!(&found, &whole.found);
        prop_assert_eq!(byte_by_byte(redactor.json_stream(), &bytes), (text, found));
    }

    #[test]
    fn operator_patterns_keep_the_promise(
        bytes in text(), cuts in cuts(), patterns in prop::collection::vec(pattern(), 1..4), off in prop::collection::vec(0..99_usize, 0..4),
    ) {
        let redactor = redactor(patterns, &off);
        let lossy = String::from_utf8_lossy(&bytes);
        let whole = redactor.redact(&lossy);
        prop_assert_eq!(streamed(redactor.stream(), &bytes, &cuts), (whole.text.into_owned(), whole.found));
        let whole = redactor.redact_json_text(&lossy);
        prop_assert_eq!(streamed(redactor.json_stream(), &bytes, &cuts), (whole.text.into_owned(), whole.found));
    }

    #[test]
    fn spans_are_what_is_replaced(bytes in text()) {
        let redactor = Redactor::standard();
        let text = String::from_utf8_lossy(&bytes);
        let (mut rebuilt, mut at) = (String::new(), 0);
        for span in redactor.spans(&text) {
            rebuilt.push_str(&text[at..span.range.start]);
            rebuilt.push_str(&format!("[REDACTED:{}]", span.name));
            at = span.range.end;
        }
        rebuilt.push_str(&text[at..]);
        prop_assert_eq!(rebuilt, redactor.redact(&text).text);
    }

    #[test]
    fn json_stays_json(pieces in prop::collection::vec(piece(), 0..6), number in any::<i64>(), cuts in cuts()) {
        let strings: Vec<String> = pieces.iter().map(|piece| String::from_utf8_lossy(piece).into_owned()).collect();
        let card = 4_111_111_111_111_111_u64;
        let value = serde_json::json!({ "strings": strings, "numbers": [number, card, 1.5], strings.concat(): card });
        let text = value.to_string().replace('@', "\\u0040").replace('/', "\\/");
        let redactor = Redactor::standard();
        let (redacted, found) = streamed(redactor.json_stream(), text.as_bytes(), &cuts);
        let parsed: serde_json::Value = serde_json::from_str(&redacted).unwrap();
        prop_assert!(found.get("credit_card").is_some_and(|count| *count >= 1));
        prop_assert_eq!(&parsed["numbers"][1], "[REDACTED:credit_card]");
        prop_assert_eq!(parsed["strings"].as_array().unwrap().len(), strings.len());
    }
}

#[test]
fn a_private_keys_header_takes_nothing_of_the_next_string_of_json() {
    let header = ["-----BEGIN RSA PRIVATE", " KEY-----"].concat();
    let text = serde_json::json!([header, "\n", "next"]).to_string();
    let (redacted, _) = streamed(Redactor::standard().json_stream(), text.as_bytes(), &[]);
    assert_eq!(redacted, "[\"[REDACTED:private_key]\",\"\\n\",\"next\"]");
}

#[test]
fn text_without_secrets_is_never_held_beyond_a_word() {
    let text =
        "The quick brown fox jumps over the lazy dog, and nobody minds: 12 times a day, in 2024 and after. ".repeat(40);
    let (mut stream, mut out, mut most) = (Redactor::standard().stream(), String::new(), 0);
    for byte in text.bytes() {
        stream.push(&[byte], &mut out);
        most = most.max(stream.held());
    }
    assert!(most < 16, "{most} bytes were held");
    stream.finish(&mut out);
    assert_eq!(out, text);
}

#[test]
fn a_key_longer_than_any_buffer_is_swallowed_without_being_held() {
    let line = random(WORD, 64) + "\n";
    let key = private_key("RSA ", "\n").replacen("-----\n", &format!("-----\n{}", line.repeat(900)), 1);
    let (mut stream, mut out, mut most) = (Redactor::standard().stream(), String::new(), 0);
    for chunk in format!("a {key} b").as_bytes().chunks(7) {
        stream.push(chunk, &mut out);
        most = most.max(stream.held());
    }
    let found = stream.finish(&mut out);
    assert_eq!((out.as_str(), found["private_key"]), ("a [REDACTED:private_key] b", 1));
    assert!(most < 100, "{most} bytes were held");
}

#[test]
fn a_stream_can_be_sent_to_another_thread() {
    fn sent<T: Send + 'static>(_: &T) {}
    sent(&Redactor::standard().stream());
}
