//! Judging a conversation: which rules it touches, how risky that makes it, and what follows.
//!
//! # What is read together
//! The parts of one provenance are matched as one text, in order, a newline between them, so that a phrase split over
//! parts or turns is found. The system instruction is a text of its own.
//!
//! # How risk adds up
//! The unit of risk is a turn's parts of one provenance. Each enforced rule that matched in a unit adds its weight once,
//! however often it matched; weights of one category add up and categories add up, to at most 1.0, as the seed's ten
//! patterns do. A match counts for the turn that completes it. The conversation's risk is that of its riskiest unit: a
//! long history does not become risky by being long, and what stands around an attack does not dilute it.
//!
//! # Who is judged how
//! Users, documents, tool results and the model's replayed turns can each block. Documents and tool results, which have
//! no right to instruct, are judged by further rules. The caller is trusted to instruct: what is found in its words is
//! reported, and flags at most.

mod density;
mod operator;
mod seed;
mod settings;
mod texts;
mod verdict;

pub use settings::{BadPattern, Mode, OperatorRule, Profile, Settings};
pub use verdict::{Category, Decision, Finding, Place, Risk, Verdict};

use crate::conversation::{Conversation, Provenance};
use crate::guards::normalise::invisible::Hidden;
use crate::guards::signatures::{self, Rule, Scope};
use operator::Operator;
use seed::Seed;
use texts::{Texts, Unit};

/// Judges conversations. Built once per policy.
#[derive(Debug)]
pub struct Guard {
    settings: Settings,
    operator: Vec<Operator>,
    seed: Option<Seed>,
    rules: Vec<(Category, &'static Rule)>,
}

/// A finding, and the unit whose risk it adds to.
struct Scored {
    unit: usize,
    finding: Finding,
}

impl Guard {
    /// A guard for these settings.
    ///
    /// # Errors
    /// The first of the operator's rules that cannot be used, and what to do about it.
    pub fn new(settings: &Settings) -> Result<Self, BadPattern> {
        Ok(Self {
            operator: operator::compile(&settings.rules)?,
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

    fn by_seed(&self, seed: &Seed, conversation: &Conversation) -> (Vec<Provenance>, Vec<Scored>) {
        let mut units = Vec::new();
        let mut scored = Vec::new();
        for (turn, content) in conversation.turns.iter().enumerate() {
            for (part, piece) in content.parts.iter().enumerate() {
                if !matches!(piece.provenance, Provenance::User | Provenance::Document | Provenance::Tool) {
                    continue;
                }
                let text = piece.judged_text();
                let own = self.operator.iter().filter_map(|rule| Some((rule.found(rule.find(&text)?), rule.weight)));
                let findings = seed.judge(&text).into_iter().map(|hit| (hit.found, hit.weight)).chain(own);
                let unit = units.len();
                scored.extend(findings.filter_map(|(found, weight)| {
                    let place = At { turn: Place::Turn(turn), part, span: found.span.clone() };
                    Some(Scored { unit, finding: self.finding(&found.rule, found.category, weight, place)? })
                }));
                units.push(piece.provenance);
            }
        }
        (units, scored)
    }

    fn by_default(&self, conversation: &Conversation) -> (Vec<Provenance>, Vec<Scored>) {
        let mut owners = Vec::new();
        let mut scored = Vec::new();
        for texts in Texts::of(conversation) {
            let first = owners.len();
            owners.extend(texts.units().iter().map(|_| texts.provenance()));
            let mut found = Vec::new();
            self.match_signatures(&texts, &mut found);
            self.match_units(&texts, &mut found);
            scored.extend(found.into_iter().map(|one| Scored { unit: first + one.unit, ..one }));
        }
        (owners, scored)
    }

    /// The built-in patterns: one pass finds which match where they end; only then is each first match placed.
    fn match_signatures(&self, texts: &Texts<'_>, found: &mut Vec<Scored>) {
        let is_data = matches!(texts.provenance(), Provenance::Document | Provenance::Tool);
        let mut unit = 0;
        let mut seen = vec![false; self.rules.len()];
        let mut firsts = Vec::new();
        signatures::ends(texts.text(), |rule, end| {
            while texts.units().get(unit).is_some_and(|at: &Unit| at.span.end < end) {
                unit += 1;
                seen.fill(false);
            }
            if let Some(seen) = seen.get_mut(rule).filter(|seen| !**seen) {
                *seen = true;
                firsts.push((rule, unit, end));
            }
        });
        for (number, unit, end) in firsts {
            let Some((category, rule)) = self.rules.get(number) else { continue };
            if rule.scope == Scope::Data && !is_data {
                continue;
            }
            let at = texts.place(unit, end, |text, from| signatures::first(number, text, from));
            let finding = self.finding(rule.id, *category, Risk::thousandths(rule.weight), at);
            found.extend(finding.map(|finding| Scored { unit, finding }));
        }
    }

    /// What is judged a unit at a time: density, hidden characters, the operator's rules.
    fn match_units(&self, texts: &Texts<'_>, found: &mut Vec<Scored>) {
        for (number, unit) in texts.units().iter().enumerate() {
            let mut add = |rule: &str, category, weight, at| {
                found.extend(self.finding(rule, category, weight, at).map(|finding| Scored { unit: number, finding }));
            };
            if density::is_dense(texts.unit_text(unit)) {
                add(density::RULE, Category::Density, density::WEIGHT, texts.whole_part(unit));
            }
            for rule in &self.operator {
                if let Some(span) = rule.find(texts.unit_text(unit)) {
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

    fn finding(&self, rule: &str, category: Category, weight: Risk, at: At) -> Option<Finding> {
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
        })
    }

    fn conclude(&self, units: &[Provenance], scored: Vec<Scored>) -> Verdict {
        let mut enforced = vec![Risk::default(); units.len()];
        let mut all = enforced.clone();
        for Scored { unit, finding } in &scored {
            let add = |risks: &mut [Risk]| {
                if let Some(risk) = risks.get_mut(*unit) {
                    *risk = risk.plus(finding.weight);
                }
            };
            add(&mut all);
            if !finding.monitored {
                add(&mut enforced);
            }
        }
        let riskiest = |risks: Vec<Risk>| {
            let capped = units.iter().zip(risks).map(|(owner, risk)| match owner {
                Provenance::Caller => risk.min(Risk::thousandths(self.settings.block_at.saturating_sub(1))),
                Provenance::Document | Provenance::Model | Provenance::Tool | Provenance::User => risk,
            });
            capped.max().unwrap_or_default()
        };
        let risk_score = riskiest(enforced);
        let would_be = self.decide(riskiest(all));
        let mut findings: Vec<Finding> = scored.into_iter().map(|scored| scored.finding).collect();
        findings.sort_by(|a, b| {
            (a.turn, a.part, a.span.start, a.span.end, &a.rule).cmp(&(
                b.turn,
                b.part,
                b.span.start,
                b.span.end,
                &b.rule,
            ))
        });
        // A match that begins in one turn and ends in the next, and one that begins and ends in the first, have one place.
        findings.dedup();
        Verdict { decision: self.decide(risk_score), would_be, risk_score, findings }
    }

    const fn decide(&self, risk: Risk) -> Decision {
        if risk.as_thousandths() >= self.settings.block_at {
            Decision::Block
        } else if risk.as_thousandths() >= self.settings.flag_at {
            Decision::Flag
        } else {
            Decision::Allow
        }
    }
}

/// Text hidden in characters that show nothing has no honest use: it blocks.
const HIDDEN_WEIGHT: Risk = Risk::thousandths(800);

/// Where something was found.
struct At {
    turn: Place,
    part: usize,
    span: std::ops::Range<usize>,
}

#[cfg(test)]
mod tests;
