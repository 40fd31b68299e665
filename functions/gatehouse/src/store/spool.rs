//! The audit spool: one append-only file a writer, `DATA/spool/<writer>.ndjson`, one record a line.
//!
//! A thread of its own takes every record that waits, writes them with one write and makes them durable with one sync,
//! so that a hundred requests at once cost one sync and not a hundred. A record is acknowledged after that sync only.
//!
//! What stands in the file is never taken back once its line is whole, since a drain may have read it: only the torn
//! bytes after the last whole line are cut off. The file is locked while its writer lives, which tells the drain
//! whether more may come.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use shared::audit::{Record, WriterId};
use shared::ports::{AuditQueue, Unavailable};
use tokio::sync::oneshot;

use super::{Error, make_private_directory, private_file, sync_directory};

/// A batch takes no more than this, so that a flood does not delay the first of it for long.
const BATCH_BYTES: usize = 4 << 20;

/// Where the spool files are.
pub(crate) fn directory(data: &Path) -> PathBuf {
    data.join("spool")
}

/// A writer's spool. Dropping it writes what still waits, then lets go of the file.
#[derive(Debug)]
pub(crate) struct Spool {
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
        let path = directory.join(format!("{writer}.ndjson"));
        // It gets its name when it is locked: a drain never sees it without its writer. A link, unlike a rename, never
        // replaces the file of a writer who is already there.
        let draft = directory.join(format!(".{writer}"));
        let file = private_file().append(true).open(&draft).map_err(Error::file("make", &draft))?;
        file.lock().map_err(Error::file("lock", &draft))?;
        let named = fs::hard_link(&draft, &path).map_err(Error::file("make", &path));
        fs::remove_file(&draft).map_err(Error::file("remove", &draft))?;
        named?;
        sync_directory(&directory)?;
        Self::over(file).map_err(Error::file("write", &path))
    }

    fn over(log: impl Log) -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel();
        let thread =
            std::thread::Builder::new().name("spool".to_owned()).spawn(move || Writer::new(log).run(&waiting))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }
}

impl AuditQueue for Spool {
    async fn append(&self, record: &Record) -> Result<(), Unavailable> {
        let mut line = record.to_line().into_bytes();
        line.push(b'\n');
        let (done, written) = oneshot::channel();
        let stopped = || unavailable(io::Error::other("the spool has stopped"));
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(Waiting { line, done }).map_err(|_| stopped())?;
        written.await.map_err(|_| stopped())?.map_err(unavailable)
    }
}

impl Drop for Spool {
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

/// What the spool asks of its file.
trait Log: Send + 'static {
    /// Appends some of the bytes and returns how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Makes durable what was appended.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to this length.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

impl Log for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()?;
        // What is written to a file without a name is gone with the process.
        if std::os::unix::fs::MetadataExt::nlink(&self.metadata()?) == 0 {
            return Err(io::Error::other("the spool file was deleted; restart the process that writes it"));
        }
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

struct Writer<L> {
    log: L,
    /// Where the last whole line ends.
    length: u64,
    /// Bytes after it may be torn.
    torn: bool,
    /// A sync has failed: what was written then may turn out to be anything, so the next line begins on its own.
    unsure: bool,
}

impl<L: Log> Writer<L> {
    const fn new(log: L) -> Self {
        Self { log, length: 0, torn: false, unsure: false }
    }

    fn run(mut self, waiting: &mpsc::Receiver<Waiting>) {
        while let Ok(first) = waiting.recv() {
            let mut bytes = first.line.len();
            let mut batch = vec![first];
            while bytes < BATCH_BYTES
                && let Ok(next) = waiting.try_recv()
            {
                bytes += next.line.len();
                batch.push(next);
            }
            self.write(batch);
        }
    }

    /// Writes a batch and answers each of its records.
    fn write(&mut self, batch: Vec<Waiting>) {
        let (kept, refusal) = self.keep(&batch);
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

    /// How many of the batch, from its beginning, are durable, and why the rest is not.
    fn keep(&mut self, batch: &[Waiting]) -> (usize, Option<io::Error>) {
        if let Err(error) = self.mend() {
            return (0, Some(error));
        }
        let bytes = batch.iter().map(|waiting| waiting.line.as_slice()).collect::<Vec<_>>().concat();
        let (written, refusal) = self.write_some(&bytes);
        let (mut kept, mut whole) = (0, 0);
        for Waiting { line, .. } in batch {
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
            return (0, Some(error));
        }
        (kept, refusal.or(mended.err().filter(|_| kept < batch.len())))
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
