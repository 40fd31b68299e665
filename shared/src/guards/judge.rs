//! Judging a conversation: which rules it touches, how risky that makes it, and what follows.
//!
//! # What is read together
//! The parts of one provenance are matched as one text, in order, a newline between them, so that a phrase split over
//! parts or turns is found. The system instruction is a text of its own.
//!
//! What is disguised is read as well: the further readings of each turn, and of all turns together, are matched as the text
//! is. A rule that matches beneath a disguise counts as in plain sight, and unless honest texts are full of that disguise,
//! hiding is a finding of its own.
//!
//! # How risk adds up
//! The unit of risk is a turn's parts of one provenance. Each enforced rule that matched in a unit adds its weight once,
//! however often it matched; weights of one category add up and categories add up, to at most 1.0, as the seed's ten
//! patterns do; only density and the model, which look at the same signs, do not add to each other. A match counts for the turn that completes it. The conversation's risk is that of its riskiest unit: a
//! long history does not become risky by being long, and what stands around an attack does not dilute it.
//!
//! A document that speaks of attacks in general, quotes some in its midst and begins with none is flagged at most: a page
//! about prompt injection is no injection. A user must paste a long page, of three subjects, that also ends with none. Nor does what stands in code blocks and cited lines block, beside enough
//! of the page's own words. Invisible text has no such excuse.
//!
//! # Who is judged how
//! Users, documents, tool results and the model's replayed turns can each block. Documents and tool results, which have
//! no right to instruct, are judged by further rules. The caller is trusted to instruct: what is found in its words is
//! reported, and flags at most.

mod allowed;
mod density;
mod mention;
mod operator;
mod placing;
mod quotation;
mod seed;
mod settings;
mod texts;
mod verdict;
mod weighing;

pub use settings::{BadPattern, BlockedHistory, Mode, OperatorRule, Profile, Settings, Thresholds};
pub use verdict::{Category, Decision, Finding, Hold, Layer, Place, Risk, Verdict};

use std::ops::Range;

use crate::conversation::{Conversation, Provenance};
use crate::guards::classifier::{self, Model, Score};
use crate::guards::normalise::invisible::Hidden;
use crate::guards::normalise::readings::markup;
use crate::guards::signatures::{self, Rule, Scan, Scope};
use crate::guards::words::Meaning;
use allowed::Allowed;
use operator::Operator;
use seed::Seed;
use texts::{Texts, Unit};

/// Judges conversations. Built once per policy.
#[derive(Debug)]
pub struct Guard {
    settings: Settings,
    operator: Vec<Operator>,
    allowed: Allowed,
    seed: Option<Seed>,
    rules: Vec<(Category, &'static Rule)>,
    model: Option<Model<'static>>,
}

/// What risk the model finds in a stretch, where that is, and the disguise it is read beneath.
type Opinion = (Risk, Range<usize>, Option<Layer>);

/// A finding, which adds to the risk of a unit.
struct Scored {
    finding: Finding,
    excuse: Excuse,
}

/// What was found in units, unit by unit: each rule once, so that looking one up costs the same in every unit.
struct ByUnit(Vec<Vec<Scored>>);

impl ByUnit {
    fn of_units(count: usize) -> Self {
        Self(std::iter::repeat_with(Vec::new).take(count).collect())
    }

    fn add(&mut self, unit: usize, scored: impl IntoIterator<Item = Scored>) {
        if let Some(unit) = self.0.get_mut(unit) {
            unit.extend(scored);
        }
    }

    fn in_unit(&self, unit: usize) -> &[Scored] {
        self.0.get(unit).map(Vec::as_slice).unwrap_or_default()
    }

    fn by_rule(&self, unit: usize, rule: &str) -> Option<&Scored> {
        self.in_unit(unit).iter().find(|one| one.finding.rule == rule)
    }

    fn by_rule_mut(&mut self, unit: usize, rule: &str) -> Option<&mut Scored> {
        self.0.get_mut(unit)?.iter_mut().find(|one| one.finding.rule == rule)
    }
}

/// What speaks for a finding: it counts all the same, but may not be enough to block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Excuse {
    /// It stands in the midst of a long unit, as quotations do.
    amid: bool,
    /// It stands in a block that quotes.
    quoted: bool,
}

impl Excuse {
    const fn is_none(self) -> bool {
        !self.amid && !self.quoted
    }

    /// What speaks for both of two findings.
    const fn and(self, other: Self) -> Self {
        Self { amid: self.amid && other.amid, quoted: self.quoted && other.quoted }
    }
}

/// Whose a unit is, and whether it discusses attacks.
#[derive(Clone, Copy)]
struct Owner {
    provenance: Provenance,
    turn: Place,
    discusses: bool,
}

impl Guard {
    /// A guard for these settings, with the embedded model.
    ///
    /// # Errors
    /// The first of the operator's rules that cannot be used, and what to do about it.
    pub fn new(settings: &Settings) -> Result<Self, BadPattern> {
        Self::with_model(settings, classifier::embedded().cloned())
    }

    /// The same with another model, or with none: how a model is measured before it is embedded.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_model(settings: &Settings, model: Option<Model<'static>>) -> Result<Self, BadPattern> {
        Ok(Self {
            model,
            operator: operator::compile(&settings.rules)?,
            allowed: Allowed::new(&settings.allow),
            seed: (settings.profile == Profile::Seed).then(Seed::new),
            rules: signatures::all().collect(),
            settings: settings.clone(),
        })
    }

    /// Judges every turn and every part that has text. Time is linear in the text, whatever it holds.
    #[must_use]
    pub fn judge(&self, conversation: &Conversation) -> Verdict {
        let (units, scored) = match &self.seed {
            Some(seed) => self.by_seed(seed, conversation),
            None => self.by_default(conversation),
        };
        self.conclude(&units, scored)
    }

    fn by_seed(&self, seed: &Seed, conversation: &Conversation) -> (Vec<Owner>, ByUnit) {
        let mut units = Vec::new();
        let mut all = Vec::new();
        for (turn, content) in conversation.turns.iter().enumerate() {
            for (part, piece) in content.parts.iter().enumerate() {
                if !matches!(piece.provenance, Provenance::User | Provenance::Document | Provenance::Tool) {
                    continue;
                }
                let text = piece.judged_text();
                let counts = |span: &Range<usize>| !self.allowed.covers(&text, span);
                let own =
                    self.operator.iter().filter_map(|rule| Some((rule.found(rule.find(&text, counts)?), rule.weight)));
                let findings =
                    seed.judge(&text, &self.allowed).into_iter().map(|hit| (hit.found, hit.weight)).chain(own);
                let scored = findings.filter_map(|(found, weight)| {
                    let place = At { turn: Place::Turn(turn), part, span: found.span.clone() };
                    let finding = self.finding(&found.rule, found.category, weight, place, None)?;
                    Some(Scored { finding, excuse: Excuse::default() })
                });
                all.push(scored.collect());
                units.push(Owner { provenance: piece.provenance, turn: Place::Turn(turn), discusses: false });
            }
        }
        (units, ByUnit(all))
    }

    fn by_default(&self, conversation: &Conversation) -> (Vec<Owner>, ByUnit) {
        let mut owners = Vec::new();
        let mut all = ByUnit::of_units(0);
        for texts in Texts::of(conversation) {
            let mut found = ByUnit::of_units(texts.units().len());
            let scan = Scan::of(texts.text());
            let readings: Vec<Scan<'_>> = texts.readings().all.iter().map(|reading| Scan::of(reading.text())).collect();
            self.match_signatures(&texts, &scan, &mut found);
            self.match_units(&texts, &mut found);
            self.match_readings(&texts, &readings, &mut found);
            self.match_model(&texts, &scan, &readings, &mut found);
            owners.extend(texts.units().iter().enumerate().map(|(unit, at)| {
                let own = found.in_unit(unit);
                let discusses = !own.is_empty()
                    && own.iter().all(|one| one.excuse.amid || (texts.is_data() && one.excuse.quoted))
                    && is_about_attacks(texts.is_data(), at.span.len(), scan.subjects(at.span.clone()));
                Owner { provenance: texts.provenance(), turn: texts.whole_part(at).turn, discusses }
            }));
            all.0.append(&mut found.0);
        }
        (owners, all)
    }

    /// Rule number `number`, if these texts are its to judge.
    fn rule(&self, number: usize, texts: &Texts<'_>) -> Option<(Category, &'static Rule)> {
        let is_data = texts.is_data();
        self.rules.get(number).copied().filter(|(_, rule)| rule.scope == Scope::All || is_data)
    }

    /// What is judged a unit at a time: density, hidden characters, the operator's rules.
    fn match_units(&self, texts: &Texts<'_>, found: &mut ByUnit) {
        for (number, unit) in texts.units().iter().enumerate() {
            let mut add = |rule: &str, category, weight, at| {
                let finding = self.finding(rule, category, weight, at, None);
                found.add(number, finding.map(|finding| Scored { finding, excuse: Excuse::default() }));
            };
            if density::is_dense(&self.allowed.without(texts.unit_text(unit))) {
                add(density::RULE, Category::Density, density::WEIGHT, texts.whole_part(unit));
            }
            for rule in &self.operator {
                let text = texts.unit_text(unit);
                if let Some(span) = rule.find(text, |span| !self.allowed.covers(text, span)) {
                    let at = texts.at(unit.span.start + span.start..unit.span.start + span.end);
                    add(&rule.id, Category::Operator, rule.weight, at);
                }
            }
            for (kind, at) in texts.hidden(unit) {
                let rule = match kind {
                    Hidden::Tags => "smuggling.tags",
                    Hidden::Selectors => "smuggling.variation_selectors",
                };
                add(rule, Category::Smuggling, HIDDEN_WEIGHT, at);
            }
        }
    }

    /// The model's opinion of each unit, in plain or beneath a disguise, whichever is guiltier. The caller is trusted to
    /// instruct, so its words are not put to it.
    fn match_model(&self, texts: &Texts<'_>, scan: &Scan<'_>, readings: &[Scan<'_>], found: &mut ByUnit) {
        let (Some(model), false) = (&self.model, texts.provenance() == Provenance::Caller) else { return };
        let is_data = texts.is_data();
        let mut worst: Vec<Option<Opinion>> = vec![None; texts.units().len()];
        let mut add = |unit: usize, risk: Risk, span, layer| {
            if let Some(worst) = worst.get_mut(unit).filter(|worst| worst.as_ref().is_none_or(|at| at.0 < risk)) {
                *worst = Some((risk, span, layer));
            }
        };
        // A document that says the word is about jailbreaks, as one with two of the subjects is about attacks.
        let names_it = |number: usize| is_data && found.by_rule(number, signatures::JAILBREAK).is_some();
        let discusses =
            |number: usize, unit: &Unit| scan.subjects(unit.span.clone()) >= SUBJECTS_AT_LEAST || names_it(number);
        let units = texts.units().iter().enumerate();
        let pages: Vec<bool> = units.map(|(number, unit)| unit.span.len() >= PAGE && discusses(number, unit)).collect();
        // Such a document is what it is about. Who has a right to instruct could put an order among such words, so there
        // the model has to be surer.
        let is_page = |unit: usize| pages.get(unit) == Some(&true);
        let is_silent = |unit: usize| is_data && is_page(unit);
        let risk = |unit: usize, mut score: Score| {
            if is_page(unit) {
                score.margin -= OF_THE_SUBJECT;
            }
            model.risk(&score, is_data)
        };
        for (number, unit) in texts.units().iter().enumerate().filter(|(number, _)| !is_silent(*number)) {
            let named = texts.without_mentions(unit);
            let text = named.as_deref().unwrap_or_else(|| texts.unit_text(unit));
            if let Some(score) = ask_of_writing(model, text, beside(text, scan.meanings(unit.span.clone()))) {
                let span = unit.span.start + score.span.start..unit.span.start + score.span.end;
                add(number, risk(number, score), span, None);
            }
        }
        for (reading, scan) in texts.readings().all.iter().zip(readings) {
            let Some(unit) = reading.unit.filter(|unit| !is_silent(*unit)) else { continue };
            let text = reading.text();
            // What was encoded is a text of its own as well: what stands around does not dilute it.
            let encoded = reading.changed().filter(|(at, layer)| !layer.is_common() && at.len() >= ENCODED);
            let encoded = encoded.map(|(at, _)| at).filter(|at| at.len() + 1 < text.len());
            for at in std::iter::once(0..text.len()).chain(encoded) {
                let part = text.get(at.clone()).unwrap_or_default();
                let Some(score) = ask(model, part, scan.meanings(at.clone())) else { continue };
                let span = at.start + score.span.start..at.start + score.span.end;
                let (layer, origin) = (reading.layer(span.clone()), reading.origin(span));
                add(unit, risk(unit, score), origin, layer);
            }
        }
        for (unit, worst) in worst.into_iter().enumerate() {
            let Some((risk, span, layer)) = worst else { continue };
            if risk >= Risk::thousandths(self.settings.model_from) && !self.allowed.covers(texts.text(), &span) {
                let quoted = layer.is_none() && texts.quotes(&span);
                let excuse = Excuse { amid: is_amid(texts, unit, &span), quoted };
                let finding = self.finding(classifier::RULE, Category::Statistical, risk, texts.at(span), layer);
                found.add(unit, finding.map(|finding| Scored { finding, excuse }));
            }
        }
    }

    fn finding(&self, rule: &str, category: Category, weight: Risk, at: At, layer: Option<Layer>) -> Option<Finding> {
        let weight = self.settings.weights.get(rule).map_or(weight, |weight| Risk::thousandths(*weight));
        if weight == Risk::default() && self.settings.weights.contains_key(rule) {
            return None;
        }
        let monitored = match self.settings.groups.get(&category).copied().unwrap_or_default() {
            Mode::Enforce => false,
            Mode::Monitor => true,
            Mode::Off => return None,
        };
        Some(Finding {
            rule: rule.to_owned(),
            category,
            turn: at.turn,
            part: at.part,
            span: at.span,
            weight,
            monitored,
            layer,
        })
    }
}

/// What the model finds in a text, of whose words `meanings` tells. A page's layout is no sign of anything, and not read.
fn ask(
    model: &Model<'_>,
    text: &str,
    meanings: impl Iterator<Item = (Meaning, Range<usize>)> + Clone,
) -> Option<Score> {
    match markup::laid_out(text) {
        Some(bare) => model.score_with(&bare, beside(&bare, meanings)),
        None => model.score_with(text, meanings),
    }
}

/// The same of what somebody wrote, also without the signs that Markdown sets around words: whichever is guiltier.
fn ask_of_writing(
    model: &Model<'_>,
    text: &str,
    meanings: impl Iterator<Item = (Meaning, Range<usize>)> + Clone,
) -> Option<Score> {
    let plain = markup::undecorated(text).and_then(|bare| ask(model, &bare, beside(&bare, meanings.clone())));
    let score = ask(model, text, meanings);
    match (score, plain) {
        (Some(score), Some(plain)) if plain.margin > score.margin => Some(plain),
        (score, plain) => score.or(plain),
    }
}

/// The meanings of the words that were not blanked out of a text.
fn beside<M: Iterator<Item = (Meaning, Range<usize>)> + Clone>(
    bare: &str,
    meanings: M,
) -> impl Iterator<Item = (Meaning, Range<usize>)> + Clone + use<'_, M> {
    meanings.filter(|(_, span)| bare.as_bytes().get(span.start) != Some(&b' '))
}

/// From how many bytes on what was encoded is put to the model by itself.
const ENCODED: usize = 24;
/// From how many bytes on a text that discusses attacks is a page, whose words are the model's own vocabulary of attacks.
const PAGE: usize = 400;
/// What the model's margin loses in such a text that a user said. Of 332 guide pages that quote attacks, said so, it keeps
/// about as many from being blocked as silence did (15.4 % are, with silence 14.5, with neither 18.4), and costs no attack.
const OF_THE_SUBJECT: f32 = 1.0;
/// From how many of eight subjects on a text discusses attacks.
const SUBJECTS_AT_LEAST: u32 = 2;
/// What a user has to say, to be read as a page about attacks that was pasted and not as an order with a preface: from how
/// many of the subjects on, and in how many bytes.
const SUBJECTS_OF_USERS: u32 = 3;
const PAGE_OF_USERS: usize = 1000;
/// How far from the beginning of a text a quotation stands, in bytes, and half as far as from its end.
const EDGE: usize = 100;

/// Whether a unit of so many bytes that touches so many of the subjects discusses attacks. Data has no right to instruct,
/// so talk about the subject is what it is; a user has, and could talk so before an order of its own.
const fn is_about_attacks(is_data: bool, bytes: usize, subjects: u32) -> bool {
    if is_data { subjects >= SUBJECTS_AT_LEAST } else { subjects >= SUBJECTS_OF_USERS && bytes >= PAGE_OF_USERS }
}

/// Whether a stretch stands in the midst of a unit.
fn is_amid(texts: &Texts<'_>, unit: usize, span: &Range<usize>) -> bool {
    let unit = texts.units().get(unit).map(|unit| &unit.span);
    unit.is_some_and(|unit| unit.start + EDGE <= span.start && span.end + 2 * EDGE <= unit.end)
}

/// The rule that says that something was hidden.
const BENEATH: &str = "smuggling.disguised";
/// Hiding what a rule looks for is as good as a second sign.
const BENEATH_WEIGHT: Risk = Risk::thousandths(400);
/// Nobody writes so much in layers of encodings by accident; what is in it stays unknown, so it flags.
const UNREAD_WEIGHT: Risk = Risk::thousandths(400);
/// Text hidden in characters that show nothing has no honest use: it blocks.
const HIDDEN_WEIGHT: Risk = Risk::thousandths(800);

/// The rules that are no patterns, and why each is a sign of an attack.
const FURTHER: [(&str, &str); 6] = [
    (
        density::RULE,
        "More than three in ten characters are neither letters, digits nor white space: the guide's sign for symbols laid over a text.",
    ),
    (BENEATH, "What a rule looks for was hidden beneath an encoding or a disguise, where honest texts do not have it."),
    ("smuggling.tags", "Tag characters show nothing and spell words that a model reads."),
    ("smuggling.unread", "So much stands in layers of encodings that not all of it was read."),
    ("smuggling.variation_selectors", "A row of variation selectors shows nothing and carries bytes."),
    (classifier::RULE, "The words stand together as they do in attacks, by a model that was learned from examples."),
];

/// The ids that a policy may give weights to: every built-in rule's.
pub fn ids() -> impl Iterator<Item = &'static str> {
    signatures::all().map(|(_, rule)| rule.id).chain(FURTHER.into_iter().map(|(id, _)| id))
}

/// Why a match of the built-in rule with this id is a sign of an attack.
#[must_use]
pub fn why(id: &str) -> Option<&'static str> {
    let further = FURTHER.into_iter().find(|(known, _)| *known == id).map(|(_, why)| why);
    further.or_else(|| signatures::why(id))
}

/// Where something was found.
struct At {
    turn: Place,
    part: usize,
    span: Range<usize>,
}

#[cfg(test)]
mod tests;
