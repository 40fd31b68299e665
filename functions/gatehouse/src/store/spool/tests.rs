use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use shared::audit::chain::faults;
use shared::audit::{Hash, Kind};
use shared::clock::{ManualClock, SystemClock};
use shared::fakes;
use shared::recorder::Recorder;
use tokio::task::JoinSet;

use super::*;
use crate::store::{drain, samples, sqlite};

const WRITER: WriterId = WriterId::new([7; 16]);

fn clock() -> ManualClock {
    ManualClock::default()
}

/// A disk in memory with a size, whose syncs fail on demand.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    size: usize,
    failing_syncs: usize,
    failing_truncates: usize,
    failing_turns: usize,
    /// How many files were left.
    left: usize,
    /// Bytes a write takes at most.
    piece: usize,
}

impl Disk {
    fn of(size: usize) -> Self {
        Self(Arc::new(Mutex::new(State { size, piece: usize::MAX, ..State::default() })))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap());
    }

    /// The records in the file, which must hold nothing but whole lines.
    fn records(&self) -> Vec<Record> {
        let text = String::from_utf8(self.0.lock().unwrap().bytes.clone()).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "a torn line was left");
        text.lines().filter(|line| !line.is_empty()).map(|line| Record::from_line(line).unwrap()).collect()
    }
}

impl Log for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap();
        let room = state.size.saturating_sub(state.bytes.len()).min(state.piece).min(bytes.len());
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.bytes.extend_from_slice(&bytes[..room]);
        Ok(room)
    }

    fn sync(&mut self) -> io::Result<()> {
        fail(&mut self.0.lock().unwrap().failing_syncs)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        fail(&mut state.failing_truncates)?;
        state.bytes.truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    fn turn_over(&mut self) -> Result<(), Error> {
        let mut state = self.0.lock().unwrap();
        fail(&mut state.failing_turns).map_err(Error::file("make", Path::new("next")))?;
        state.left += 1;
        Ok(())
    }
}

fn fail(times: &mut usize) -> io::Result<()> {
    if *times == 0 {
        return Ok(());
    }
    *times -= 1;
    Err(io::Error::other("told to fail"))
}

/// A file that counts its syncs, the first of which waits for leave.
struct Counting(File, Arc<AtomicUsize>, mpsc::Receiver<()>);

impl Log for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.1.fetch_add(1, Ordering::SeqCst) == 0 {
            self.2.recv().unwrap();
        }
        self.0.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn turn_over(&mut self) -> Result<(), Error> {
        unreachable!("it is not full")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_records_at_once_share_syncs_and_form_one_chain() {
    const RECORDS: usize = 800;
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("log");
    let syncs = Arc::new(AtomicUsize::new(0));
    let file = File::options().create(true).append(true).open(&path).unwrap();
    let (leave, awaited) = mpsc::channel();
    let spool = Spool::over(Writer::new(Counting(file, Arc::clone(&syncs), awaited))).unwrap();
    let recorder = Arc::new(Recorder::new(WRITER, spool, SystemClock));
    let begun = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..RECORDS {
        let (recorder, begun) = (Arc::clone(&recorder), Arc::clone(&begun));
        tasks.spawn(async move {
            begun.fetch_add(1, Ordering::SeqCst);
            recorder.record(fakes::entry(Kind::Intent)).await.unwrap().seq
        });
    }
    while begun.load(Ordering::SeqCst) < RECORDS {
        tokio::task::yield_now().await;
    }
    leave.send(()).unwrap();
    let mut seqs = tasks.join_all().await;
    seqs.sort_unstable();
    assert_eq!(seqs, (0..RECORDS as u64).collect::<Vec<_>>());

    let text = fs::read_to_string(&path).unwrap();
    let records: Vec<Record> = text.lines().map(|line| Record::from_line(line).unwrap()).collect();
    assert_eq!(records.len(), RECORDS);
    assert_eq!(faults(WRITER, &records, None), []);
    let syncs = syncs.load(Ordering::SeqCst);
    // What waited for the first sync shares the second; on each thread one record may still have been on its way.
    assert!(syncs <= 6, "{syncs} syncs for {RECORDS} records");
}

#[tokio::test]
async fn a_full_disk_refuses_what_does_not_fit_and_goes_on_when_there_is_room() {
    let record = samples::records(7, 1).remove(0);
    let line = record.to_line().len() + 1;
    let disk = Disk::of(line * 2 + line / 2);
    let recorder = Recorder::new(WRITER, Spool::over(Writer::new(disk.clone())).unwrap(), clock());
    let mut kept = 0;
    while recorder.record(fakes::entry(Kind::Intent)).await.is_ok() {
        kept += 1;
    }
    assert!(kept >= 1);
    assert_eq!(disk.records().len(), kept);

    disk.change(|state| state.size = usize::MAX);
    recorder.record(fakes::entry(Kind::Outcome)).await.unwrap();
    let records = disk.records();
    assert_eq!(records.len(), kept + 1);
    assert_eq!(records.last().unwrap().voids.len(), 1);
    assert_eq!(faults(WRITER, &records, None), []);
}

#[test]
fn of_a_batch_exactly_the_records_that_do_not_fit_are_refused() {
    let records = samples::records(7, 5);
    let ends = (0..=records.len()).map(|count| samples::lines(&records[..count]).len());
    for room in ends.flat_map(|end| [end.saturating_sub(1), end, end + 1, end + 300]) {
        for piece in [13, usize::MAX] {
            let disk = Disk::of(room);
            disk.change(|state| state.piece = piece);
            let (batch, mut answers): (Vec<_>, Vec<_>) = records.iter().map(waiting).unzip();
            Writer::new(disk.clone()).write(batch);
            let kept = answers.iter_mut().map(|answer| answer.try_recv().unwrap().is_ok()).collect::<Vec<_>>();
            let fitting = (0..=records.len()).rev().find(|n| samples::lines(&records[..*n]).len() <= room).unwrap();
            assert_eq!(kept, (0..records.len()).map(|at| at < fitting).collect::<Vec<_>>());
            assert_eq!(disk.records(), records[..fitting]);
        }
    }
}

fn waiting(record: &Record) -> (Waiting, oneshot::Receiver<Result<(), Arc<io::Error>>>) {
    let (done, answer) = oneshot::channel();
    (Waiting { line: samples::lines(std::slice::from_ref(record)), done }, answer)
}

#[test]
fn torn_bytes_that_cannot_be_cut_off_at_once_are_cut_off_before_the_next_line() {
    let records = samples::records(7, 2);
    let disk = Disk::of(10);
    disk.change(|state| state.failing_truncates = 2);
    let mut writer = Writer::new(disk.clone());
    let mut refused = |record| {
        let (waiting, mut answer) = waiting(record);
        writer.write(vec![waiting]);
        answer.try_recv().unwrap().is_err()
    };
    assert!(refused(&records[0]), "no room, and the torn bytes stay");
    assert!(refused(&records[0]), "the torn bytes still stay");
    disk.change(|state| state.size = usize::MAX);
    assert!(!refused(&records[1]));
    assert_eq!(disk.records(), records[1..]);
}

#[test]
fn a_failed_sync_refuses_its_batch_and_the_next_record_stands_on_a_line_of_its_own() {
    let records = samples::records(7, 2);
    let disk = Disk::of(usize::MAX);
    disk.change(|state| state.failing_syncs = 1);
    let mut writer = Writer::new(disk.clone());
    for (record, refused) in [(&records[0], true), (&records[1], false)] {
        let (waiting, mut answer) = waiting(record);
        writer.write(vec![waiting]);
        assert_eq!(answer.try_recv().unwrap().is_err(), refused);
    }
    // What a drain may have read is not taken back; the refused record is void, and may be there.
    assert_eq!(disk.records(), records);
    let text = disk.0.lock().unwrap().bytes.clone();
    assert!(text.windows(2).any(|pair| pair == b"\n\n"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_device_that_is_full_is_unavailable() {
    let (leave, awaited) = mpsc::channel();
    leave.send(()).unwrap();
    let full = File::options().append(true).open("/dev/full").unwrap();
    let spool = Spool::over(Writer::new(Counting(full, Arc::default(), awaited))).unwrap();
    let unavailable = spool.append(&samples::records(7, 1)[0]).await.unwrap_err();
    assert_eq!(unavailable.store, "audit spool");
    assert_eq!(unavailable.to_string(), "audit spool is unavailable");
}

#[tokio::test]
async fn a_spool_is_private_and_no_other_can_take_it_over() {
    let data = tempfile::tempdir().unwrap();
    let spool = Spool::open(data.path(), WRITER).unwrap();
    let record = samples::records(7, 1).remove(0);
    spool.append(&record).await.unwrap();
    assert!(Spool::open(data.path(), WRITER).is_err());
    drop(spool);
    assert!(Spool::open(data.path(), WRITER).is_err());

    let names: Vec<_> = fs::read_dir(directory(data.path())).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(fs::read(&names[0]).unwrap(), samples::lines(&[record]));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory(data.path())), mode(&names[0])), (0o700, 0o600));
    }
}

#[tokio::test]
async fn a_full_file_is_left_for_the_drain_while_its_writer_lives() {
    let data = tempfile::tempdir().unwrap();
    let mut connection = sqlite::open(data.path()).unwrap();
    make_private_directory(&directory(data.path())).unwrap();
    let files = Files::begin(directory(data.path()), WRITER).unwrap();
    let records = samples::records(7, 40);
    // A file for every third record or so.
    let full = 2 * records[0].to_line().len() as u64 + 10;
    let spool = Spool::over(Writer { full, ..Writer::new(files) }).unwrap();
    let mut removed = 0;
    for (number, record) in records.iter().enumerate() {
        spool.append(record).await.unwrap();
        if number % 10 == 0 {
            removed += drain::run(data.path(), &mut connection).unwrap().removed;
        }
    }
    assert!(removed >= 8, "{removed}");
    drain::run(data.path(), &mut connection).unwrap();
    assert_eq!(fs::read_dir(directory(data.path())).unwrap().count(), 1, "the one that is written to");
    drop(spool);
    drain::run(data.path(), &mut connection).unwrap();
    assert_eq!(samples::stored(&connection), records);
}

#[tokio::test]
async fn a_full_file_that_cannot_be_left_is_written_to() {
    let disk = Disk::of(usize::MAX);
    disk.change(|state| state.failing_turns = 1);
    let spool = Spool::over(Writer { full: 1, ..Writer::new(disk.clone()) }).unwrap();
    let records = samples::records(7, 3);
    for record in &records {
        spool.append(record).await.unwrap();
    }
    assert_eq!(disk.records(), records);
    assert_eq!(disk.0.lock().unwrap().left, 0, "not tried again before as much has come");
}

#[test]
fn on_a_quick_disk_a_record_is_kept_at_once_but_never_before_one_that_waits() {
    let disk = Disk::of(usize::MAX);
    let spool = Spool::over(Writer { pace: quick(), ..Writer::new(disk.clone()) }).unwrap();
    let records = samples::records(7, 2);
    let line = |at: usize| samples::lines(&records[at..=at]);
    spool.queued.store(1, Ordering::SeqCst);
    assert!(spool.at_once(&line(1)).is_none());
    spool.queued.store(0, Ordering::SeqCst);
    spool.at_once(&line(0)).unwrap().unwrap();
    assert_eq!(disk.records(), records[..1]);
}

#[tokio::test]
async fn a_full_file_is_left_by_the_thread_however_quick_the_disk_is() {
    let disk = Disk::of(usize::MAX);
    let spool = Spool::over(Writer { pace: quick(), full: 1, ..Writer::new(disk.clone()) }).unwrap();
    let records = samples::records(7, 2);
    spool.at_once(&samples::lines(&records[..1])).unwrap().unwrap();
    // Whether that write was quick depends on the machine.
    spool.writer.lock().unwrap().pace = quick();
    assert!(spool.at_once(&samples::lines(&records[1..])).is_none());
    assert_eq!(disk.0.lock().unwrap().left, 0);
    spool.append(&records[1]).await.unwrap();
    assert_eq!(disk.0.lock().unwrap().left, 1);
    assert_eq!(disk.records(), records);
}

#[test]
fn a_disk_that_fails_has_to_show_anew_that_it_is_quick() {
    let disk = Disk::of(usize::MAX);
    let mut writer = Writer { pace: quick(), ..Writer::new(disk.clone()) };
    disk.change(|state| state.failing_syncs = 1);
    writer.keep(&[b"line\n"]).1.unwrap();
    assert!(!writer.pace.is_quick());
}

fn quick() -> Pace {
    let mut pace = Pace::SLOW;
    (0..64).for_each(|_| pace.note(std::time::Duration::ZERO));
    pace
}

/// The directory for the process that is to be killed. Where it is set, the test is that process.
const VICTIM: &str = "GATEHOUSE_TEST_VICTIM";

#[test]
fn every_acknowledged_record_outlives_kill_9() {
    if let Some(data) = std::env::var_os(VICTIM) {
        write_until_killed(Path::new(&data));
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::spool::tests::every_acknowledged_record_outlives_kill_9", "--nocapture"])
        .env(VICTIM, data.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged: Vec<String> = Vec::new();
    for line in BufReader::new(victim.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // The last line may be torn, as a hash it is then too short.
        acknowledged.extend(line.strip_prefix("kept ").filter(|hash| hash.len() == 64).map(str::to_owned));
        if acknowledged.len() == 500 {
            victim.kill().unwrap();
        }
    }
    assert!(!victim.wait().unwrap().success());
    assert!(acknowledged.len() >= 500);

    let mut connection = sqlite::open(data.path()).unwrap();
    let report = drain::run(data.path(), &mut connection).unwrap();
    assert_eq!(report.removed, 1);
    let records = samples::stored(&connection);
    let hashes: Vec<String> = records.iter().map(|record| record.hash.to_string()).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|hash| !hashes.contains(hash)).collect();
    assert!(lost.is_empty(), "{} of {} were lost", lost.len(), acknowledged.len());
    assert_eq!(faults(WRITER, &records, None), []);
}

fn write_until_killed(data: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let recorder = Arc::new(Recorder::new(WRITER, Spool::open(data, WRITER).unwrap(), SystemClock));
    runtime.block_on(async {
        let mut tasks: JoinSet<Hash> = JoinSet::new();
        loop {
            while tasks.len() < 50 {
                let recorder = Arc::clone(&recorder);
                tasks.spawn(async move { recorder.record(fakes::entry(Kind::Intent)).await.unwrap().hash });
            }
            let hash = tasks.join_next().await.unwrap().unwrap();
            // Not `println`: should the reader be gone, this process is to end and not to panic.
            if writeln!(io::stdout(), "kept {hash}").is_err() {
                return;
            }
        }
    });
}

#[tokio::test]
async fn a_spool_whose_file_was_deleted_refuses() {
    let data = tempfile::tempdir().unwrap();
    let spool = Spool::open(data.path(), WriterId::new([1; 16])).unwrap();
    let records = samples::records(1, 2);
    spool.append(&records[0]).await.unwrap();
    fs::remove_dir_all(directory(data.path())).unwrap();
    spool.append(&records[1]).await.unwrap_err();
}
