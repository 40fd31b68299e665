//! The way back: which bytes of the text a stretch of its detection copy came from.
//!
//! Computed only once something was found. The text is normalised again, character cluster by character cluster, and
//! each character of the copy notes where its cluster began.

use std::ops::Range;

use icu_normalizer::properties::{CanonicalCombiningClassMapBorrowed, CanonicalCompositionBorrowed};

use super::fold::{Fold, Sink};
use super::{NFKC, invisible};

/// Where each byte of a detection copy came from.
pub(crate) enum Origins {
    /// The copy is the text.
    Same,
    /// Per byte of the copy, the offset in the text where its cluster begins; and the text's length.
    Mapped(Vec<usize>, usize),
    /// The clusters do not add up to the copy, as with a few exotic compositions: only the whole text is sure.
    Whole(usize),
}

impl Origins {
    /// Follows `text` on its way to `copy`.
    pub(crate) fn trace(text: &str, copy: &str) -> Self {
        if invisible::is_plain(text) {
            return Self::Same;
        }
        let room = Traced { text: String::with_capacity(copy.len()), origins: Vec::with_capacity(copy.len()) };
        let mut fold = Fold::new(room);
        clusters(text, |origin, cluster| match cluster {
            Cluster::Ascii(c) => fold.push(c, origin),
            Cluster::Of(cluster) => NFKC.normalize(cluster).chars().for_each(|c| fold.push(c, origin)),
        });
        let traced = fold.finish();
        if traced.text == copy { Self::Mapped(traced.origins, text.len()) } else { Self::Whole(text.len()) }
    }

    /// The bytes of the text that a range of the copy came from, on character boundaries.
    pub(crate) fn map(&self, range: Range<usize>) -> Range<usize> {
        match self {
            Self::Same => range,
            Self::Mapped(origins, length) => {
                let origin = |at: usize| origins.get(at).copied().unwrap_or(*length);
                let start = origin(range.start);
                // What a range ends before need not begin a cluster: then the whole of its last cluster belongs to it.
                let last = origin(range.end.saturating_sub(1).max(range.start));
                let later = origins.get(range.end..).unwrap_or_default();
                start..later.iter().copied().find(|next| *next > last).unwrap_or(*length)
            }
            Self::Whole(length) => 0..*length,
        }
    }
}

struct Traced {
    text: String,
    origins: Vec<usize>,
}

impl Sink for Traced {
    fn push(&mut self, c: char, origin: usize) {
        self.text.push(c);
        self.origins.extend(std::iter::repeat_n(origin, c.len_utf8()));
    }

    fn len(&self) -> usize {
        self.text.len()
    }

    fn take_back(&mut self, from: usize, into: &mut Vec<(char, usize)>) {
        let tail = self.text.get(from..).unwrap_or_default();
        into.extend(tail.char_indices().map(|(at, c)| (c, self.origins.get(from + at).copied().unwrap_or(0))));
        self.text.truncate(from);
        self.origins.truncate(from);
    }
}

/// Characters that combine.
enum Cluster<'c> {
    /// One of ASCII, by itself: the same in NFKC.
    Ascii(char),
    Of(&'c str),
}

/// Cuts revealed text before each character that does not combine with what stands before it.
fn clusters(text: &str, mut found: impl FnMut(usize, Cluster<'_>)) {
    let classes = CanonicalCombiningClassMapBorrowed::new();
    let compositions = CanonicalCompositionBorrowed::new();
    let mut rest = invisible::revealed(text).peekable();
    let mut cluster = String::new();
    while let Some((at, first)) = rest.next() {
        if first.is_ascii() && rest.peek().is_none_or(|(_, next)| next.is_ascii()) {
            found(at, Cluster::Ascii(first));
            continue;
        }
        cluster.clear();
        cluster.push(first);
        let mut last = first;
        while let Some((_, next)) = rest.peek().copied() {
            let composed = compositions.compose(last, next);
            let combines = classes.get_u8(next) != 0 || matches!(next, '\u{FF9E}' | '\u{FF9F}');
            if !combines && composed.is_none() {
                break;
            }
            last = composed.unwrap_or(last);
            cluster.push(next);
            rest.next();
        }
        found(at, Cluster::Of(&cluster));
    }
}
