//! Reading what others wrote: lines of bounded length, whole texts of bounded length, and bytes that are not UTF-8.

use std::io::{self, BufRead as _, BufReader, Read, Write};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Ending;
use crate::print;

/// The longest line, and the longest text that is read whole: more than any model takes.
pub(crate) const LONGEST: usize = 16 * 1024 * 1024;

/// Whose words a text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Provenance {
    /// The end user's.
    #[default]
    User,
    /// A document's, handed in for reading.
    Document,
    /// A tool's result.
    Tool,
}

impl From<Provenance> for shared::conversation::Provenance {
    fn from(provenance: Provenance) -> Self {
        match provenance {
            Provenance::User => Self::User,
            Provenance::Document => Self::Document,
            Provenance::Tool => Self::Tool,
        }
    }
}

/// JSON Lines, one value at a time. Memory is bounded by [`LONGEST`].
pub(crate) struct JsonLines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    number: usize,
}

/// A line that holds no value of the wanted kind. Says what is wrong, and nothing of what the line holds.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: {problem}")]
pub(crate) struct BadLine {
    number: usize,
    problem: String,
}

impl<R: Read> JsonLines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(64 * 1024, reader), line: Vec::new(), number: 0 }
    }

    /// The next line that is not blank; `None` after the last.
    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<Result<T, BadLine>>> {
        loop {
            let fits = self.advance()?;
            self.number += usize::from(!self.line.is_empty() || !fits);
            if !fits {
                return Ok(Some(Err(self.bad(format!("is longer than {LONGEST} bytes")))));
            }
            if self.line.is_empty() {
                return Ok(None);
            }
            let line = self.line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let Ok(text) = std::str::from_utf8(line) else {
                return Ok(Some(Err(self.bad("is not UTF-8".to_owned()))));
            };
            return Ok(Some(serde_json::from_str(text).map_err(|error| self.bad(problem(&error)))));
        }
    }

    /// Whether nothing more has arrived yet: then what was written should go out.
    pub(crate) fn waits(&self) -> bool {
        self.reader.buffer().is_empty()
    }

    /// Reads a line, and tells whether it fits; one that does not is read past.
    fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        self.reader.by_ref().take(most + 1).read_until(b'\n', &mut self.line)?;
        if self.line.len() <= LONGEST || self.line.ends_with(b"\n") {
            return Ok(true);
        }
        self.line.clear();
        self.reader.skip_until(b'\n')?;
        Ok(false)
    }

    fn bad(&self, problem: String) -> BadLine {
        BadLine { number: self.number, problem }
    }
}

/// A line of the commands that read texts.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    #[serde(default)]
    pub(crate) id: Value,
    pub(crate) text: String,
    pub(crate) provenance: Option<Provenance>,
}

/// Answers each line with a line. One that cannot be read is named on stderr, and the rest goes on.
pub(crate) fn each(
    input: impl Read,
    mut output: impl Write,
    mut answer: impl FnMut(Line, &mut dyn Write) -> io::Result<()>,
) -> io::Result<Ending> {
    let mut ending = Ending::Well;
    let mut lines = JsonLines::new(input);
    while let Some(line) = lines.next::<Line>()? {
        match line {
            Ok(line) => {
                answer(line, &mut output)?;
                output.write_all(b"\n")?;
            }
            Err(bad) => {
                print::complaint(&bad.to_string());
                ending = Ending::Amiss;
            }
        }
        if lines.waits() {
            output.flush()?;
        }
    }
    output.flush()?;
    Ok(ending)
}

/// What is wrong with a line, without quoting from it: serde's messages repeat strings they did not expect.
fn problem(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let column = error.column();
    // What was expected is ours, and stands last.
    let expected = message.rsplit_once(", expected ").and_then(|(_, expected)| expected.split(" at line").next());
    match error.classify() {
        serde_json::error::Category::Data if message.starts_with("missing field") => {
            message.split(" at line").next().unwrap_or_default().to_owned()
        }
        serde_json::error::Category::Data if message.starts_with("unknown variant") => {
            format!("has an unknown value at column {column}; write {}", expected.unwrap_or("another"))
        }
        serde_json::error::Category::Data => format!("has a value of the wrong type at column {column}"),
        serde_json::error::Category::Eof => "ends too early to be JSON".to_owned(),
        serde_json::error::Category::Io | serde_json::error::Category::Syntax => {
            format!("is not JSON at column {column}")
        }
    }
}

/// A whole text; bytes that are not UTF-8 are replaced by U+FFFD and counted.
pub(crate) fn whole(reader: impl Read) -> io::Result<(String, usize)> {
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    let mut text = String::new();
    let broken = pieces(reader.take(most + 1), |piece| {
        text.push_str(piece);
        Ok(())
    })?;
    if text.len() > LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {LONGEST} bytes")));
    }
    Ok((text, broken))
}

/// Hands on a text piece by piece as it arrives, characters never cut. What is not UTF-8 is replaced by U+FFFD; the
/// count of replacements is returned.
pub(crate) fn pieces(mut reader: impl Read, mut piece: impl FnMut(&str) -> io::Result<()>) -> io::Result<usize> {
    let mut buffer = vec![0; 64 * 1024];
    let mut kept: Vec<u8> = Vec::new();
    let mut broken = 0;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        kept.extend(buffer.iter().take(count));
        let mut rest = kept.as_slice();
        loop {
            let (valid, after) = match std::str::from_utf8(rest) {
                Ok(valid) => (valid, None),
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    let skip = match error.error_len() {
                        Some(length) => Some(length),
                        // The end of a character may be in the next piece, unless there is none.
                        None if count == 0 => Some(after.len()),
                        None => None,
                    };
                    (std::str::from_utf8(valid).unwrap_or_default(), Some((after, skip)))
                }
            };
            if !valid.is_empty() {
                piece(valid)?;
            }
            match after {
                None => rest = &[],
                Some((after, None)) => rest = after,
                Some((after, Some(skip))) => {
                    broken += 1;
                    piece("\u{fffd}")?;
                    rest = after.get(skip..).unwrap_or_default();
                    continue;
                }
            }
            break;
        }
        kept = rest.to_vec();
        if count == 0 {
            return Ok(broken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out `step` bytes a read.
    struct Trickle<'b>(&'b [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let step = self.1.min(self.0.len()).min(into.len());
            into[..step].copy_from_slice(&self.0[..step]);
            self.0 = &self.0[step..];
            Ok(step)
        }
    }

    fn all(bytes: &[u8]) -> Vec<Result<Value, String>> {
        let mut lines = JsonLines::new(bytes);
        let mut all = Vec::new();
        while let Some(line) = lines.next::<Value>().unwrap() {
            all.push(line.map_err(|bad| bad.to_string()));
        }
        all
    }

    #[test]
    fn bad_lines_are_named_by_number_and_the_rest_goes_on() {
        let told = all(b"1\n\n{\"a\n\xff\n  \r\n2");
        assert_eq!(
            told,
            [
                Ok(1.into()),
                Err("line 3: ends too early to be JSON".to_owned()),
                Err("line 4: is not UTF-8".to_owned()),
                Ok(2.into()),
            ]
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_read_past() {
        let mut bytes = vec![b'x'; LONGEST + 2];
        bytes.extend(b"\n7\n");
        assert_eq!(all(&bytes), [Err(format!("line 1: is longer than {LONGEST} bytes")), Ok(7.into())]);
    }

    #[test]
    fn a_complaint_quotes_nothing() {
        #[derive(Debug, Deserialize)]
        struct Row {
            #[expect(dead_code, reason = "only whether it reads is asked")]
            text: u8,
        }
        for bad in ["{\"text\": \"the secret wish\"}", "{\"the secret wish\": 1}", "the secret wish"] {
            let told = JsonLines::new(bad.as_bytes()).next::<Row>().unwrap().unwrap().unwrap_err().to_string();
            assert!(!told.contains("wish"), "{told}");
        }
    }

    #[test]
    fn a_value_that_nobody_knows_is_answered_with_those_that_are_known() {
        let line = "{\"text\": \"x\", \"provenance\": \"the secret wish, expected none\"}";
        let told = JsonLines::new(line.as_bytes()).next::<Line>().unwrap().unwrap().unwrap_err().to_string();
        assert!(told.ends_with("write one of `user`, `document`, `tool`"), "{told}");
        assert!(!told.contains("wish"), "{told}");
    }

    #[test]
    fn pieces_are_the_lossy_text_however_it_arrives() {
        let cases: [&[u8]; 7] = [
            b"",
            b"plain",
            "größe 日本".as_bytes(),
            b"a\xffb",
            b"\xf0\x9f\x98",
            b"\xe6\x97\xff\xe6\x97\xa5",
            b"\xc3\x28\xc3",
        ];
        for bytes in cases {
            for step in 1..=bytes.len().max(1) {
                let mut text = String::new();
                let broken = pieces(Trickle(bytes, step), |piece| {
                    text.push_str(piece);
                    Ok(())
                })
                .unwrap();
                assert_eq!(text, String::from_utf8_lossy(bytes), "{bytes:?} by {step}");
                assert_eq!(broken, text.matches('\u{fffd}').count(), "{bytes:?} by {step}");
            }
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_refused() {
        assert_eq!(whole(io::repeat(b'x')).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(whole("fits".as_bytes()).unwrap(), ("fits".to_owned(), 0));
    }
}
