//! The statistical layer: a linear model over hashed word and character n-grams, trained offline and embedded.
//!
//! A text is read in blocks of [`BLOCK`] tokens; every [`WINDOW`] blocks in a row are scored by themselves, and the
//! guiltiest window speaks for the text, so that what stands around an attack does not dilute it. A window's margin is the
//! sum of its features' weights over the root of their number, plus a bias. Knots measured on harmless texts that the model
//! had not seen turn a margin into a risk; there is one set for what people write and one for documents and tool results.
//!
//! `gatehouse train` makes the model; `classifier/card.md` says from what, and how good it is. Loading reads a header:
//! the weights stay where the binary has them. Scoring is one pass, allocates nothing, and is linear in the text.

pub mod features;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use super::Risk;
use features::Sink;

/// Tokens in a block.
pub const BLOCK: usize = 16;
/// Blocks in a window.
pub const WINDOW: usize = 3;

/// The id under which the model's finding is reported.
pub const RULE: &str = "statistical.words";

/// The risks, in thousandths, that the knots of a curve stand for.
pub const KNOTS: [u16; 3] = [200, 400, 800];

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
    pub people: [f32; 3],
    /// The same for documents and tool results.
    pub data: [f32; 3],
}

/// A file that holds no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a model of this version")]
pub struct NoModel;

/// How guilty a text looks, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The margin of its guiltiest window.
    pub margin: f32,
    /// That window, in bytes of the text.
    pub span: Range<usize>,
}

/// A feature that speaks for or against a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// What it was made from, in bytes of the text.
    pub span: Range<usize>,
    /// What it adds to the margin.
    pub weight: f32,
}

const MAGIC: &[u8; 4] = b"GHC1";
const HEADER: usize = 4 + 4 + 8 * 4;

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
        let header = Header {
            bits,
            bias: next()?,
            scale: next()?,
            people: [next()?, next()?, next()?],
            data: [next()?, next()?, next()?],
        };
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

    /// What a margin means, in thousandths of risk.
    #[must_use]
    pub fn risk(&self, margin: f32, data: bool) -> Risk {
        let knots = if data { self.header.data } else { self.header.people };
        risk(margin, knots)
    }

    /// The features of a window that weigh most, heaviest first; a stretch that several were made from counts once, with
    /// their sum.
    #[must_use]
    pub fn reasons(&self, text: &str, window: Range<usize>, most: usize) -> Vec<Reason> {
        let mut reasons = Reasons { model: self, offset: window.start, count: 0, found: Vec::new() };
        features::read(text.get(window).unwrap_or_default(), &mut reasons);
        let root = root(reasons.count);
        let mut found = reasons.found;
        found.sort_by_key(|reason: &Reason| (reason.span.start, reason.span.end));
        let mut merged: Vec<Reason> = Vec::new();
        for reason in found {
            match merged.last_mut().filter(|last| last.span == reason.span) {
                Some(last) => last.weight += reason.weight,
                None => merged.push(reason),
            }
        }
        for reason in &mut merged {
            reason.weight /= root;
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

    fn margin(&self, sum: i32, count: u32) -> f32 {
        let sum = sum as f32;
        self.header.bias + sum * self.header.scale / root(count)
    }
}

fn root(count: u32) -> f32 {
    let count = count.max(1) as f32;
    count.sqrt()
}

/// A risk from a margin, on straight lines between the knots; nothing below the first, and beyond the last as steep as
/// before it.
#[must_use]
pub fn risk(margin: f32, knots: [f32; 3]) -> Risk {
    let [low, middle, high] = knots;
    let [at_low, at_middle, at_high] = KNOTS.map(f32::from);
    let share = |from: f32, to: f32| (margin - from) / (to - from).max(0.01);
    let risk = if margin < low {
        0.0
    } else if margin < middle {
        at_low + (at_middle - at_low) * share(low, middle)
    } else {
        at_middle + (at_high - at_middle) * share(middle, high)
    };
    #[expect(clippy::cast_possible_truncation, reason = "clamped to thousandths")]
    Risk::thousandths(risk.clamp(0.0, 1000.0) as u16)
}

/// A block's sum, how many features are in it, and where it begins.
#[derive(Clone, Copy, Default)]
struct Block {
    sum: i32,
    count: u32,
    start: usize,
}

/// Scores window after window as blocks fill.
struct Blocks<'m, 'w> {
    model: &'m Model<'w>,
    /// The block that fills, after those before it that share a window with it, the oldest first.
    ring: [Block; WINDOW],
    tokens: usize,
    blocks: usize,
    end: usize,
    best: Option<Score>,
}

impl<'m, 'w> Blocks<'m, 'w> {
    const fn new(model: &'m Model<'w>) -> Self {
        let empty = Block { sum: 0, count: 0, start: 0 };
        Self { model, ring: [empty; WINDOW], tokens: 0, blocks: 0, end: 0, best: None }
    }

    fn close(&mut self) {
        self.blocks += 1;
        self.tokens = 0;
        if self.blocks >= WINDOW {
            self.judge();
        }
        self.ring.rotate_left(1);
        if let Some(last) = self.ring.last_mut() {
            *last = Block { start: self.end, ..Block::default() };
        }
    }

    fn judge(&mut self) {
        let used = self.ring.iter().skip(WINDOW.saturating_sub(self.blocks));
        let (sum, count) = used.clone().fold((0, 0), |(sum, count), block| (sum + block.sum, count + block.count));
        let margin = self.model.margin(sum, count);
        if self.best.as_ref().is_none_or(|best| best.margin < margin) {
            let start = used.map(|block| block.start).next().unwrap_or_default();
            self.best = Some(Score { margin, span: start..self.end });
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
        self.best
    }
}

impl Sink for Blocks<'_, '_> {
    #[inline]
    fn feature(&mut self, hash: u32, _: Range<usize>) {
        if let Some(block) = self.ring.last_mut() {
            block.sum += self.model.weight(hash);
            block.count += 1;
        }
    }

    #[inline]
    fn token(&mut self, span: Range<usize>) {
        self.end = span.end;
        self.tokens += 1;
        if self.tokens == BLOCK {
            self.close();
        }
    }
}

struct Reasons<'m, 'w> {
    model: &'m Model<'w>,
    offset: usize,
    count: u32,
    found: Vec<Reason>,
}

impl Sink for Reasons<'_, '_> {
    fn feature(&mut self, hash: u32, span: Range<usize>) {
        self.count += 1;
        let weight = self.model.weight(hash) as f32 * self.model.header.scale;
        self.found.push(Reason { span: span.start + self.offset..span.end + self.offset, weight });
    }

    fn token(&mut self, _: Range<usize>) {}
}

#[cfg(test)]
mod tests;
