//! Bytes cut anywhere to whole characters.

/// The start of a character whose rest has not come: at most three bytes.
#[derive(Default)]
pub(super) struct Characters {
    cut: [u8; 3],
    length: usize,
}

const REPLACEMENT: &str = "\u{FFFD}";

impl Characters {
    /// Hands on the whole characters of a chunk, and U+FFFD for what can be none.
    pub(super) fn decode(&mut self, mut chunk: &[u8], mut take: impl FnMut(&str)) {
        while self.length > 0
            && let Some((byte, rest)) = chunk.split_first()
        {
            let [first, second, third] = self.cut;
            let joined = match self.length {
                1 => [first, *byte, 0, 0],
                2 => [first, second, *byte, 0],
                _ => [first, second, third, *byte],
            };
            match str::from_utf8(joined.get(..=self.length).unwrap_or_default()) {
                Ok(character) => take(character),
                // Not the byte that was wanted: it is read again as the first of what follows.
                Err(error) if error.error_len().is_some() => {
                    take(REPLACEMENT);
                    self.length = 0;
                    continue;
                }
                Err(_) => {
                    self.keep(&joined, self.length + 1);
                    chunk = rest;
                    continue;
                }
            }
            self.length = 0;
            chunk = rest;
        }
        self.pieces(chunk, &mut take);
    }

    fn keep(&mut self, bytes: &[u8], length: usize) {
        for (to, from) in self.cut.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.length = length;
    }

    fn pieces(&mut self, mut bytes: &[u8], take: &mut impl FnMut(&str)) {
        loop {
            match str::from_utf8(bytes) {
                Ok(text) => return take(text),
                Err(error) => {
                    let (valid, rest) = bytes.split_at_checked(error.valid_up_to()).unwrap_or_default();
                    take(str::from_utf8(valid).unwrap_or_default());
                    let Some(bad) = error.error_len() else {
                        self.keep(rest, rest.len());
                        return;
                    };
                    take(REPLACEMENT);
                    bytes = rest.get(bad..).unwrap_or_default();
                }
            }
        }
    }

    /// How many bytes wait for their rest.
    pub(super) fn held(&self) -> usize {
        self.length
    }

    /// What the text ends with, if it ends amid a character.
    pub(super) fn finish(&mut self) -> &'static str {
        if std::mem::take(&mut self.length) == 0 { "" } else { REPLACEMENT }
    }
}
