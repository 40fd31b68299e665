//! Bytes cut anywhere to whole characters.

/// The start of a character whose rest has not come.
#[derive(Default)]
pub(super) struct Characters {
    cut: Vec<u8>,
}

const REPLACEMENT: &str = "\u{FFFD}";

impl Characters {
    /// Hands on the whole characters of a chunk, and U+FFFD for what can be none.
    pub(super) fn decode(&mut self, chunk: &[u8], mut take: impl FnMut(&str)) {
        if self.cut.is_empty() {
            self.pieces(chunk, &mut take);
        } else if !chunk.is_empty() {
            let mut joined = std::mem::take(&mut self.cut);
            joined.extend_from_slice(chunk);
            self.pieces(&joined, &mut take);
        }
    }

    fn pieces(&mut self, mut bytes: &[u8], take: &mut impl FnMut(&str)) {
        loop {
            match str::from_utf8(bytes) {
                Ok(text) => return take(text),
                Err(error) => {
                    let (valid, rest) = bytes.split_at_checked(error.valid_up_to()).unwrap_or_default();
                    take(str::from_utf8(valid).unwrap_or_default());
                    let Some(bad) = error.error_len() else {
                        self.cut = rest.to_vec();
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
        self.cut.len()
    }

    /// What the text ends with, if it ends amid a character.
    pub(super) fn finish(&mut self) -> &'static str {
        if std::mem::take(&mut self.cut).is_empty() { "" } else { REPLACEMENT }
    }
}
