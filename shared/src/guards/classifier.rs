//! The statistical layer: a linear model over hashed word and character n-grams and classes of words, trained offline and
//! embedded.
//!
//! A text is read in blocks of [`BLOCK`] tokens; every [`WINDOW`] blocks in a row are scored by themselves, and the
//! guiltiest window speaks for the text, so that what stands around an attack does not dilute it; it has to be the guiltier
//! the more windows there were to choose from. A window's margin is the
//! sum of its features' weights over the root of their number, group by group, plus a bias. Knots measured on harmless
//! texts that the model had not seen turn a margin into a risk; there is one set for what people write and one for
//! documents and tool results. Of fewer than [`LEAST`] words it has no opinion.
//!
//! `gatehouse train` makes the model; `classifier/card.md` says from what, and how good it is. Loading reads a header:
//! the weights stay where the binary has them. Scoring is one pass, allocates nothing, and is linear in the text.

pub mod features;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use super::Risk;
use super::words::Meaning;
use features::{Group, Sink};

/// Tokens in a block.
pub const BLOCK: usize = 16;
/// Blocks in a window.
pub const WINDOW: usize = 3;

/// Words from which the model has an opinion: what is shorter may be a button, a title or a command, and is the rules' to
/// judge.
pub const LEAST: u32 = 5;

/// What a text's margin loses for each doubling of the windows that were looked at, up to [`DOUBLINGS`]: of many harmless
/// windows the guiltiest looks guiltier by chance. Bounded, so that padding hides no plain attack.
const PER_DOUBLING: f32 = 0.5;
const DOUBLINGS: f32 = 4.0;

/// What the margin of the guiltiest of so many blocks' windows loses for their number.
fn chance(blocks: usize) -> f32 {
    PER_DOUBLING * (blocks as f32 / WINDOW as f32).max(1.0).log2().min(DOUBLINGS)
}

/// The id under which the model's finding is reported.
pub const RULE: &str = "statistical.words";

/// The risks, in thousandths, that the knots of a curve stand for. Each but the last completes what a weak rule weighs to
/// what is blocked at.
pub const KNOTS: [u16; 5] = [200, 300, 400, 500, 800];

/// The margins at which the risks of [`KNOTS`] are reached; none is below the one before it.
pub type Knots = [f32; KNOTS.len()];

/// A model: weights by bucket, and what a margin means. Its `Debug` shows the header.
#[derive(Clone)]
pub struct Model<'w> {
    header: Header,
    weights: Cow<'w, [u8]>,
}

/// What stands before the weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    /// The weights' count is two to this.
    pub bits: u32,
    /// Added to every window's margin.
    pub bias: f32,
    /// What a weight of one counts.
    pub scale: f32,
    /// The margins at which the words of people reach each risk of [`KNOTS`].
    pub people: Knots,
    /// The same for documents and tool results.
    pub data: Knots,
}

/// A file that holds no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a model of this version")]
pub struct NoModel;

/// How guilty a text looks, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The margin of its guiltiest window, less what chance adds to it by the number of windows.
    pub margin: f32,
    /// That window, in bytes of the text.
    pub span: Range<usize>,
    /// The words in it.
    pub words: u32,
}

/// A feature that speaks for or against a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// What it was made from, in bytes of the text.
    pub span: Range<usize>,
    /// What it adds to the margin.
    pub weight: f32,
}

const MAGIC: &[u8; 4] = b"GHC3";
const HEADER: usize = 4 + 4 + (2 + 2 * KNOTS.len()) * 4;

static EMBEDDED: LazyLock<Option<Model<'static>>> =
    LazyLock::new(|| Model::read(include_bytes!("classifier/model.bin")).ok());

/// The model that the binary holds. A test reads it, so that it is never absent.
pub fn embedded() -> Option<&'static Model<'static>> {
    EMBEDDED.as_ref()
}

impl fmt::Debug for Model<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Model").field(&self.header).finish()
    }
}

impl Header {
    /// The header as a file begins with it.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.bits.to_le_bytes());
        let floats = [self.bias, self.scale].into_iter().chain(self.people).chain(self.data);
        bytes.extend(floats.flat_map(f32::to_le_bytes));
        bytes
    }
}

impl<'w> Model<'w> {
    /// The model in a file.
    ///
    /// # Errors
    /// When it holds none, or one of another version.
    pub fn read(file: &'w [u8]) -> Result<Self, NoModel> {
        let (header, weights) = file.split_at_checked(HEADER).ok_or(NoModel)?;
        let (words, _) = header.strip_prefix(MAGIC).ok_or(NoModel)?.as_chunks::<4>();
        let [bits, floats @ ..] = words else { return Err(NoModel) };
        let bits = u32::from_le_bytes(*bits);
        let mut floats = floats.iter().map(|float| f32::from_le_bytes(*float));
        let mut next = || floats.next().filter(|float| float.is_finite()).ok_or(NoModel);
        let (bias, scale) = (next()?, next()?);
        let mut knots = || -> Result<Knots, NoModel> {
            let mut knots = [0.0; KNOTS.len()];
            for knot in &mut knots {
                *knot = next()?;
            }
            if knots.is_sorted() { Ok(knots) } else { Err(NoModel) }
        };
        let header = Header { bits, bias, scale, people: knots()?, data: knots()? };
        if !(8..=20).contains(&bits) || weights.len() != 1 << bits {
            return Err(NoModel);
        }
        Ok(Self { header, weights: Cow::Borrowed(weights) })
    }

    /// The same model, with weights of its own.
    #[must_use]
    pub fn into_owned(self) -> Model<'static> {
        Model { header: self.header, weights: Cow::Owned(self.weights.into_owned()) }
    }

    /// What stands before the weights.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The guiltiest window of a text, which is a detection copy. `None` when the text has no token.
    #[must_use]
    pub fn score(&self, text: &str) -> Option<Score> {
        let mut blocks = Blocks::new(self);
        features::read(text, &mut blocks);
        blocks.finish()
    }

    /// The same where the meanings of the text's words are known.
    pub(super) fn score_with(
        &self,
        text: &str,
        meanings: impl Iterator<Item = (Meaning, Range<usize>)>,
    ) -> Option<Score> {
        let mut blocks = Blocks::new(self);
        features::read_with(text, meanings, &mut blocks);
        blocks.finish()
    }

    /// What a score means, in thousandths of risk.
    #[must_use]
    pub fn risk(&self, score: &Score, data: bool) -> Risk {
        if score.words < LEAST {
            return Risk::default();
        }
        risk(score.margin, if data { &self.header.data } else { &self.header.people })
    }

    /// The features of a window that weigh most, heaviest first; a stretch that several were made from counts once, with
    /// their sum.
    #[must_use]
    pub fn reasons(&self, text: &str, window: Range<usize>, most: usize) -> Vec<Reason> {
        let mut reasons = Reasons { model: self, offset: window.start, counts: [0; 2], found: Vec::new() };
        features::read(text.get(window).unwrap_or_default(), &mut reasons);
        let Reasons { counts, mut found, .. } = reasons;
        found.sort_by_key(|(_, reason)| (reason.span.start, reason.span.end));
        let mut merged: Vec<Reason> = Vec::new();
        for (group, mut reason) in found {
            reason.weight *= group.share(counts.get(group.place()).copied().unwrap_or_default());
            match merged.last_mut().filter(|last| last.span == reason.span) {
                Some(last) => last.weight += reason.weight,
                None => merged.push(reason),
            }
        }
        merged.retain(|reason| reason.weight > 0.0);
        merged.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        merged.truncate(most);
        merged
    }

    fn weight(&self, hash: u32) -> i32 {
        let bucket = usize::try_from(hash >> (32 - self.header.bits)).unwrap_or_default();
        self.weights.get(bucket).map_or(0, |weight| i32::from(weight.cast_signed()))
    }

    fn margin(&self, sums: [Sum; 2]) -> f32 {
        let groups = Group::ALL.into_iter().zip(sums);
        let weight: f32 = groups.map(|(group, sum)| sum.weights as f32 * group.share(sum.count)).sum();
        self.header.bias + weight * self.header.scale
    }
}

/// A risk from a margin, on straight lines between the knots; nothing below the first, and beyond the last as steep as
/// before it.
#[must_use]
pub fn risk(margin: f32, knots: &Knots) -> Risk {
    let mut last = None;
    let mut risk = 0.0;
    for (knot, at) in knots.iter().zip(KNOTS.map(f32::from)) {
        let Some((from, risk_from)) = last.replace((*knot, at)) else {
            if margin < *knot {
                return Risk::default();
            }
            continue;
        };
        // In this order: a knot may be as far off as a float goes.
        risk = risk_from + (at - risk_from) * ((margin - from) / (knot - from).max(LEAST_RISE));
        if margin < *knot {
            break;
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "clamped to thousandths")]
    Risk::thousandths(risk.clamp(0.0, 1000.0) as u16)
}

/// How far two knots are taken to be apart at least, so that a risk grows and does not leap.
const LEAST_RISE: f32 = 0.01;

/// The weights of features, and how many features that are.
#[derive(Clone, Copy, Default)]
struct Sum {
    weights: i32,
    count: usize,
}

/// A block's sums by group, how many words are in it, and where it begins.
#[derive(Clone, Copy, Default)]
struct Block {
    sums: [Sum; 2],
    words: u32,
    start: usize,
}

impl Block {
    fn and(mut self, other: &Self) -> Self {
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            sum.weights += more.weights;
            sum.count += more.count;
        }
        self.words += other.words;
        self
    }
}

/// Scores window after window as blocks fill.
struct Blocks<'m, 'w> {
    model: &'m Model<'w>,
    weights: &'m [u8],
    /// How far a hash is shifted to be the number of its weight.
    shift: u32,
    /// The block that fills, after those before it that share a window with it, the oldest first.
    ring: [Block; WINDOW],
    tokens: usize,
    blocks: usize,
    end: usize,
    best: Option<Score>,
}

impl<'m, 'w> Blocks<'m, 'w> {
    fn new(model: &'m Model<'w>) -> Self {
        let (weights, shift) = (&*model.weights, 32 - model.header.bits);
        Self { model, weights, shift, ring: [Block::default(); WINDOW], tokens: 0, blocks: 0, end: 0, best: None }
    }

    fn close(&mut self) {
        self.blocks += 1;
        self.tokens = 0;
        if self.blocks >= WINDOW {
            self.judge();
        }
        self.ring.rotate_left(1);
        let [.., open] = &mut self.ring;
        *open = Block { start: self.end, ..Block::default() };
    }

    fn judge(&mut self) {
        let used = self.ring.iter().skip(WINDOW.saturating_sub(self.blocks));
        let window = used.clone().fold(Block::default(), Block::and);
        let margin = self.model.margin(window.sums);
        if self.best.as_ref().is_none_or(|best| best.margin < margin) {
            let start = used.map(|block| block.start).next().unwrap_or_default();
            self.best = Some(Score { margin, span: start..self.end, words: window.words });
        }
    }

    fn finish(mut self) -> Option<Score> {
        let rest = self.tokens > 0;
        if rest {
            self.close();
        }
        if self.blocks > 0 && self.blocks < WINDOW {
            // The last block was closed, and so moved one place to the front.
            self.ring.rotate_right(1);
            self.judge();
        }
        let loss = chance(self.blocks);
        self.best.map(|best| Score { margin: best.margin - loss, ..best })
    }
}

impl Sink for Blocks<'_, '_> {
    #[inline]
    fn feature(&mut self, group: Group, hash: u32, span: Range<usize>) {
        self.features(group, std::iter::once((hash, span)));
    }

    #[inline]
    fn features(&mut self, group: Group, made: impl Iterator<Item = (u32, Range<usize>)>) {
        let weight =
            |hash: u32| self.weights.get((hash >> self.shift) as usize).map_or(0, |weight| weight.cast_signed());
        let (weights, count) = made.fold((0, 0), |(sum, count), (hash, _)| (sum + i32::from(weight(hash)), count + 1));
        let [.., Block { sums: [spelling, classes], .. }] = &mut self.ring;
        let sum = match group {
            Group::Spelling => spelling,
            Group::Classes => classes,
        };
        sum.weights += weights;
        sum.count += count;
    }

    #[inline]
    fn token(&mut self, word: bool, span: Range<usize>) {
        self.end = span.end;
        let [.., open] = &mut self.ring;
        open.words += u32::from(word);
        self.tokens += 1;
        if self.tokens == BLOCK {
            self.close();
        }
    }
}

struct Reasons<'m, 'w> {
    model: &'m Model<'w>,
    offset: usize,
    counts: [usize; 2],
    found: Vec<(Group, Reason)>,
}

impl Sink for Reasons<'_, '_> {
    fn feature(&mut self, group: Group, hash: u32, span: Range<usize>) {
        if let Some(count) = self.counts.get_mut(group.place()) {
            *count += 1;
        }
        let weight = self.model.weight(hash) as f32 * self.model.header.scale;
        self.found.push((group, Reason { span: span.start + self.offset..span.end + self.offset, weight }));
    }

    fn token(&mut self, _: bool, _: Range<usize>) {}
}

#[cfg(test)]
mod tests;
