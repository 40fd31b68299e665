//! A body that is far too large: refused, and never held in memory.

use tests::gate::Gate;
use tests::gemini::{Gemini, Script, answer};
use tests::wait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{GENERATE, assert_error, gate_before, prompt};

/// Larger than the 6 MB that Lambda takes.
const HUGE: usize = 20 << 20;

async fn gate() -> (Gemini, Gate) {
    gate_before(Script::json(200, &answer::text("hi"))).await
}

#[tokio::test]
async fn who_asks_before_sending_20_mb_is_told_not_to() {
    let (gemini, gate) = gate().await;
    let head = post_head(&gate, &format!("content-length: {HUGE}\r\nexpect: 100-continue"));
    let answer = gate.client().raw(head.as_bytes(), |read| text(read).contains("\"error\"")).await;
    assert!(text(&answer).starts_with("HTTP/1.1 413"), "{}", text(&answer));
    assert!(gemini.requests().is_empty(), "Gemini was asked");
}

#[tokio::test]
async fn a_body_of_20_mb_is_refused_and_not_kept() {
    let (gemini, gate) = gate().await;
    assert_eq!(gate.client().post(GENERATE, &prompt("hi")).await.status, 200);
    let before = gate.peak_memory();
    let reply = gate.client().post_bytes(GENERATE, prompt(&"x".repeat(HUGE)).to_string()).await;
    assert_error(&reply, 413, "INVALID_ARGUMENT");
    assert_kept_little(before, gate.peak_memory());
    assert_eq!(gemini.requests().len(), 1, "Gemini was asked");
}

#[tokio::test]
async fn a_body_of_20_mb_that_does_not_tell_its_length_is_refused_and_not_kept() {
    let (gemini, gate) = gate().await;
    assert_eq!(gate.client().post(GENERATE, &prompt("hi")).await.status, 200);
    let before = gate.peak_memory();
    let socket = wait::done("connect", TcpStream::connect(gate.endpoint.trim_start_matches("http://")).await);
    let (mut reader, mut writer) = socket.into_split();
    wait::done("write", writer.write_all(post_head(&gate, "transfer-encoding: chunked").as_bytes()).await);
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let writing = async {
        let chunks = std::iter::repeat_n(chunk.as_str(), HUGE / 0x10000).chain(["0\r\n\r\n"]);
        for chunk in chunks {
            // A gate may hang up on a body that it does not want.
            if writer.write_all(chunk.as_bytes()).await.is_err() {
                break;
            }
        }
    };
    let mut answer = Vec::new();
    let reading = async {
        while !text(&answer).contains("\"error\"") && reader.read_buf(&mut answer).await.is_ok_and(|read| read > 0) {}
    };
    wait::within("the refusal of 20 MB", async { tokio::join!(writing, reading) }).await;
    assert!(text(&answer).starts_with("HTTP/1.1 413"), "{}", text(&answer));
    assert_kept_little(before, gate.peak_memory());
    assert_eq!(gemini.requests().len(), 1, "Gemini was asked");
}

/// The limit is 5 MB, and a buffer that grows is twice as large at most.
fn assert_kept_little(before: Option<u64>, after: Option<u64>) {
    // Only Linux tells; elsewhere the answer alone is checked.
    if let (Some(before), Some(after)) = (before, after) {
        assert!(after - before < 16 << 20, "the gate grew from {before} to {after} bytes");
    }
}

fn post_head(gate: &Gate, length: &str) -> String {
    let (host, key) = (gate.endpoint.trim_start_matches("http://"), &gate.key);
    format!(
        "POST {GENERATE} HTTP/1.1\r\nhost: {host}\r\nx-goog-api-key: {key}\r\ncontent-type: application/json\r\n{length}\r\n\r\n"
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
