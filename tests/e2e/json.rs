//! What is JSON, and what only looks like it, told alike on both surfaces.

use serde_json::{Value, json};
use tests::client::Client;
use tests::gate::Setup;
use tests::gemini::{Gemini, Script, answer};

use crate::{GENERATE, ROOMY};

/// What becomes of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Taken,
    NotJson,
    Twice,
    TooDeep,
}

use Verdict::{NotJson, Taken, TooDeep, Twice};

/// A value within a body that is well formed around it.
const VALUES: &[(&[u8], Verdict)] = &[
    // Numbers, as RFC 8259 spells them and not.
    (b"0", Taken),
    (b"-0", Taken),
    (b"-0.0", Taken),
    (b"1.5e+10", Taken),
    (b"1E-2", Taken),
    (b"1e0", Taken),
    (b"9223372036854775807", Taken),
    (b"18446744073709551616", Taken),
    (b"-123456789012345678901234567890", Taken),
    (b"1e-400", Taken),
    (b"1e400", NotJson),
    (b"-1e400", NotJson),
    (b"01", NotJson),
    (b"-01", NotJson),
    (b"+1", NotJson),
    (b"-", NotJson),
    (b"- 1", NotJson),
    (b".5", NotJson),
    (b"5.", NotJson),
    (b"1.e5", NotJson),
    (b"1e", NotJson),
    (b"1e+", NotJson),
    (b"1 000", NotJson),
    (b"1_000", NotJson),
    (b"0x10", NotJson),
    (b"1f", NotJson),
    (b"NaN", NotJson),
    (b"-NaN", NotJson),
    (b"Infinity", NotJson),
    (b"-Infinity", NotJson),
    (b"\xef\xbc\x91", NotJson),
    // Words.
    (b"true", Taken),
    (b"false", Taken),
    (b"null", Taken),
    (b"True", NotJson),
    (b"nul", NotJson),
    (b"truefalse", NotJson),
    (b"undefined", NotJson),
    // Strings.
    (br#""""#, Taken),
    (br#""\"\\\/\b\f\n\r\t""#, Taken),
    (br#""\u0000\u001f""#, Taken),
    (br#""\u00e9\u00E9""#, Taken),
    (br#""\ud83d\ude00""#, Taken),
    (br#""\uffff\ufdd0""#, Taken),
    (b"\"\x7f\"", Taken),
    ("\"\u{2028}\u{2029}\u{feff}\u{10ffff}\"".as_bytes(), Taken),
    (br#""\ud83d""#, NotJson),
    (br#""\ude00\ud83d""#, NotJson),
    (br#""\ud83d\u0041""#, NotJson),
    (br#""\ud83dx""#, NotJson),
    (br#""\u12""#, NotJson),
    (br#""\u12G4""#, NotJson),
    (br#""\U0041""#, NotJson),
    (br#""\x41""#, NotJson),
    (br#""\a""#, NotJson),
    (br#""\'""#, NotJson),
    (b"\"\t\"", NotJson),
    (b"\"\n\"", NotJson),
    (b"\"\0\"", NotJson),
    (b"'single'", NotJson),
    (br#""open"#, NotJson),
    (br#""open\"#, NotJson),
    // Bytes that are no UTF-8: cut, too long, a surrogate, beyond Unicode, Latin-1.
    (b"\"\xff\"", NotJson),
    (b"\"\xc3\"", NotJson),
    (b"\"\xc0\xaf\"", NotJson),
    (b"\"\xe0\x80\xaf\"", NotJson),
    (b"\"\xed\xa0\x80\"", NotJson),
    (b"\"\xf4\x90\x80\x80\"", NotJson),
    (b"\"\xe9\"", NotJson),
    // Lists and objects.
    (b"[]", Taken),
    (b"[ 1 , [2,\t{}] ,\r\n3 ]", Taken),
    (b"[1,]", NotJson),
    (b"[,1]", NotJson),
    (b"[1,,2]", NotJson),
    (b"[1 2]", NotJson),
    (b"[1:2]", NotJson),
    (b"[1", NotJson),
    (b"[1}", NotJson),
    (b"[1]]", NotJson),
    (b"[\x0c1]", NotJson),
    (b"[\xc2\xa01]", NotJson),
    (b"{}", Taken),
    (br#"{"":0}"#, Taken),
    (br#"{"a":{"a":0},"b":[{"a":0},{"a":0}]}"#, Taken),
    (br#"{"a":0,}"#, NotJson),
    (br#"{,"a":0}"#, NotJson),
    (br#"{"a":0,,"b":0}"#, NotJson),
    (br#"{"a" 0}"#, NotJson),
    (br#"{"a":}"#, NotJson),
    (br#"{"a"}"#, NotJson),
    (br#"{"a"::0}"#, NotJson),
    (b"{a:0}", NotJson),
    (b"{1:0}", NotJson),
    (b"{null:0}", NotJson),
    (b"{'a':0}", NotJson),
    (b"{[]:0}", NotJson),
    // Two readers of one body that names a key twice may see two bodies.
    (br#"{"a":0,"a":0}"#, Twice),
    (br#"{"a":0,"\u0061":1}"#, Twice),
    (br#"[{"b":0,"a":{"c":0,"c":null}}]"#, Twice),
    (br#"{"":0,"":0}"#, Twice),
    (b"{\"\xc3\xa9\":0,\"\\u00e9\":0}", Twice),
    ("{\"\u{e9}\":0,\"e\u{301}\":0}".as_bytes(), Taken),
    (br#"{"a":0,"A":0}"#, Taken),
    // Comments.
    (b"/* none */ 1", NotJson),
    (b"1 // none\n", NotJson),
    (b"1 # none\n", NotJson),
];

/// Whose API is called.
#[derive(Clone, Copy)]
enum Api {
    Google,
    OpenAi,
}

use Api::{Google, OpenAi};

/// A body of a request with this value in a place that takes any.
fn around(api: Api, value: &[u8]) -> Vec<u8> {
    let marked = match api {
        Google => json!({
            "contents": [{"parts": [{"text": "hi"}]}],
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"any": "HERE"}}]}],
        }),
        OpenAi => json!({
            "model": "gemini-3.5-flash",
            "messages": [{"role": "user", "content": "hi"}],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"any": "HERE"}}}],
        }),
    };
    let text = marked.to_string();
    let (before, after) = text.split_once("\"HERE\"").unwrap();
    [before.as_bytes(), value, after.as_bytes()].concat()
}

async fn verdict(client: &Client, api: Api, body: Vec<u8>) -> Verdict {
    let path = match api {
        Google => GENERATE,
        OpenAi => "/v1/chat/completions",
    };
    let shown = body.escape_ascii().to_string();
    let reply = client.post_bytes(path, body).await;
    if reply.status == 200 {
        return Taken;
    }
    assert_eq!(reply.status, 400, "{shown}: {reply:?}");
    let told = reply.json();
    let code = match api {
        Google => &told["error"]["details"][0]["reason"],
        OpenAi => &told["error"]["code"],
    };
    match code.as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("invalid_json") => NotJson,
        Some("duplicate_key") => Twice,
        Some("too_deep") => TooDeep,
        _ => panic!("{shown}: {reply:?}"),
    }
}

/// Whole bodies, made of one that is taken.
fn bodies(api: Api) -> Vec<(Vec<u8>, Verdict)> {
    let good = around(api, b"0");
    let text = String::from_utf8(good.clone()).unwrap();
    let with = |before: &[u8], after: &[u8]| [before, &good, after].concat();
    let nested = |depth: usize| around(api, format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes());
    // How deep the place of the value is already.
    let place = match api {
        Google => 6,
        OpenAi => 5,
    };
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let half = good[..good.len() / 2].to_vec();
    let repeated = text.replacen('{', "{\"tools\":[],", 1).into_bytes();
    vec![
        (good.clone(), Taken),
        (with(b" \t\r\n", b"\n \r\n\t"), Taken),
        (Vec::new(), NotJson),
        (b" ".to_vec(), NotJson),
        (with(b"\xef\xbb\xbf", b""), NotJson),
        (wide, NotJson),
        (with(b"", b"\0"), NotJson),
        (with(b"", b"x"), NotJson),
        (with(b"", b"{}"), NotJson),
        (with(b"", b","), NotJson),
        (with(b")]}'\n", b""), NotJson),
        (with(b"\x1e", b"\n"), NotJson),
        (with(b"data: ", b"\n\n"), NotJson),
        (half, NotJson),
        (repeated, Twice),
        (nested(64 - place), Taken),
        (nested(65 - place), TooDeep),
        (nested(100_000), TooDeep),
        ("[".repeat(100_000).into_bytes(), TooDeep),
        ("{\"a\":".repeat(100_000).into_bytes(), TooDeep),
    ]
}

#[tokio::test]
async fn json_and_what_only_looks_like_it_are_told_apart_alike_on_both_surfaces() {
    let gemini = Gemini::start(|request| Script::answer(request, &answer::text("hi"))).await;
    let gate = Setup::default().policy(ROOMY).start(&gemini).await;
    let client = gate.client();
    let mut wrong = Vec::new();
    for api in [Google, OpenAi] {
        let values = VALUES.iter().map(|(value, wanted)| (around(api, value), *wanted));
        for (body, wanted) in values.chain(bodies(api)) {
            let start: Vec<u8> = body.iter().copied().take(300).collect();
            let found = verdict(&client, api, body).await;
            if found != wanted {
                wrong.push(format!("{found:?}, not {wanted:?}: {}", start.escape_ascii()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What was taken reached Gemini as JSON.
    let taken = VALUES.iter().filter(|(_, verdict)| *verdict == Taken).count();
    let requests = gemini.requests();
    assert!(requests.len() >= 2 * taken, "{} of {taken}", requests.len());
    assert!(requests.iter().all(|request| request.body.as_ref().is_some_and(Value::is_object)));
    gemini.assert_faultless();
}
