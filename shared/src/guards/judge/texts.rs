//! What is read together: the parts of one provenance, normalised and joined, and the way back to each part.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use super::mention::Mentions;
use super::quotation::{Quotations, own_words};
use super::{At, Layer, Place};
use crate::conversation::{Conversation, Part, Provenance};
use crate::guards::normalise::invisible::{self, Hidden};
use crate::guards::normalise::readings::{self, Reading, Readings};
use crate::guards::normalise::{Origins, copy};

/// How far back from its end a match is looked for. A longer one (padded with white space, say) still counts; only its
/// span is cut. The bound keeps placing matches linear, however many turns there are.
const LOOK_BACK: usize = 4096;
/// How far back a match that is not the first is looked for at first: nearly all are shorter.
const LOOK_BACK_FIRST: usize = 256;
/// The same, for a match that began in an earlier turn.
const LOOK_BACK_A_TURN: usize = 512;

/// The parts of one provenance as one text.
pub(super) struct Texts<'c> {
    provenance: Provenance,
    text: Cow<'c, str>,
    pieces: Vec<Piece<'c>>,
    units: Vec<Unit>,
    beneath: OnceCell<Beneath>,
}

/// A part in the joined text.
struct Piece<'c> {
    turn: Place,
    part: usize,
    original: Cow<'c, str>,
    /// Whether it holds characters that show nothing.
    hides: bool,
    /// The way back, worked out once something was found in it.
    origins: OnceCell<Origins>,
    /// What it quotes, likewise.
    quotations: OnceCell<Quotations>,
    mentions: OnceCell<Mentions>,
    span: Range<usize>,
}

/// A turn's parts of one provenance.
pub(super) struct Unit {
    /// Where in the joined text.
    pub(super) span: Range<usize>,
    pieces: Range<usize>,
}

/// What texts say beneath their disguises.
pub(super) struct Beneath {
    pub(super) all: Vec<Further>,
    /// The units of which not everything was read; the first for all of them together.
    pub(super) unread: Vec<usize>,
}

/// A further reading.
pub(super) struct Further {
    /// The unit that is read so; none: all of them.
    pub(super) unit: Option<usize>,
    /// Where in the joined text what is read so begins.
    start: usize,
    reading: Arc<Reading>,
}

impl Further {
    pub(super) fn text(&self) -> &str {
        self.reading.text()
    }

    /// The bytes of the joined text that a range of this reading was made from.
    pub(super) fn origin(&self, range: Range<usize>) -> Range<usize> {
        let origin = self.reading.origin(range);
        // What was put between two bytes belongs to the one before.
        let start = if origin.is_empty() { origin.start.saturating_sub(1) } else { origin.start };
        self.start + start..self.start + origin.end
    }

    pub(super) fn layer(&self, range: Range<usize>) -> Option<Layer> {
        self.reading.layer(range)
    }

    pub(super) fn changed(&self) -> impl Iterator<Item = (Range<usize>, Layer)> {
        self.reading.changed()
    }
}

impl<'c> Texts<'c> {
    /// The texts of a conversation: the system instruction, then each provenance that has words in it.
    pub(super) fn of(conversation: &'c Conversation) -> impl Iterator<Item = Self> {
        let system = conversation.system.iter().enumerate().map(|(part, piece)| (Place::System, part, piece));
        let turns = move |provenance| {
            let turns = conversation.turns.iter().enumerate();
            turns
                .flat_map(|(turn, content)| {
                    content.parts.iter().enumerate().map(move |(part, piece)| (Place::Turn(turn), part, piece))
                })
                .filter(move |(_, _, piece)| piece.provenance == provenance)
        };
        let all = [Provenance::Caller, Provenance::Document, Provenance::Model, Provenance::Tool, Provenance::User];
        std::iter::once_with(move || Self::join(Provenance::Caller, system))
            .chain(all.into_iter().map(move |provenance| Self::join(provenance, turns(provenance))))
            .flatten()
    }

    fn join(provenance: Provenance, parts: impl Iterator<Item = (Place, usize, &'c Part)>) -> Option<Self> {
        let mut texts = Self {
            provenance,
            text: Cow::Borrowed(""),
            pieces: Vec::new(),
            units: Vec::new(),
            beneath: OnceCell::new(),
        };
        for (turn, part, piece) in parts {
            let original = piece.judged_text();
            if original.is_empty() {
                continue;
            }
            texts.add(turn, part, original);
        }
        (!texts.pieces.is_empty()).then_some(texts)
    }

    fn add(&mut self, turn: Place, part: usize, original: Cow<'c, str>) {
        let (normalised, hides) = match &original {
            Cow::Borrowed(text) => copy(text),
            Cow::Owned(text) => {
                let (normalised, hides) = copy(text);
                (Cow::Owned(normalised.into_owned()), hides)
            }
        };
        let start = if self.pieces.is_empty() {
            self.text = normalised;
            0
        } else {
            let text = self.text.to_mut();
            text.push('\n');
            let start = text.len();
            text.push_str(&normalised);
            start
        };
        let end = self.text.len();
        let number = self.pieces.len();
        match self.units.last_mut().filter(|_| self.pieces.last().is_some_and(|last| last.turn == turn)) {
            Some(unit) => {
                unit.span.end = end;
                unit.pieces.end = number + 1;
            }
            None => self.units.push(Unit { span: start..end, pieces: number..number + 1 }),
        }
        self.pieces.push(Piece {
            turn,
            part,
            original,
            hides,
            origins: OnceCell::new(),
            quotations: OnceCell::new(),
            mentions: OnceCell::new(),
            span: start..end,
        });
    }

    pub(super) const fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// Whether the texts are data, which has no right to instruct.
    pub(super) const fn is_data(&self) -> bool {
        matches!(self.provenance, Provenance::Document | Provenance::Tool)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn units(&self) -> &[Unit] {
        &self.units
    }

    pub(super) fn unit_text(&self, unit: &Unit) -> &str {
        self.text.get(unit.span.clone()).unwrap_or_default()
    }

    /// What else the text says, with every disguise undone: each unit by itself, and last all of them as one text.
    pub(super) fn readings(&self) -> &Beneath {
        self.beneath.get_or_init(|| {
            let mut left = readings::SPARE;
            let each: Vec<Readings> =
                self.units.iter().map(|unit| Readings::next(self.unit_text(unit), &mut left)).collect();
            let starts = || self.units.iter().map(|unit| unit.span.start);
            let mut all = Vec::new();
            for (unit, (start, readings)) in starts().zip(&each).enumerate() {
                all.extend(readings.iter().map(|reading| Further {
                    unit: Some(unit),
                    start,
                    reading: Arc::clone(reading),
                }));
            }
            let mut unread: Vec<usize> =
                (0..each.len()).filter(|unit| each.get(*unit).is_some_and(Readings::unread)).collect();
            if self.units.len() > 1 {
                let joined = readings::together(&self.text, starts().zip(&each));
                all.extend(joined.iter().map(|reading| Further { unit: None, start: 0, reading: Arc::clone(reading) }));
                if joined.unread() && unread.first() != Some(&0) {
                    unread.push(0);
                }
            }
            Beneath { all, unread }
        })
    }

    /// The number of the unit in which `at` lies.
    pub(super) fn unit_at(&self, at: usize) -> usize {
        self.units.partition_point(|unit| unit.span.end <= at).min(self.units.len().saturating_sub(1))
    }

    /// The bytes of a match that is known to end at `end`, in unit number `unit`, and of which `before` is the match of the
    /// same rule before it in that unit. `find` gives the first match within a range of the text.
    pub(super) fn locate(
        &self,
        unit: usize,
        end: usize,
        before: Option<&Range<usize>>,
        find: impl Fn(Range<usize>) -> Option<Range<usize>>,
    ) -> Range<usize> {
        let end = self.text.ceil_char_boundary(end);
        let begins = self.units.get(unit).map_or(0, |unit| unit.span.start);
        let within = begins.max(self.text.floor_char_boundary(end.saturating_sub(LOOK_BACK)));
        if let Some(before) = before {
            let from = within.max(before.end).min(end);
            let near = from.max(self.text.floor_char_boundary(end.saturating_sub(LOOK_BACK_FIRST)));
            // No match ends between the two, so what is found behind the one ends with the other.
            let apart = find(near..end).or_else(|| (near > from).then(|| find(from..end)).flatten());
            let overlapping = || find(within.max(self.text.ceil_char_boundary(before.start + 1)).min(end)..end);
            return apart.or_else(overlapping).unwrap_or(before.start..end);
        }
        if let Some(found) = find(within..end) {
            return found;
        }
        let mut from = self.text.floor_char_boundary(begins.saturating_sub(LOOK_BACK_A_TURN));
        let to = self.text.ceil_char_boundary((begins + LOOK_BACK).min(end));
        while let Some(found) = find(from..to).filter(|found| found.end > found.start) {
            if found.end > begins {
                return found;
            }
            from = found.end;
        }
        within..end
    }

    /// Whether a stretch of the joined text is quoted: at least half of it stands in a block, or the phrase is named only.
    pub(super) fn quotes(&self, span: &Range<usize>) -> bool {
        let number = self.pieces.partition_point(|piece| piece.span.end <= span.start);
        let Some(piece) = self.pieces.get(number) else { return false };
        let text = self.text.get(piece.span.clone()).unwrap_or_default();
        let quotations = piece.quotations.get_or_init(|| Quotations::of(text, own_words(self.provenance)));
        let within = span.start.saturating_sub(piece.span.start)..span.end.saturating_sub(piece.span.start);
        quotations.hold(&within) || piece.mentions.get_or_init(|| Mentions::of(text)).hold(&within)
    }

    /// A unit's text without the phrases that it only names, where it names any.
    pub(super) fn without_mentions(&self, unit: &Unit) -> Option<String> {
        let text = self.unit_text(unit);
        match self.pieces.get(unit.pieces.clone()) {
            Some([piece]) => piece.mentions.get_or_init(|| Mentions::of(text)).blanked(text),
            _ => Mentions::of(text).blanked(text),
        }
    }

    /// Where a stretch of the joined text lies, up to the end of the part in which it begins.
    pub(super) fn at(&self, span: Range<usize>) -> At {
        let number = self.pieces.partition_point(|piece| piece.span.end <= span.start);
        let Some(piece) = self.pieces.get(number).or(self.pieces.last()) else {
            return At { turn: Place::System, part: 0, span: 0..0 };
        };
        let length = piece.span.len();
        let start = span.start.saturating_sub(piece.span.start).min(length);
        let end = span.end.saturating_sub(piece.span.start).clamp(start, length);
        let origins = piece
            .origins
            .get_or_init(|| Origins::trace(&piece.original, self.text.get(piece.span.clone()).unwrap_or_default()));
        let span = origins.map(start..end);
        let span = piece.original.floor_char_boundary(span.start)..piece.original.ceil_char_boundary(span.end);
        At { turn: piece.turn, part: piece.part, span }
    }

    /// The first part of a unit, whole: for what is true of a unit and stands nowhere in particular.
    pub(super) fn whole_part(&self, unit: &Unit) -> At {
        self.pieces.get(unit.pieces.start).map_or(At { turn: Place::System, part: 0, span: 0..0 }, |piece| At {
            turn: piece.turn,
            part: piece.part,
            span: 0..piece.original.len(),
        })
    }

    /// The first run of hidden characters of each kind in a unit.
    pub(super) fn hidden(&self, unit: &Unit) -> Vec<(Hidden, At)> {
        let mut found: Vec<(Hidden, At)> = Vec::new();
        for piece in self.pieces.get(unit.pieces.clone()).unwrap_or_default() {
            if !piece.hides {
                continue;
            }
            for (kind, span) in invisible::runs(&piece.original) {
                if !found.iter().any(|(seen, _)| *seen == kind) {
                    found.push((kind, At { turn: piece.turn, part: piece.part, span }));
                }
            }
        }
        found
    }
}
