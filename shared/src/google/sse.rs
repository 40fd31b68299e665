//! A reader of server-sent events that takes bytes as they come.
//!
//! It takes what the [WHATWG format](https://html.spec.whatwg.org/multipage/server-sent-events.html) allows: LF, CRLF
//! and CR line ends, a byte-order mark, comments, `data` over several lines. Fields other than `data` carry nothing
//! here and are passed over.

use std::collections::VecDeque;

/// The largest event that is taken, in bytes. Gemini's text events are a few KB; this leaves room for one whole
/// 65,536-token answer in a single event many times over.
pub const MAX_EVENT_BYTES: usize = 4 << 20;

/// An event that is larger than [`MAX_EVENT_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is larger than {MAX_EVENT_BYTES} bytes")]
pub struct TooLarge;

/// Bytes in, events out.
#[derive(Debug, Default)]
pub struct Reader {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    ready: VecDeque<Vec<u8>>,
    started: bool,
    after_cr: bool,
}

impl Reader {
    /// Takes the next bytes, cut anywhere.
    ///
    /// # Errors
    /// [`TooLarge`]; the reader is of no use afterwards.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), TooLarge> {
        // The LF of a CRLF that was cut in two.
        if self.after_cr
            && let Some((first, rest)) = bytes.split_first()
        {
            self.after_cr = false;
            if *first == b'\n' {
                bytes = rest;
            }
        }
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, rest) = bytes.split_at(end);
            self.extend(line)?;
            self.end_line();
            bytes = match rest {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        self.extend(bytes)
    }

    /// The next whole event's data.
    pub fn next_event(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }

    /// Whether bytes of an unfinished event are held: a stream that ends now was cut.
    #[must_use]
    pub fn mid_event(&self) -> bool {
        !self.line.is_empty() || self.data.is_some()
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        let held = self.line.len() + self.data.as_ref().map_or(0, Vec::len);
        if held + bytes.len() > MAX_EVENT_BYTES {
            return Err(TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) {
        let mut line = self.line.as_slice();
        if !self.started {
            self.started = true;
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            self.ready.extend(self.data.take());
        } else if let Some(value) = line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_vec()),
            }
        } else if line == b"data" {
            self.data.get_or_insert_default().push(b'\n');
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let mut reader = Reader::default();
        let mut events = Vec::new();
        for piece in pieces {
            reader.push(piece).unwrap();
            events.extend(std::iter::from_fn(|| reader.next_event()).map(|event| String::from_utf8(event).unwrap()));
        }
        events
    }

    #[test]
    fn reads_the_same_events_however_the_bytes_are_cut() {
        let all = "\u{feff}data: {\"a\":1}\r\n\r\n: note\n\ndata: one\ndata:two\n\nevent: x\ndata: é\r\r".as_bytes();
        let expected = ["{\"a\":1}", "one\ntwo", "é"];
        for first in 0..all.len() {
            let (head, tail) = all.split_at(first);
            assert_eq!(read(&[head, tail]), expected, "cut at {first}");
        }
        let single: Vec<&[u8]> = all.chunks(1).collect();
        assert_eq!(read(&single), expected);
    }

    #[test]
    fn an_event_counts_only_once_it_is_whole() {
        let mut reader = Reader::default();
        reader.push(b"data: half").unwrap();
        assert_eq!(reader.next_event(), None);
        assert!(reader.mid_event());
        reader.push(b"\n\n").unwrap();
        assert_eq!(reader.next_event().unwrap(), b"half");
        assert!(!reader.mid_event());
    }

    #[test]
    fn refuses_an_event_without_end() {
        let mut reader = Reader::default();
        let piece = vec![b'x'; 1 << 20];
        let refused = (0..=MAX_EVENT_BYTES >> 20).any(|_| reader.push(&piece).is_err());
        assert!(refused);
    }
}
