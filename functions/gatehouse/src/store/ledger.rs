//! The ledger in SQLite, `DATA/ledger.db`, which several processes may share.
//!
//! Steps are done in transactions, each of which holds the database's write lock from its first read on. What the
//! requests of one turn of the runtime ask for is one transaction: the first of them lets the others come, then does
//! all of it on its own thread, which takes some fifteen microseconds, half of what a thread of the ledger's own would
//! take to be woken. Where another process is in the way, that thread waits for it. The database has a file of its own,
//! so that no step waits for the drain.
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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
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

/// How often those that were kept long enough are looked for.
const PRUNED_EVERY_MS: u64 = 3_600_000;

/// The accounts of a data directory. Dropping it does what still waits.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// Steps of this turn.
    waiting: Mutex<Vec<Step>>,
    /// Where steps go for which there must be patience.
    queue: Option<mpsc::Sender<Step>>,
    threads: Vec<JoinHandle<()>>,
    writer: Arc<Mutex<Writer>>,
    log: Arc<Log>,
}

#[derive(Debug)]
struct Step {
    work: Work,
    answer: oneshot::Sender<Result<Done, Arc<Error>>>,
}

#[derive(Debug)]
enum Work {
    Admit { claims: Vec<Claim>, demand: Demand, now: Timestamp },
    Settle { ticket: Ticket, taken: Taken, now: Timestamp },
    Release { ticket: Ticket, now: Timestamp },
}

impl Work {
    const fn now(&self) -> Timestamp {
        match self {
            Self::Admit { now, .. } | Self::Settle { now, .. } | Self::Release { now, .. } => *now,
        }
    }
}

#[derive(Debug)]
enum Done {
    Admission(Admission),
    Settled(Settled),
}

impl Ledger {
    /// Opens the accounts, and makes them where there are none. Those of windows long past are removed, here and once an
    /// hour.
    pub(crate) fn open(data: &Path, now: Timestamp) -> Result<Self, Error> {
        let connection = sqlite::open_ledger(data)?;
        prune(&connection, now).map_err(Error::database("write"))?;
        // SQLite made the log beside the database with the first write.
        let path = data.join("ledger.db-wal");
        let file = File::open(&path).map_err(Error::file("open", &path))?;
        let log = Arc::new(Log { file, changed: AtomicBool::default(), ended: AtomicBool::default() });
        let (queue, waiting) = mpsc::channel();
        let writer = Arc::new(Mutex::new(Writer { connection, log: Arc::clone(&log), pruned: now }));
        let (queued, syncing) = (Arc::clone(&writer), Arc::clone(&log));
        let mut ledger = Self { waiting: Mutex::default(), queue: Some(queue), threads: Vec::new(), writer, log };
        ledger.start(data, move || run(&queued, &waiting))?;
        ledger.start(data, move || syncing.keep_durable())?;
        Ok(ledger)
    }

    fn start(&mut self, data: &Path, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(work);
        self.threads.push(thread.map_err(Error::file("start a thread for", data))?);
        Ok(())
    }

    async fn done(&self, work: Work) -> Result<Done, Unavailable> {
        let (answer, answered) = oneshot::channel();
        let first = {
            let mut waiting = locked(&self.waiting);
            waiting.push(Step { work, answer });
            waiting.len() == 1
        };
        if first {
            let turn = Turn(self);
            tokio::task::yield_now().await;
            drop(turn);
        }
        answered.await.map_err(|_| unavailable("it has stopped"))?.map_err(unavailable)
    }

    /// Does the steps of this turn.
    fn turn(&self) {
        let steps = std::mem::take(&mut *locked(&self.waiting));
        // Whatever is in the way, nothing was done; the queue has the patience, and tells.
        let done = self
            .writer
            .try_lock()
            .ok()
            .and_then(|mut writer| writer.commit(steps.iter().map(|step| &step.work), Duration::ZERO).ok());
        match done {
            Some(done) => answer(steps, done),
            // Who finds no queue is told so by the end of its channel.
            None => {
                if let Some(queue) = &self.queue {
                    steps.into_iter().for_each(|step| drop(queue.send(step)));
                }
            }
        }
    }
}

/// The end of a turn, for all who have a step in it: be the request that leads it dropped meanwhile.
struct Turn<'l>(&'l Ledger);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.turn();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells everybody what became of its step. Who no longer waits is booked when its time is up.
fn answer(steps: Vec<Step>, done: Vec<Done>) {
    steps.into_iter().zip(done).for_each(|(step, done)| drop(step.answer.send(Ok(done))));
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
        let mut writer = locked(writer);
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = waiting.try_recv()
        {
            batch.push(next);
        }
        match writer.commit(batch.iter().map(|step| &step.work), BUSY_TIMEOUT) {
            Ok(done) => answer(batch, done),
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
    /// When accounts of windows long past were last removed.
    pruned: Timestamp,
}

impl Writer {
    /// Does all steps or none. `patience` is how long it waits for other processes.
    fn commit<'w>(&mut self, steps: impl Iterator<Item = &'w Work>, patience: Duration) -> Result<Vec<Done>, Error> {
        self.connection.busy_timeout(patience).map_err(Error::database("write"))?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(Error::database("write"))?;
        let mut accounts = Accounts { transaction: &transaction, read: Vec::new() };
        let mut latest = self.pruned;
        let steps = steps.map(|work| {
            latest = latest.max(work.now());
            accounts.work(work)
        });
        let done = steps.collect::<Result<_, _>>().and_then(|done| {
            accounts.keep()?;
            Ok(done)
        });
        let done = done.map_err(Error::database("write"))?;
        let is_due = latest.0.saturating_sub(self.pruned.0) >= PRUNED_EVERY_MS;
        if is_due {
            prune(&transaction, latest).map_err(Error::database("write"))?;
        }
        transaction.commit().map_err(Error::database("write"))?;
        if is_due {
            self.pruned = latest;
        }
        self.log.changed.store(true, Ordering::SeqCst);
        Ok(done)
    }
}

/// The accounts within a transaction: each is read once and written once, however many steps it takes.
struct Accounts<'t> {
    transaction: &'t Transaction<'t>,
    read: Vec<Account>,
}

struct Account {
    hold: Hold,
    item: Item,
    changed: bool,
}

impl Account {
    fn change(&mut self) -> &mut Item {
        self.changed = true;
        &mut self.item
    }
}

impl Accounts<'_> {
    fn work(&mut self, work: &Work) -> rusqlite::Result<Done> {
        match work {
            Work::Admit { claims, demand, now } => self.admit(claims, demand, *now).map(Done::Admission),
            Work::Settle { ticket, taken, now } => {
                let mut worst = Settled::Already;
                for hold in &ticket.holds {
                    worst = worst.max(self.account(hold)?.change().settle(ticket, *taken, &hold.limits, *now));
                }
                Ok(Done::Settled(worst))
            }
            Work::Release { ticket, now } => {
                for hold in &ticket.holds {
                    self.account(hold)?.change().release(ticket, &hold.limits, *now);
                }
                Ok(Done::Settled(Settled::Booked))
            }
        }
    }

    fn admit(&mut self, claims: &[Claim], demand: &Demand, now: Timestamp) -> rusqlite::Result<Admission> {
        let mut ticket = Ticket::new(demand, now);
        let mut before: Vec<(Hold, Item)> = Vec::new();
        for (place, claim) in claims.iter().enumerate() {
            let hold = claim.hold(now);
            let account = self.account(&hold)?;
            if place + 1 < claims.len() {
                before.push((hold, account.item.clone()));
            }
            match claim.admit(&mut account.item, demand, &mut ticket) {
                Ok(()) => account.changed = true,
                Err(refused) => {
                    // Whoever has agreed before gets back what it gave.
                    for (hold, item) in before {
                        self.account(&hold)?.item = item;
                    }
                    return Ok(Admission::Refused(refused));
                }
            }
        }
        Ok(Admission::Admitted(ticket))
    }

    fn account(&mut self, hold: &Hold) -> rusqlite::Result<&mut Account> {
        let known = |account: &Account| account.hold.window == hold.window && account.hold.subject == hold.subject;
        let place = match self.read.iter().position(known) {
            Some(place) => place,
            None => {
                let item = self.read(hold)?;
                self.read.push(Account { hold: hold.clone(), item, changed: false });
                self.read.len() - 1
            }
        };
        let account = self.read.get_mut(place).ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        // A day and a month may begin together, and the policy may have changed from one to the other.
        account.hold.ends = account.hold.ends.max(hold.ends);
        Ok(account)
    }

    fn read(&self, hold: &Hold) -> rusqlite::Result<Item> {
        let mut statement = self
            .transaction
            .prepare_cached("SELECT tat, tokens_tat, committed, open FROM ledger WHERE subject = ?1 AND window = ?2")?;
        let read = |row: &Row<'_>| {
            let open = serde_json::from_str(row.get_ref(3)?.as_str()?).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, error.into())
            })?;
            let number = |column| row.get(column).map(i64::cast_unsigned);
            Ok(Item { tat: Micros(number(0)?), tokens_tat: Micros(number(1)?), committed: number(2)?, open })
        };
        let found = statement.query_row(params![hold.subject.as_str(), signed(hold.window.0)], read).optional()?;
        Ok(found.unwrap_or_default())
    }

    /// Writes the accounts back.
    fn keep(&self) -> rusqlite::Result<()> {
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO ledger (subject, window, ends, tat, tokens_tat, committed, open)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (subject, window) DO UPDATE SET ends = max(ends, excluded.ends), tat = excluded.tat,
                 tokens_tat = excluded.tokens_tat, committed = excluded.committed, open = excluded.open",
        )?;
        for Account { hold, item, .. } in self.read.iter().filter(|account| account.changed) {
            let open = serde_json::to_string(&item.open)
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            statement.execute(params![
                hold.subject.as_str(),
                signed(hold.window.0),
                signed(hold.ends.0),
                signed(item.tat.0),
                signed(item.tokens_tat.0),
                signed(item.committed),
                open
            ])?;
        }
        Ok(())
    }
}

/// Removes accounts of windows long past.
fn prune(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let long_ago = signed(now.0.saturating_sub(KEPT_MS));
    connection.execute("DELETE FROM ledger WHERE ends < ?1", [long_ago]).map(drop)
}

/// SQLite has no unsigned numbers; none of these comes near its largest.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
