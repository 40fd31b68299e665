//! Reads a request's body, no larger and no slower than allowed.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::problem::{Code, Problem};

/// How long a body may take to arrive. At 5 MiB that is some 1.4 Mbit/s.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

/// How much of a refused body is read and thrown away, so that a client which is still sending gets to read the
/// answer, instead of an error about its connection.
const THROWN_AWAY_BYTES: usize = 32 << 20;

/// Reads all of a JSON body.
///
/// # Errors
/// A [`Problem`] when its type is not JSON, it is too large, or it does not arrive.
pub async fn read<B>(headers: &HeaderMap, body: B, limit: usize) -> Result<Bytes, Problem>
where
    B: Body + Unpin,
    B::Data: Buf,
{
    if let Err(problem) = check_type(headers).and_then(|()| check_length(headers, limit)) {
        throw_away(headers, body).await;
        return Err(problem);
    }
    timeout(ARRIVES_WITHIN, collect(headers, body, limit))
        .await
        .unwrap_or_else(|_| Err(Problem::new(Code::BodyIncomplete, "the body did not arrive in time")))
}

/// Lets a refused request's body arrive, within bounds.
pub async fn throw_away<B: Body + Unpin>(headers: &HeaderMap, mut body: B)
where
    B::Data: Buf,
{
    // Who expects a `100 Continue` has not sent the body and waits for our word.
    if headers.contains_key(EXPECT) {
        return;
    }
    let mut left = THROWN_AWAY_BYTES;
    let rest = async {
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Buf::remaining);
            let Some(less) = left.checked_sub(length) else { return };
            left = less;
        }
    };
    // Whether it came to its end makes no difference.
    let _late = timeout(ARRIVES_WITHIN, rest).await;
}

async fn collect<B>(headers: &HeaderMap, mut body: B, limit: usize) -> Result<Bytes, Problem>
where
    B: Body + Unpin,
    B::Data: Buf,
{
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(Code::BodyIncomplete, "the body broke off before its end"))?;
        let Ok(data) = frame.into_data() else { continue };
        if all.len() + data.remaining() > limit {
            throw_away(headers, body).await;
            return Err(too_large(limit));
        }
        let mut data = data;
        while data.has_remaining() {
            let length = data.chunk().len();
            all.extend_from_slice(data.chunk());
            data.advance(length);
        }
    }
    Ok(all.freeze())
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Problem::new(Code::ContentType, "send the body without Content-Encoding"));
    }
    let Some(kind) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let essence = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(Code::ContentType, "send the body with the header Content-Type: application/json"))
}

fn check_length(headers: &HeaderMap, limit: usize) -> Result<(), Problem> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) { Err(too_large(limit)) } else { Ok(()) }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("the body is larger than {limit} bytes; send less, or smaller media"))
}
