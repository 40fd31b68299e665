//! Work that an event asks for, done once for each: as invocations of a Lambda function, or as one run of a process
//! that reads its event from standard input and tells by its exit code how it went.

use std::future::Future;
use std::io::{self, IsTerminal as _, Read as _, Write as _};

use bytes::Bytes;

use super::{Deadline, Error, Runtime};
use crate::config::Strings;

/// The most that is read from standard input: as much as Lambda hands over, in bytes.
const MOST_BYTES: u64 = 6 << 20;

/// One piece of work.
#[derive(Clone, Debug)]
pub struct Task {
    /// What asks for it, mostly JSON. Outside Lambda it may be empty.
    pub event: Bytes,
    /// When the platform ends the process, whatever it is doing. Outside Lambda nothing does.
    pub deadline: Option<Deadline>,
}

/// The work was not done. The log says why; whoever asked is told this stable name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undone(pub &'static str);

/// Does the work of each event with `work`, which returns what is answered (JSON): on Lambda one at a time, until `stop`
/// is done; elsewhere once, for what stands on standard input.
///
/// # Errors
/// [`Error::Runtime`] when Lambda has no further event to give; [`Error::Undone`], outside Lambda only, when the work was
/// not done; [`Error::Input`] and [`Error::Output`] likewise.
pub async fn work<F, W>(strings: &dyn Strings, work: F, stop: impl Future<Output = ()>) -> Result<(), Error>
where
    F: Fn(Task) -> W,
    W: Future<Output = Result<Bytes, Undone>> + Send + 'static,
{
    if let Some(runtime) = Runtime::of(strings) {
        return runtime.work(work, stop).await.map_err(Error::Runtime);
    }
    let task = Task { event: input().map_err(Error::Input)?, deadline: None };
    let answer = tokio::select! {
        () = stop => return Err(Error::Undone("stopped")),
        done = work(task) => done.map_err(|Undone(code)| Error::Undone(code))?,
    };
    let mut out = io::stdout().lock();
    out.write_all(&answer).and_then(|()| out.write_all(b"\n")).map_err(Error::Output)
}

/// What stands on standard input; nothing where a person sits at it.
fn input() -> io::Result<Bytes> {
    let mut event = Vec::new();
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        stdin.lock().take(MOST_BYTES).read_to_end(&mut event)?;
    }
    Ok(event.into())
}
