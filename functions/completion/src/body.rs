//! Reads a request's body, no larger and no slower than allowed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
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

/// What one caller may take of it, in bytes of body: others then always find some, unless there are several such.
const OF_A_CALLER_BYTES: usize = ROOM_BYTES / 2;

/// Room for bodies. Whoever finds none waits for it, as long as for a body.
#[derive(Clone, Debug)]
pub struct Room(Arc<Shares>);

#[derive(Debug)]
struct Shares {
    all: Arc<Semaphore>,
    /// Of callers who hold or wait for some.
    of_callers: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// What a request holds of the room until it is answered.
#[derive(Debug)]
pub struct Held {
    of_caller: OwnedSemaphorePermit,
    of_all: OwnedSemaphorePermit,
}

impl Default for Room {
    fn default() -> Self {
        let all = Arc::new(Semaphore::new(ROOM_BYTES / SHARE_BYTES));
        Self(Arc::new(Shares { all, of_callers: Mutex::default() }))
    }
}

impl Room {
    /// Takes room for a caller's body before it is read: for as much as its headers say, or else for the largest.
    ///
    /// # Errors
    /// A [`Problem`] when none came free.
    pub async fn take(&self, caller: &str, headers: &HeaderMap, limit: usize) -> Result<Held, Problem> {
        let shares = shares(length(headers).unwrap_or(limit).min(limit));
        let own = self.0.of_caller(caller);
        let taking = async {
            // First one's own, so that who waits for it is in nobody else's way.
            let of_caller = own.acquire_many_owned(shares).await?;
            let of_all = self.0.all.clone().acquire_many_owned(shares).await?;
            Ok::<_, AcquireError>(Held { of_caller, of_all })
        };
        timeout(ARRIVES_WITHIN, taking).await.ok().and_then(Result::ok).ok_or_else(|| {
            let problem = Problem::new(Code::Overloaded, "too much is being answered at once; try again");
            Problem { retry_after: Some(Duration::from_secs(1)), ..problem }
        })
    }
}

impl Shares {
    fn of_caller(&self, caller: &str) -> Arc<Semaphore> {
        let mut of_callers = self.of_callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = of_callers.get(caller).and_then(Weak::upgrade) {
            return own;
        }
        of_callers.retain(|_, own| own.strong_count() > 0);
        let own = Arc::new(Semaphore::new(OF_A_CALLER_BYTES / SHARE_BYTES));
        of_callers.insert(caller.to_owned(), Arc::downgrade(&own));
        own
    }
}

impl Held {
    /// Gives back what a body of this length does not need, once it has been read.
    pub fn shrink(&mut self, bytes: usize) {
        for held in [&mut self.of_caller, &mut self.of_all] {
            let spare = held.num_permits().saturating_sub(usize::try_from(shares(bytes)).unwrap_or(usize::MAX));
            drop(held.split(spare));
        }
    }
}

fn shares(bytes: usize) -> u32 {
    let shares = bytes.div_ceil(SHARE_BYTES).clamp(1, OF_A_CALLER_BYTES / SHARE_BYTES);
    u32::try_from(shares).unwrap_or(u32::MAX)
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

    const LIMIT: usize = 5 << 20;

    /// Bodies of no length that is told, one after the other, until there is no room.
    async fn held(room: &Room, caller: &str) -> Vec<Held> {
        let mut held = Vec::new();
        loop {
            match room.take(caller, &HeaderMap::new(), LIMIT).await {
                Ok(more) => held.push(more),
                Err(problem) => {
                    assert_eq!(problem.code, Code::Overloaded);
                    return held;
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_together_are_too_large_wait_for_one_another() {
        let room = Room::default();
        let (mut one, two) = (held(&room, "one").await, held(&room, "two").await);
        assert_eq!(one.len() + two.len(), 2 * (OF_A_CALLER_BYTES / LIMIT));
        assert_eq!(held(&room, "three").await.len(), 0);
        one.pop();
        assert_eq!(held(&room, "three").await.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_caller_leaves_room_for_others_however_much_it_sends() {
        let room = Room::default();
        let greedy = held(&room, "greedy").await;
        assert!(!greedy.is_empty());
        assert!(room.take("modest", &HeaderMap::new(), LIMIT).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_turns_out_small_takes_little_room_while_it_is_answered() {
        let room = Room::default();
        let mut small = Vec::new();
        for _ in 0..200 {
            let mut held = room.take("app", &HeaderMap::new(), LIMIT).await.unwrap();
            held.shrink(100);
            small.push(held);
        }
        let (all, own) = (room.0.all.available_permits(), room.0.of_caller("app").available_permits());
        assert_eq!((all, own), (ROOM_BYTES / SHARE_BYTES - 200, OF_A_CALLER_BYTES / SHARE_BYTES - 200));
        drop(small);
        assert_eq!(room.0.all.available_permits(), ROOM_BYTES / SHARE_BYTES);
        // Nobody is remembered who holds nothing.
        drop(room.take("other", &HeaderMap::new(), LIMIT).await);
        let _held = room.take("third", &HeaderMap::new(), LIMIT).await.unwrap();
        assert_eq!(room.0.of_callers.lock().unwrap().len(), 1);
    }
}
