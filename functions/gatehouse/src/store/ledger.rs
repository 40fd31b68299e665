//! The ledger in SQLite, `DATA/ledger.db`, which several processes may share.
//!
//! A step is a transaction, which holds the database's write lock from its first read on. Where nobody is in the way it
//! is done at once, which takes some fifteen microseconds, half of what handing it to another thread would take. Where
//! somebody is, a thread of its own takes every step that waits and does them all in one transaction. The database has
//! a file of its own, so that no step waits for the drain.
//!
//! # What a crash may lose
//!
//! Nothing, should the process die in whatever way: a step is answered once it is committed. Should the machine die,
//! what was booked and reserved in its last seconds, since the log is made durable once a second and not once a step: a
//! second sync would double what a request waits for the disk. The records of these requests, which are durable before
//! Gemini is called, still tell them.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use shared::clock::Timestamp;
use shared::limits::gcra::Micros;
use shared::limits::{Admission, Claim, Demand, Hold, Item, Settled, Taken, Ticket};
use shared::ports::{self, Unavailable};
use shared::telemetry::Chain;
use tokio::sync::oneshot;

use super::{Error, sqlite};

/// Steps of one transaction: enough to share its cost, and few enough that the first does not wait for long.
const BATCH: usize = 64;

/// How long a step may wait for other processes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// How often what was committed is made durable.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// How long an account is kept beyond its window, for requests that are still to be settled in it.
const KEPT_MS: u64 = 7 * 86_400_000;

/// The accounts of a data directory. Dropping it does what still waits.
#[derive(Debug)]
pub(crate) struct Ledger {
    queue: Option<mpsc::Sender<Step>>,
    threads: Vec<JoinHandle<()>>,
    writer: Arc<Mutex<Writer>>,
    log: Arc<Log>,
}

struct Step {
    work: Work,
    answer: oneshot::Sender<Result<Done, Arc<Error>>>,
}

enum Work {
    Admit { claims: Vec<Claim>, demand: Demand, now: Timestamp },
    Settle { ticket: Ticket, taken: Taken, now: Timestamp },
    Release { ticket: Ticket, now: Timestamp },
}

enum Done {
    Admission(Admission),
    Settled(Settled),
}

impl Ledger {
    /// Opens the accounts, and makes them where there are none. Those of windows long past are removed.
    pub(crate) fn open(data: &Path, now: Timestamp) -> Result<Self, Error> {
        let connection = sqlite::open_ledger(data)?;
        let long_ago = signed(now.0.saturating_sub(KEPT_MS));
        connection.execute("DELETE FROM ledger WHERE ends < ?1", [long_ago]).map_err(Error::database("write"))?;
        // SQLite made the log beside the database with the first write.
        let path = data.join("ledger.db-wal");
        let file = File::open(&path).map_err(Error::file("open", &path))?;
        let log = Arc::new(Log { file, changed: AtomicBool::default(), ended: AtomicBool::default() });
        let (queue, waiting) = mpsc::channel();
        let writer = Arc::new(Mutex::new(Writer { connection, log: Arc::clone(&log) }));
        let (queued, syncing) = (Arc::clone(&writer), Arc::clone(&log));
        let mut ledger = Self { queue: Some(queue), threads: Vec::new(), writer, log };
        ledger.start(data, move || run(&queued, &waiting))?;
        ledger.start(data, move || syncing.keep_durable())?;
        Ok(ledger)
    }

    fn start(&mut self, data: &Path, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(work);
        self.threads.push(thread.map_err(Error::file("start a thread for", data))?);
        Ok(())
    }

    /// Does a step on this thread, unless somebody is in the way.
    fn at_once(&self, work: &Work) -> Option<Done> {
        let mut writer = self.writer.try_lock().ok()?;
        // Whatever went wrong, nothing was done; the queue has the patience, and tells.
        writer.commit(std::iter::once(work), Duration::ZERO).ok()?.pop()
    }

    async fn done(&self, work: Work) -> Result<Done, Unavailable> {
        if let Some(done) = self.at_once(&work) {
            return Ok(done);
        }
        let (answer, answered) = oneshot::channel();
        let stopped = || unavailable("it has stopped");
        self.queue.as_ref().and_then(|queue| queue.send(Step { work, answer }).ok()).ok_or_else(stopped)?;
        answered.await.map_err(|_| stopped())?.map_err(unavailable)
    }
}

impl ports::Ledger for Ledger {
    async fn admit(&self, claims: &[Claim], demand: &Demand, now: Timestamp) -> Result<Admission, Unavailable> {
        let work = Work::Admit { claims: claims.to_vec(), demand: demand.clone(), now };
        match self.done(work).await? {
            Done::Admission(admission) => Ok(admission),
            Done::Settled(_) => Err(unavailable("it answered another question")),
        }
    }

    async fn settle(&self, ticket: &Ticket, taken: Taken, now: Timestamp) -> Result<Settled, Unavailable> {
        match self.done(Work::Settle { ticket: ticket.clone(), taken, now }).await? {
            Done::Settled(settled) => Ok(settled),
            Done::Admission(_) => Err(unavailable("it answered another question")),
        }
    }

    async fn release(&self, ticket: &Ticket, now: Timestamp) -> Result<(), Unavailable> {
        self.done(Work::Release { ticket: ticket.clone(), now }).await.map(drop)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        drop(self.queue.take());
        self.log.ended.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            // Neither thread panics; should one all the same, whoever waits is told that the ledger has stopped.
            drop(thread.join());
        }
    }
}

fn unavailable(cause: impl Into<ports::Cause>) -> Unavailable {
    Unavailable { store: "ledger", cause: cause.into() }
}

/// The database's write-ahead log, to be made durable now and then.
#[derive(Debug)]
struct Log {
    file: File,
    changed: AtomicBool,
    ended: AtomicBool,
}

impl Log {
    fn keep_durable(&self) {
        while !self.ended.load(Ordering::SeqCst) {
            std::thread::park_timeout(SYNC_EVERY);
            if self.changed.swap(false, Ordering::SeqCst)
                && let Err(error) = self.file.sync_data()
            {
                tracing::error!(code = "ledger_sync", error = %Chain(&error), "could not make the ledger durable");
            }
        }
    }
}

/// Does what waits, all that there is at a time.
fn run(writer: &Mutex<Writer>, waiting: &mpsc::Receiver<Step>) {
    while let Ok(first) = waiting.recv() {
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = waiting.try_recv()
        {
            batch.push(next);
        }
        match writer.commit(batch.iter().map(|step| &step.work), BUSY_TIMEOUT) {
            // Who no longer waits is booked when its time is up.
            Ok(done) => batch.into_iter().zip(done).for_each(|(step, done)| drop(step.answer.send(Ok(done)))),
            Err(error) => {
                let error = Arc::new(error);
                batch.into_iter().for_each(|step| drop(step.answer.send(Err(Arc::clone(&error)))));
            }
        }
    }
}

#[derive(Debug)]
struct Writer {
    connection: Connection,
    log: Arc<Log>,
}

impl Writer {
    /// Does all steps or none. `patience` is how long it waits for other processes.
    fn commit<'w>(&mut self, steps: impl Iterator<Item = &'w Work>, patience: Duration) -> Result<Vec<Done>, Error> {
        self.connection.busy_timeout(patience).map_err(Error::database("write"))?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(Error::database("write"))?;
        let done = steps.map(|work| Accounts(&transaction).work(work)).collect::<Result<_, _>>();
        let done = done.map_err(Error::database("write"))?;
        transaction.commit().map_err(Error::database("write"))?;
        self.log.changed.store(true, Ordering::SeqCst);
        Ok(done)
    }
}

/// The accounts within a transaction.
struct Accounts<'t>(&'t Transaction<'t>);

impl Accounts<'_> {
    fn work(&self, work: &Work) -> rusqlite::Result<Done> {
        match work {
            Work::Admit { claims, demand, now } => self.admit(claims, demand, *now).map(Done::Admission),
            Work::Settle { ticket, taken, now } => {
                let mut worst = Settled::Already;
                for hold in &ticket.holds {
                    let mut item = self.item(hold)?;
                    worst = worst.max(item.settle(ticket, *taken, &hold.limits, *now));
                    self.keep(hold, &item)?;
                }
                Ok(Done::Settled(worst))
            }
            Work::Release { ticket, now } => {
                for hold in &ticket.holds {
                    let mut item = self.item(hold)?;
                    item.release(ticket, &hold.limits, *now);
                    self.keep(hold, &item)?;
                }
                Ok(Done::Settled(Settled::Booked))
            }
        }
    }

    fn admit(&self, claims: &[Claim], demand: &Demand, now: Timestamp) -> rusqlite::Result<Admission> {
        let mut ticket = Ticket::new(demand, now);
        let mut items = Vec::with_capacity(claims.len());
        for claim in claims {
            let mut item = self.item(&claim.hold(now))?;
            // Nothing is kept before everybody has agreed, so that there is nothing to give back.
            if let Err(refused) = claim.admit(&mut item, demand, &mut ticket) {
                return Ok(Admission::Refused(refused));
            }
            items.push(item);
        }
        for (hold, item) in ticket.holds.iter().zip(&items) {
            self.keep(hold, item)?;
        }
        Ok(Admission::Admitted(ticket))
    }

    fn item(&self, hold: &Hold) -> rusqlite::Result<Item> {
        let mut statement = self
            .0
            .prepare_cached("SELECT tat, tokens_tat, committed, open FROM ledger WHERE subject = ?1 AND window = ?2")?;
        let read = |row: &Row<'_>| {
            let open: String = row.get(3)?;
            let open = serde_json::from_str(&open).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, error.into())
            })?;
            let number = |column| row.get(column).map(i64::cast_unsigned);
            Ok(Item { tat: Micros(number(0)?), tokens_tat: Micros(number(1)?), committed: number(2)?, open })
        };
        let found = statement.query_row(params![hold.subject.as_str(), signed(hold.window.0)], read).optional()?;
        Ok(found.unwrap_or_default())
    }

    fn keep(&self, hold: &Hold, item: &Item) -> rusqlite::Result<()> {
        let open =
            serde_json::to_string(&item.open).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let mut statement = self.0.prepare_cached(
            "INSERT INTO ledger (subject, window, ends, tat, tokens_tat, committed, open)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (subject, window) DO UPDATE SET tat = excluded.tat, tokens_tat = excluded.tokens_tat,
                 committed = excluded.committed, open = excluded.open",
        )?;
        statement.execute(params![
            hold.subject.as_str(),
            signed(hold.window.0),
            signed(hold.ends.0),
            signed(item.tat.0),
            signed(item.tokens_tat.0),
            signed(item.committed),
            open
        ])?;
        Ok(())
    }
}

/// SQLite has no unsigned numbers; none of these comes near its largest.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
