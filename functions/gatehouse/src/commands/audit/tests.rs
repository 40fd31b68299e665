use shared::audit::{Kind, Record, WriterId};
use shared::clock::{ManualClock, Timestamp};
use shared::fakes;

use super::*;
use crate::store::samples::{self, outcome};

const NOW: u64 = 1_700_000_000_000;

fn output(command: &Audit, data: &Path, reader: Reader) -> String {
    let mut out = Vec::new();
    execute(command, data, &ManualClock::at(Timestamp(NOW)), reader, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn tail(count: u32) -> Audit {
    Audit::Tail { count, follow: false, json: false }
}

/// A data directory whose spool holds these entries, not drained yet.
fn data(entries: Vec<shared::audit::Entry>) -> (tempfile::TempDir, Vec<Record>) {
    let data = tempfile::tempdir().unwrap();
    sqlite::open(data.path()).unwrap();
    let records = samples::chain(WriterId::new([1; 16]), entries);
    samples::leave(data.path(), 1, &samples::lines(&records));
    (data, records)
}

#[test]
fn tail_shows_the_latest_requests_and_marks_those_without_an_outcome() {
    let intent = |request: &str| shared::audit::Entry { request_id: request.to_owned(), ..fakes::entry(Kind::Intent) };
    let done = outcome(NOW, None, "app", 400, false);
    let (data, records) =
        data(vec![outcome(NOW - 1, None, "old", 0, false), intent(&done.request_id), done, intent("killed")]);
    let shown = output(&tail(2), data.path(), Reader::Pipe);
    assert_eq!(
        shown,
        "2023-11-14T22:13:20.000Z\tapp\t-\tgemini-3.5-flash\tflag\t0.400\t7\t-\trequest-1700000000000\n\
         2023-11-14T22:13:20.123Z\tapp\tu-canary\tgemini-3.5-flash\topen\t0.400\t7\t-\tkilled\n"
    );
    let shown = output(&tail(2), data.path(), Reader::Json);
    assert_eq!(shown, format!("{}\n{}\n", records[2].to_line(), records[3].to_line()));
    assert!(output(&tail(20), data.path(), Reader::Person).starts_with("TIME "));
}

#[test]
fn rejected_lines_are_told_by_place_and_reason_and_never_shown() {
    let (data, records) = data(vec![outcome(NOW, None, "app", 0, false)]);
    let mut content = samples::lines(&records);
    let offset = content.len();
    content.extend_from_slice(b"canary\n");
    let path = samples::leave(data.path(), 1, &content);
    let file = path.file_name().unwrap().to_str().unwrap();
    let command = Audit::Rejected { json: false };
    let shown = output(&command, data.path(), Reader::Pipe);
    assert_eq!(shown, format!("{file}\t{offset}\t6\tnot an audit record (column 1)\n"));
    assert!(!output(&command, data.path(), Reader::Json).contains("canary"));
    assert_eq!(output(&tail(9), data.path(), Reader::Json), format!("{}\n", records[0].to_line()));
}

/// Takes some lines, then is gone like `head`.
struct Head(usize, Vec<u8>, Option<Box<dyn FnMut()>>);

impl Write for Head {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.1.iter().filter(|byte| **byte == b'\n').count() >= self.0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.1.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(mut after) = self.2.take() {
            after();
        }
        Ok(())
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let (data, _) = data((0..50).map(|ago| outcome(NOW - ago, None, "app", 0, false)).collect());
    let mut head = Head(3, Vec::new(), None);
    execute(&tail(50), data.path(), &ManualClock::default(), Reader::Pipe, &mut head).unwrap();
    assert_eq!(head.1.iter().filter(|byte| **byte == b'\n').count(), 3);
}

#[test]
fn follow_shows_what_arrives_later() {
    let (data, first) = data(vec![outcome(NOW, None, "app", 0, false)]);
    let later = samples::chain(
        WriterId::new([2; 16]),
        [outcome(NOW + 1, None, "app", 0, false), outcome(NOW + 2, None, "app", 0, false)],
    );
    let (path, lines) = (data.path().to_owned(), samples::lines(&later));
    let arrive = move || drop(samples::leave(&path, 2, &lines));
    let mut head = Head(2, Vec::new(), Some(Box::new(arrive)));
    let command = Audit::Tail { count: 5, follow: true, json: true };
    execute(&command, data.path(), &ManualClock::default(), Reader::Json, &mut head).unwrap();
    assert_eq!(String::from_utf8(head.1).unwrap(), format!("{}\n{}\n", first[0].to_line(), later[0].to_line()));
}

#[test]
fn a_missing_directory_is_told_and_not_made() {
    let data = tempfile::tempdir().unwrap();
    let absent = data.path().join("absent");
    let error = execute(&tail(1), &absent, &SystemClock, Reader::Pipe, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("--data"), "{error}");
    assert!(!absent.exists());
}
