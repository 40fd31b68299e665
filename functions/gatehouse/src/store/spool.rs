//! The audit spool: append-only files of one writer, `DATA/spool/<writer>.ndjson` and what follows it, one record a line.
//!
//! A record is acknowledged once it is written and synced. Where the disk is quick about that, whoever brings a record
//! does it at once: handing it to a thread and waiting would take several times as long. Where it is not, a thread of
//! its own takes every record that waits, writes them with one write and makes them durable with one sync, so that a
//! hundred requests at once cost one sync and not a hundred, and none of them holds up anybody.
//!
//! A disk that was quick and stalls is felt by all: the chain's lock is held meanwhile, and a thread that answers
//! requests. After two such writes records go to the spool's own thread, until the disk has been quick for a while. What
//! is known to take long, making the next file, is left to that thread anyway.
//!
//! What stands in a file is never taken back once its line is whole, since a drain may have read it: only the torn
//! bytes after the last whole line are cut off. A file is locked while its writer writes to it, which tells the drain
//! whether more may come. A full one is left for the next, so that the drain can remove it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use shared::audit::{Record, WriterId};
use shared::ports::{AuditQueue, Unavailable};
use shared::telemetry::Chain;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Error, make_private_directory};
use file::Files;
use pace::Pace;

mod file;
mod pace;

/// A batch takes no more than this, so that a flood does not delay the first of it for long.
const BATCH_BYTES: usize = 4 << 20;

/// A file that has grown to this is left for the next: some ten thousand requests.
const FULL_BYTES: u64 = 16 << 20;

/// Where the spool files are.
pub(crate) fn directory(data: &Path) -> PathBuf {
    data.join("spool")
}

/// A writer's spool. Dropping it writes what still waits, then lets go of the file.
#[derive(Debug)]
pub(crate) struct Spool<L = Files> {
    writer: Arc<Mutex<Writer<L>>>,
    /// Records on their way to the thread or with it: what comes after them must not overtake them.
    queued: Arc<AtomicUsize>,
    queue: Option<mpsc::Sender<Waiting>>,
    thread: Option<JoinHandle<()>>,
}

struct Waiting {
    line: Vec<u8>,
    done: oneshot::Sender<Result<(), Arc<io::Error>>>,
}

impl Spool {
    /// Makes the writer's file and begins to write to it.
    pub(crate) fn open(data: &Path, writer: WriterId) -> Result<Self, Error> {
        let directory = directory(data);
        make_private_directory(&directory)?;
        let files = Files::begin(directory.clone(), writer)?;
        Self::over(Writer::new(files)).map_err(Error::file("write", &directory))
    }
}

impl<L: Log> Spool<L> {
    fn over(writer: Writer<L>) -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel();
        let (writer, queued) = (Arc::new(Mutex::new(writer)), Arc::new(AtomicUsize::new(0)));
        let (served, taken) = (Arc::clone(&writer), Arc::clone(&queued));
        let thread =
            std::thread::Builder::new().name("spool".to_owned()).spawn(move || run(&served, &taken, &waiting))?;
        Ok(Self { writer, queued, queue: Some(queue), thread: Some(thread) })
    }

    /// Writes a line on this thread, where the disk is quick, nobody is in the way and the file has room.
    fn at_once(&self, line: &[u8]) -> Option<io::Result<()>> {
        if self.queued.load(Ordering::SeqCst) > 0 {
            return None;
        }
        let mut writer = self.writer.try_lock().ok().filter(|writer| writer.pace.is_quick() && !writer.is_full())?;
        let (_, refusal) = writer.keep(&[line]);
        Some(refusal.map_or(Ok(()), Err))
    }
}

impl<L: Log> AuditQueue for Spool<L> {
    async fn append(&self, record: &Record) -> Result<(), Unavailable> {
        let mut line = record.to_line().into_bytes();
        line.push(b'\n');
        if let Some(kept) = self.at_once(&line) {
            return kept.map_err(unavailable);
        }
        let (done, written) = oneshot::channel();
        let stopped = || unavailable(io::Error::other("the spool has stopped"));
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        self.queued.fetch_add(1, Ordering::SeqCst);
        queue.send(Waiting { line, done }).map_err(|_| stopped())?;
        written.await.map_err(|_| stopped())?.map_err(unavailable)
    }
}

impl<L> Drop for Spool<L> {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // The thread does not panic; should it all the same, its records were never acknowledged.
            drop(thread.join());
        }
    }
}

fn unavailable(cause: impl std::error::Error + Send + Sync + 'static) -> Unavailable {
    Unavailable { store: "audit spool", cause: Box::new(cause) }
}

/// Writes what waits, all that there is at a time.
fn run<L: Log>(writer: &Mutex<Writer<L>>, queued: &AtomicUsize, waiting: &mpsc::Receiver<Waiting>) {
    while let Ok(first) = waiting.recv() {
        let mut bytes = first.line.len();
        let mut batch = vec![first];
        while bytes < BATCH_BYTES
            && let Ok(next) = waiting.try_recv()
        {
            bytes += next.line.len();
            batch.push(next);
        }
        let taken = batch.len();
        writer.lock().unwrap_or_else(PoisonError::into_inner).write(batch);
        queued.fetch_sub(taken, Ordering::SeqCst);
    }
}

/// What the spool asks of its file.
pub(crate) trait Log: Send + 'static {
    /// Appends some of the bytes and returns how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Makes durable what was appended.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to this length.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
    /// Goes on in a new, empty file. Where that fails it goes on in the old one.
    fn turn_over(&mut self) -> Result<(), Error>;
}

#[derive(Debug)]
struct Writer<L> {
    log: L,
    /// Where the last whole line ends.
    length: u64,
    /// From which length on the file is full.
    full: u64,
    /// Bytes after it may be torn.
    torn: bool,
    /// A sync has failed: what was written then may turn out to be anything, so the next line begins on its own.
    unsure: bool,
    pace: Pace,
}

impl<L: Log> Writer<L> {
    const fn new(log: L) -> Self {
        Self { log, length: 0, full: FULL_BYTES, torn: false, unsure: false, pace: Pace::SLOW }
    }

    const fn is_full(&self) -> bool {
        self.length >= self.full
    }

    /// Writes a batch and answers each of its records.
    fn write(&mut self, batch: Vec<Waiting>) {
        let lines: Vec<&[u8]> = batch.iter().map(|waiting| waiting.line.as_slice()).collect();
        let (kept, refusal) = self.keep(&lines);
        let refusal = refusal.map(Arc::new);
        for (place, Waiting { done, .. }) in batch.into_iter().enumerate() {
            let answer = match &refusal {
                Some(error) if place >= kept => Err(Arc::clone(error)),
                Some(_) | None => Ok(()),
            };
            // Who no longer waits has counted the record as void.
            drop(done.send(answer));
        }
    }

    /// How many of the lines, from their beginning, are durable, and why the rest is not.
    fn keep(&mut self, lines: &[&[u8]]) -> (usize, Option<io::Error>) {
        if let Err(error) = self.mend() {
            return (0, Some(error));
        }
        if self.is_full() {
            self.turn_over();
        }
        let began = Instant::now();
        let (written, refusal) = match lines {
            [line] => self.write_some(line),
            lines => self.write_some(&lines.concat()),
        };
        let (mut kept, mut whole) = (0, 0);
        for line in lines {
            if whole + line.len() > written {
                break;
            }
            whole += line.len();
            kept += 1;
        }
        self.length += whole as u64;
        self.torn = written > whole;
        // Cut at once where possible: a torn line that a crash leaves behind would look like a lost record.
        let mended = self.mend();
        if kept > 0
            && let Err(error) = self.log.sync()
        {
            self.unsure = true;
            self.pace = Pace::SLOW;
            return (0, Some(error));
        }
        self.pace.note(began.elapsed());
        (kept, refusal.or(mended.err().filter(|_| kept < lines.len())))
    }

    /// Leaves a full file for the next.
    fn turn_over(&mut self) {
        match self.log.turn_over() {
            Ok(()) => self.length = 0,
            Err(error) => {
                // It goes on in this one, and tries again once as much has come to it.
                self.full = self.length + FULL_BYTES;
                tracing::warn!(code = "spool_full", error = %Chain(&error), "a full spool file could not be left");
            }
        }
    }

    /// Writes until all is written or an error stops it.
    fn write_some(&mut self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.log.write(rest) {
                Ok(0) => return (written, Some(io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (written, Some(error)),
            }
        }
        (written, None)
    }

    /// Cuts torn bytes off, and begins a new line where the last one is in doubt.
    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.log.truncate(self.length)?;
            self.torn = false;
        }
        if self.unsure {
            // An empty line means nothing to a reader.
            if let (_, Some(error)) = self.write_some(b"\n") {
                return Err(error);
            }
            self.length += 1;
            self.unsure = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
