//! Reads a request's body, no larger and no slower than allowed.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::problem::{Code, Problem};

/// How long a body may take to arrive. At 5 MiB that is some 1.4 Mbit/s.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

/// How much of a refused body is read and thrown away, so that a client which is still sending gets to read the
/// answer, instead of an error about its connection.
const THROWN_AWAY_BYTES: usize = 32 << 20;

/// Memory for bodies that are being answered, in bytes of body: what is made of them takes a few times as much.
const ROOM_BYTES: usize = 64 << 20;

/// What a body takes at least of it. Small requests are bounded by their number, [`ROOM_BYTES`] over this.
const SHARE_BYTES: usize = 16 << 10;

/// Room for bodies. Whoever finds none waits for it, as long as for a body.
#[derive(Clone, Debug)]
pub struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM_BYTES / SHARE_BYTES)))
    }
}

impl Room {
    /// Takes room for a request's body, to be held until it is answered.
    ///
    /// # Errors
    /// A [`Problem`] when none came free.
    pub async fn take(&self, headers: &HeaderMap, limit: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let bytes = length(headers).unwrap_or(limit).min(limit);
        let shares = bytes.div_ceil(SHARE_BYTES).clamp(1, ROOM_BYTES / SHARE_BYTES);
        let shares = u32::try_from(shares).unwrap_or(u32::MAX);
        let taken = timeout(ARRIVES_WITHIN, self.0.clone().acquire_many_owned(shares)).await;
        taken.ok().and_then(Result::ok).ok_or_else(|| {
            let problem = Problem::new(Code::Overloaded, "too much is being answered at once; try again");
            Problem { retry_after: Some(Duration::from_secs(1)), ..problem }
        })
    }
}

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
    if length(headers).is_some_and(|length| length > limit) { Err(too_large(limit)) } else { Ok(()) }
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("the body is larger than {limit} bytes; send less, or smaller media"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bodies_that_together_are_too_large_wait_for_one_another() {
        let (room, limit) = (Room::default(), 5 << 20);
        let headers = HeaderMap::new();
        let mut held = Vec::new();
        for _ in 0..ROOM_BYTES / limit {
            held.push(room.take(&headers, limit).await.unwrap());
        }
        assert_eq!(room.take(&headers, limit).await.unwrap_err().code, Code::Overloaded);
        held.pop();
        held.push(room.take(&headers, limit).await.unwrap());
    }
}
