//! An object of the store of record: lines of records, compressed, under a name that is the hash of its content.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
pub use shared::audit::manifest::{MANIFESTS, RECORDS};
use shared::audit::manifest::{Manifest, Place, ordered};
use shared::audit::{Hash, Hour, LINE_BYTES};

/// Of some 1,200 bytes a record, level 1 leaves a tenth, and takes a third of the time of the usual 6.
const LEVEL: Compression = Compression::new(1);

/// Longer lines are none of ours: what is decompressed stays bounded by it.
const LINE_MOST: u64 = LINE_BYTES as u64 + 1;

/// An object and its manifest, ready to be stored.
#[derive(Debug)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its content.
    pub body: Vec<u8>,
    /// The manifest's key.
    pub manifest_key: String,
    /// The manifest.
    pub manifest: Manifest,
}

/// How an object holds its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Compressed.
    Gzip,
    /// As they are.
    Plain,
}

impl Object {
    /// Makes an object of records and their lines, for the hour in which they arrived. Equal ones are kept once, and the
    /// order in which they come does not matter: the same records are the same object.
    #[must_use]
    pub fn pack(hour: Hour, form: Form, records: Vec<(Place, String)>) -> Self {
        let (places, lines) = ordered(records);
        let (body, extension) = match form {
            Form::Gzip => (gzip(&lines), "ndjson.gz"),
            Form::Plain => (lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>().into(), "ndjson"),
        };
        let sha256 = Hash::new(Sha256::digest(&body).into());
        let partition = hour.partition();
        let key = format!("{RECORDS}{partition}/{sha256}.{extension}");
        let manifest = Manifest::of(key.clone(), sha256, &places);
        Self { key, body, manifest_key: format!("{MANIFESTS}{partition}/{sha256}.json"), manifest }
    }
}

fn gzip(lines: &[String]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), LEVEL);
    for part in lines.iter().flat_map(|line| [line.as_bytes(), b"\n"]) {
        #[expect(clippy::expect_used, reason = "a vector takes every byte")]
        gzip.write_all(part).expect("a vector can be written to");
    }
    #[expect(clippy::expect_used, reason = "a vector takes every byte")]
    gzip.finish().expect("a vector can be written to")
}

/// The lines of the object under `key`, one at a time, so that none but the longest decides how much memory they take.
///
/// An error is one of reading: the object is cut off, or no gzip, or no text.
pub fn lines<R: Read>(key: &str, body: R) -> Records<R> {
    let gzip = key.ends_with(".gz");
    Records {
        reader: if gzip {
            Either::Gzip(Box::new(BufReader::new(MultiGzDecoder::new(body))))
        } else {
            Either::Plain(BufReader::new(body))
        },
    }
}

/// See [`lines`].
#[derive(Debug)]
pub struct Records<R> {
    reader: Either<R>,
}

#[derive(Debug)]
enum Either<R> {
    Gzip(Box<BufReader<MultiGzDecoder<R>>>),
    Plain(BufReader<R>),
}

impl<R: Read> Iterator for Records<R> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<io::Result<String>> {
        let mut line = Vec::new();
        let read = match &mut self.reader {
            Either::Gzip(reader) => reader.take(LINE_MOST).read_until(b'\n', &mut line),
            Either::Plain(reader) => reader.take(LINE_MOST).read_until(b'\n', &mut line),
        };
        match read {
            Ok(0) => None,
            Ok(_) if line.pop_if(|last| *last == b'\n').is_none() => {
                Some(Err(io::Error::new(io::ErrorKind::InvalidData, "a line has no end, or is too long")))
            }
            Ok(_) => Some(
                String::from_utf8(line).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a line is not UTF-8")),
            ),
            Err(error) => Some(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::audit::{Kind, Link, Record, WriterId};
    use shared::clock::Timestamp;
    use shared::fakes::entry;

    use super::*;

    fn records(count: u64) -> Vec<(Place, String)> {
        let link = |seq| Link {
            record_id: format!("r{seq}"),
            writer_id: WriterId::new([1; 16]),
            seq,
            prev_hash: Hash::ZERO,
            voids: Vec::new(),
        };
        let record = |seq| Record::seal(entry(Kind::Outcome), link(seq));
        (0..count).map(record).map(|record| (record.clone().into(), record.to_line())).collect()
    }

    #[test]
    fn the_same_records_are_the_same_object_in_whatever_order_and_however_often_they_come() {
        let hour = Hour::of(Timestamp(1_795_804_051_000));
        let one = Object::pack(hour, Form::Gzip, records(20));
        let mut shuffled = records(20);
        shuffled.reverse();
        shuffled.extend(records(5));
        let other = Object::pack(hour, Form::Gzip, shuffled);
        assert_eq!((&one.key, &one.body, &one.manifest), (&other.key, &other.body, &other.manifest));
        let name = one.manifest.sha256.to_string();
        assert_eq!(one.key, format!("records/dt=2026-11-27/hour=18/{name}.ndjson.gz"));
        assert_eq!(one.manifest_key, format!("manifests/dt=2026-11-27/hour=18/{name}.json"));
        let read: Vec<String> = lines(&one.key, one.body.as_slice()).map(Result::unwrap).collect();
        assert_eq!(read, records(20).into_iter().map(|(_, line)| line).collect::<Vec<_>>());
    }

    #[test]
    fn an_object_that_is_cut_off_or_too_long_is_an_error_and_not_its_end() {
        let body = Object::pack(Hour::of(Timestamp(0)), Form::Gzip, records(50)).body;
        assert!(lines("x.gz", &body[..body.len() / 2]).any(|line| line.is_err()));
        let mut gzip = GzEncoder::new(Vec::new(), LEVEL);
        gzip.write_all(&vec![b'x'; 2 * LINE_BYTES]).unwrap();
        assert!(lines("x.gz", gzip.finish().unwrap().as_slice()).next().unwrap().is_err());
    }
}
