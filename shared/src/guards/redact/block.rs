//! What follows a private key's header and is swallowed: the key's body and its footer.
//!
//! A body is base64, white space, escaped newlines and the headers that PEM and PGP put before it; and what a key is printed
//! with: a gutter before a line, as of a quotation, a list or numbered lines (`> `, `12: `), and behind it what ends a string
//! or a line in code and HTML (`",`, `<br>`), but for a quotation mark in JSON, which may end the string that the key stands
//! in. It ends with its footer, before the first byte that none of these can hold, or after [`LIMIT`] bytes.

/// No key is longer.
pub(super) const LIMIT: usize = 64 << 10;

/// The longest footer: `-----END `, up to 40 bytes of kind, `-----`.
const KIND: usize = 40;

/// What a gutter has besides digits, white space, `+` and `/`, and how many of these a line may begin with.
const GUTTER: &[u8] = b">|#*:.)]\"'`";
const GUTTER_MOST: u8 = 12;
/// The gutter of the line is over.
const BODY: u8 = u8::MAX;
/// What may stand between the end of a line of base64 and its newline, and how many of these.
const SEAM: &[u8] = b"\"'`,;+|)> \t";
const SEAM_MOST: usize = 8;

/// A key being swallowed.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// Bytes swallowed so far.
    taken: usize,
    /// The last eight of them.
    recent: u64,
    /// Whether the line is a header's, whose value may be any printable text.
    header: bool,
    /// How many bytes of the line are its gutter's, or that it is over.
    gutter: u8,
    /// Whether a quotation mark may be the text's own, which ends a string of JSON and what stands in it.
    quotes_end: bool,
}

impl Block {
    /// A key whose header has been read: what comes first ends the header's line.
    pub(super) const fn new(quotes_end: bool) -> Self {
        Self { taken: 0, recent: 0, header: false, gutter: BODY, quotes_end }
    }
}

/// What to do with the bytes at hand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bite {
    /// The first so many belong to the key.
    Swallow(usize),
    /// The first so many belong to the key and end it.
    Footer(usize),
    /// Whether they belong to it depends on bytes to come.
    Wait,
    /// The key ended before the first of them.
    Stop,
}

impl Block {
    /// Judges the bytes that follow what was swallowed. `rest` is not empty.
    pub(super) fn bite(&self, rest: &[u8]) -> Bite {
        let bite = self.unlimited(rest);
        match bite {
            Bite::Swallow(length) | Bite::Footer(length) if self.taken + length > LIMIT => Bite::Stop,
            Bite::Wait if self.taken + rest.len() > LIMIT => Bite::Stop,
            Bite::Swallow(_) | Bite::Footer(_) | Bite::Wait | Bite::Stop => bite,
        }
    }

    /// Notes a byte as swallowed.
    pub(super) fn take(&mut self, byte: u8) {
        self.taken += 1;
        self.header = match byte {
            b':' => self.header || self.gutter == BODY,
            b' '..=b'~' if byte != b'\\' => self.header,
            _ => false,
        };
        self.gutter = match byte {
            b'\n' => 0,
            b'n' | b'r' if self.follows("\\") => 0,
            b'>' if BREAKS.iter().any(|tag| self.follows(tag)) => 0,
            b'A'..=b'Z' | b'a'..=b'z' => BODY,
            _ if GUTTER.contains(&byte) => self.gutter.saturating_add(1),
            _ => self.gutter,
        };
        self.recent = self.recent << 8 | u64::from(byte);
    }

    fn unlimited(&self, rest: &[u8]) -> Bite {
        match rest.first() {
            Some(b'"') if self.quotes_end => Bite::Stop,
            Some(b'\\') => escape(rest),
            Some(b' '..=b'~') if self.header && rest.first() != Some(&b'"') => Bite::Swallow(1),
            Some(b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'+' | b'/' | b'=' | b' ' | b'\t' | b'\r' | b'\n') => {
                Bite::Swallow(1)
            }
            Some(b':') if ["Version", "Comment", "Charset", "Hash"].iter().any(|name| self.follows(name)) => {
                Bite::Swallow(1)
            }
            Some(b'-') => self.dash(rest),
            Some(byte) if self.gutter < GUTTER_MOST && GUTTER.contains(byte) => Bite::Swallow(1),
            Some(_) => match seam(rest) {
                Bite::Swallow(length) if self.quotes_end && rest.iter().take(length).any(|byte| *byte == b'"') => {
                    Bite::Stop
                }
                bite @ (Bite::Swallow(_) | Bite::Footer(_) | Bite::Wait | Bite::Stop) => bite,
            },
            None => Bite::Stop,
        }
    }

    /// A footer, or the middle of `Proc-Type:` or `DEK-Info:`.
    fn dash(&self, rest: &[u8]) -> Bite {
        for (before, name) in [("Proc", "-Type:"), ("DEK", "-Info:")] {
            if self.follows(before) && rest.starts_with(name.as_bytes()) {
                return Bite::Swallow(name.len());
            }
            if self.follows(before) && name.as_bytes().starts_with(rest) {
                return Bite::Wait;
            }
        }
        footer(rest)
    }

    /// Whether the last bytes swallowed are these, which are at most eight.
    fn follows(&self, word: &str) -> bool {
        let expected = word.bytes().fold(0_u64, |sum, byte| sum << 8 | u64::from(byte));
        let mask = u64::MAX.checked_shr(64 - 8 * u32::try_from(word.len()).unwrap_or(8)).unwrap_or(0);
        self.recent & mask == expected
    }
}

/// The tags that break a line, without their ends.
const BREAKS: [&str; 3] = ["<br", "<br/", "<br /"];

/// The end of a line: of a string, a statement or a cell, and the newline or `<br>` that follows.
fn seam(rest: &[u8]) -> Bite {
    let signs = rest.iter().take(SEAM_MOST).take_while(|byte| SEAM.contains(byte)).count();
    let after = rest.get(signs..).unwrap_or_default();
    let mut open = false;
    for newline in ["\n", "\r\n", "<br>", "<br/>", "<br />"].map(str::as_bytes) {
        if after.starts_with(newline) {
            return Bite::Swallow(signs + newline.len());
        }
        open |= newline.starts_with(after);
    }
    match after.first() {
        None if signs == rest.len() => Bite::Wait,
        Some(b'\\') => match escape(after) {
            Bite::Swallow(length) => Bite::Swallow(signs + length),
            bite @ (Bite::Footer(_) | Bite::Wait | Bite::Stop) => bite,
        },
        _ if open => Bite::Wait,
        _ => Bite::Stop,
    }
}

/// Backslashes, up to eight of them, and the letter of a newline.
fn escape(rest: &[u8]) -> Bite {
    let slashes = rest.iter().take_while(|byte| **byte == b'\\').count();
    match rest.get(slashes) {
        _ if slashes > 8 => Bite::Stop,
        Some(b'n' | b'r') => Bite::Swallow(slashes + 1),
        Some(_) => Bite::Stop,
        None => Bite::Wait,
    }
}

/// `-----END …-----`.
fn footer(rest: &[u8]) -> Bite {
    const START: &[u8] = b"-----END ";
    let Some(kind) = rest.strip_prefix(START) else {
        return if START.starts_with(rest) { Bite::Wait } else { Bite::Stop };
    };
    let length = kind.iter().take_while(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' ')).count();
    let dashes = kind.iter().skip(length).take(5).take_while(|byte| **byte == b'-').count();
    match kind.get(length + dashes) {
        _ if length > KIND => Bite::Stop,
        _ if dashes == 5 => Bite::Footer(START.len() + length + dashes),
        None => Bite::Wait,
        Some(_) => Bite::Stop,
    }
}
