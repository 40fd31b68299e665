//! Where rules match, and which of their matches counts.
//!
//! A rule counts once a unit, by the match that least speaks for: one in a quotation or an allowed phrase says nothing of
//! one behind it. So matches are placed, one after the other, until one has no excuse. The work for it is bounded, and
//! where the bound is reached, what was not looked at has no excuse: nobody quotes a phrase so often.

use std::ops::Range;

use super::texts::{Further, Texts, Unit};
use super::{
    BENEATH, BENEATH_WEIGHT, ByUnit, Category, Excuse, Finding, Guard, Layer, Risk, Scored, UNREAD_WEIGHT, is_amid,
};
use crate::guards::signatures::{Rule, Scan};

/// How many matches of a rule are placed in a unit.
const MOST_PLACES: usize = 32;
/// How far back from its end a match in a reading is looked for, in bytes.
const READING_BACK: usize = 1024;

/// Where the matches of a rule end in a unit.
struct Met {
    rule: usize,
    unit: usize,
    /// The first ones.
    ends: Vec<usize>,
    last: usize,
}

/// What is known of a rule before it is found somewhere.
struct Sign<'r> {
    id: &'r str,
    category: Category,
    weight: Risk,
}

impl<'r> Sign<'r> {
    fn of(rule: &'static Rule, category: Category) -> Self {
        Sign { id: rule.id, category, weight: Risk::thousandths(rule.weight) }
    }
}

impl Guard {
    /// The built-in patterns: one pass finds which match where they end; only then are matches placed.
    pub(super) fn match_signatures(&self, texts: &Texts<'_>, scan: &Scan<'_>, found: &mut ByUnit) {
        let mut all: Vec<Met> = Vec::new();
        let mut latest: Vec<Option<usize>> = vec![None; self.rules.len()];
        let (mut unit, mut last) = (0, 0);
        scan.ends(|rule, end| {
            // The rules over words begin again at the front.
            unit = if end < last { 0 } else { unit };
            last = end;
            while texts.units().get(unit).is_some_and(|at: &Unit| at.span.end < end) {
                unit += 1;
            }
            let Some(latest) = latest.get_mut(rule) else { return };
            match latest.and_then(|at| all.get_mut(at)).filter(|met| met.unit == unit) {
                Some(met) => {
                    met.last = end;
                    if met.ends.len() < MOST_PLACES {
                        met.ends.push(end);
                    }
                }
                None => {
                    *latest = Some(all.len());
                    all.push(Met { rule, unit, ends: vec![end], last: end });
                }
            }
        });
        for met in all {
            let Some((category, rule)) = self.rule(met.rule, texts) else { continue };
            let quotes = category != Category::Smuggling;
            let Some((span, excuse)) = self.least_excused(texts, scan, &met, quotes) else { continue };
            let finding = self.finding(rule.id, category, Risk::thousandths(rule.weight), texts.at(span), None);
            found.add(met.unit, finding.map(|finding| Scored { finding, excuse }));
        }
    }

    /// The match that counts, and what speaks for all of them; none where each stands in an allowed phrase.
    fn least_excused(
        &self,
        texts: &Texts<'_>,
        scan: &Scan<'_>,
        met: &Met,
        quotes: bool,
    ) -> Option<(Range<usize>, Excuse)> {
        let locate = |end, before: Option<&_>| texts.locate(met.unit, end, before, |range| scan.first(met.rule, range));
        let mut before: Option<Range<usize>> = None;
        let mut counting: Option<(Range<usize>, bool)> = None;
        for end in &met.ends {
            let span = locate(*end, before.as_ref());
            before = Some(span.clone());
            if self.allowed.covers(texts.text(), &span) {
                continue;
            }
            let quoted = quotes && texts.quotes(&span);
            if counting.as_ref().is_none_or(|(_, before)| *before && !quoted) {
                counting = Some((span, quoted));
            }
            if !quoted {
                break;
            }
        }
        let is_open = |counting: &Option<(_, bool)>| counting.as_ref().is_some_and(|(_, quoted)| !quoted);
        if !is_open(&counting) && met.ends.last() != Some(&met.last) {
            counting = Some((locate(met.last, before.as_ref()), false));
        }
        let (span, quoted) = counting?;
        // A page about attacks may name them at its end. A user's own order may stand there.
        let last = if texts.is_data() { span.end } else { met.last };
        let amid = is_amid(texts, met.unit, &(span.start..last));
        Some((span, Excuse { amid, quoted }))
    }

    /// The same for what the text says beneath its disguises, as far as it does not say so in plain.
    pub(super) fn match_readings(&self, texts: &Texts<'_>, scans: &[Scan<'_>], found: &mut ByUnit) {
        // In all of them together: what many readings repeat is placed as well in one.
        let mut work = 32 * READING_BACK;
        for (reading, scan) in texts.readings().all.iter().zip(scans) {
            work += 2 * reading.text().len();
            self.match_reading(texts, reading, scan, &mut work, found);
            for rule in &self.operator {
                let text = reading.text();
                let counts = |span: &_| reading.layer(Range::clone(span)).is_some() && !self.allowed.covers(text, span);
                let Some(span) = rule.find(text, counts) else { continue };
                let Some(layer) = reading.layer(span.clone()) else { continue };
                let sign = Sign { id: &rule.id, category: Category::Operator, weight: rule.weight };
                self.add_hidden(texts, &reading.origin(span), layer, &sign, found);
            }
        }
        for (number, unit) in
            texts.readings().unread.iter().filter_map(|number| Some((*number, texts.units().get(*number)?)))
        {
            let at = texts.whole_part(unit);
            let finding = self.finding("smuggling.unread", Category::Smuggling, UNREAD_WEIGHT, at, None);
            found.add(number, finding.map(|finding| Scored { finding, excuse: Excuse::default() }));
        }
    }

    fn match_reading(
        &self,
        texts: &Texts<'_>,
        reading: &Further,
        scan: &Scan<'_>,
        work: &mut usize,
        found: &mut ByUnit,
    ) {
        let changed: Vec<Range<usize>> = reading.changed().map(|(at, _)| at).collect();
        let mut candidates: Vec<(usize, usize, bool)> = Vec::new();
        let (mut nearest, mut last) = (0, 0);
        scan.ends(|rule, end| {
            nearest = if end < last { 0 } else { nearest };
            last = end;
            while changed.get(nearest).is_some_and(|at| at.start < end) {
                nearest += 1;
            }
            // What ends far behind everything that was changed stands in plain sight.
            let near = nearest.checked_sub(1).and_then(|before| changed.get(before));
            if let Some(at) = near.filter(|at| end.saturating_sub(at.end) <= READING_BACK) {
                candidates.push((rule, end, end <= at.end));
            }
        });
        candidates.sort_by_key(|(rule, _, _)| *rule);
        let mut before = (usize::MAX, 0..0);
        for (number, end, within) in candidates {
            let Some((category, rule)) = self.rule(number, texts) else { continue };
            let here = end.saturating_sub(1)..end;
            let unit = texts.unit_at(reading.origin(here.clone()).start);
            if found.by_rule(unit, rule.id).is_some_and(|one| one.excuse.is_none()) {
                continue;
            }
            let from = reading.text().floor_char_boundary(end.saturating_sub(READING_BACK));
            let behind = |at: usize| first_hidden(reading, scan, number, from.max(at)..end);
            let span = match () {
                () if *work == 0 => Some(here.clone()),
                () if before.0 == number => behind(before.1.end).or_else(|| behind(before.1.start + 1)),
                () => behind(from),
            };
            *work = work.saturating_sub(end - from.min(end));
            let Some(span) = span.or_else(|| within.then_some(here)) else { continue };
            before = (number, span.clone());
            let layer = reading.layer(span.clone()).or_else(|| reading.layer(from..end));
            let Some(layer) = layer.filter(|_| !self.allowed.covers(reading.text(), &span)) else { continue };
            self.add_hidden(texts, &reading.origin(span), layer, &Sign::of(rule, category), found);
        }
    }

    /// Adds what was found beneath a disguise, and that it was hidden, each once a unit.
    fn add_hidden(&self, texts: &Texts<'_>, origin: &Range<usize>, layer: Layer, sign: &Sign<'_>, found: &mut ByUnit) {
        let unit = texts.unit_at(origin.start);
        let quotable = layer.is_common() && !matches!(sign.category, Category::Operator | Category::Smuggling);
        let quoted = quotable && texts.quotes(origin);
        let excuse = Excuse { amid: quotable && is_amid(texts, unit, origin), quoted };
        let before = found.by_rule(unit, sign.id).map(|one| one.excuse);
        if before.is_some_and(|before| before.and(excuse) == before) {
            return;
        }
        let at = || texts.at(origin.clone());
        // A rule that is off is not hidden from anyone; one that is watched is hidden from a watcher.
        let Some(finding) = self.finding(sign.id, sign.category, sign.weight, at(), Some(layer)) else { return };
        let monitored = finding.monitored;
        let scored = Scored { finding, excuse: before.map_or(excuse, |before| before.and(excuse)) };
        match found.by_rule_mut(unit, sign.id) {
            Some(known) => *known = scored,
            None => found.add(unit, [scored]),
        }
        if layer.is_common() {
            return;
        }
        let Some(mut hidden) = self.finding(BENEATH, Category::Smuggling, BENEATH_WEIGHT, at(), Some(layer)) else {
            return;
        };
        hidden.monitored |= monitored;
        // Told of once, where it comes first, in whatever order rules are looked for.
        let order = |one: &Finding| (one.monitored, one.part, one.span.start, one.span.end, one.layer);
        match found.by_rule_mut(unit, BENEATH) {
            Some(one) if order(&hidden) < order(&one.finding) => one.finding = hidden,
            Some(_) => {}
            None => found.add(unit, [Scored { finding: hidden, excuse: Excuse::default() }]),
        }
    }
}

/// The first match within a range of a reading that touches what was changed.
fn first_hidden(reading: &Further, scan: &Scan<'_>, rule: usize, range: Range<usize>) -> Option<Range<usize>> {
    let mut from = range.start;
    while let Some(span) = scan.first(rule, from..range.end).filter(|span| span.end > from) {
        if reading.layer(span.clone()).is_some() {
            return Some(span);
        }
        from = span.end;
    }
    None
}
