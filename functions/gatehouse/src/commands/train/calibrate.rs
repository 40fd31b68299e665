//! From margins to risks: where the knots lie, measured on harmless texts of sources that the measured weights had not
//! seen.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use shared::guards::classifier::Header;

use super::corpus::Example;
use super::fit::{self, Weights};
use super::lessons::lessons;
use crate::commands::evaluate::kinds::Kind;

/// The share of ordinary texts that may reach each knot: alone, the model blocks at the last one.
const PEOPLE: [f64; 3] = [0.03, 0.01, 0.0015];
/// The same for documents and tool results, which have no right to instruct.
const DATA: [f64; 3] = [0.05, 0.02, 0.003];
/// How many times that share of persona prompts may: they look more like attacks than other texts do, and are fewer.
const PERSONA: f64 = 5.0;
/// In how many parts the sources are held out in turn.
const FOLDS: usize = 4;

/// Weights, and what their margins mean.
pub(crate) struct Fitted {
    pub(crate) weights: Weights,
    pub(crate) people: [f32; 3],
    pub(crate) data: [f32; 3],
}

/// Fits a model to a choice of texts. Its knots come from folds inside that choice.
pub(crate) fn fit(examples: &[Example], settings: fit::Settings, chosen: &(dyn Fn(&Example) -> bool + Sync)) -> Fitted {
    let folds = folds(examples, chosen);
    let margins: Vec<(Kind, &str, f32)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..FOLDS)
            .map(|fold| {
                let folds = &folds;
                scope.spawn(move || {
                    let held = |example: &Example| folds.get(example.family()) == Some(&fold);
                    measure(examples, settings, chosen, &held)
                })
            })
            .collect();
        running
            .into_iter()
            .flat_map(|fold| fold.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let weights = fit::fit(&lessons(examples, chosen), settings);
    let knots = |shares: [f64; 3]| {
        shares.map(|share| {
            quantile(&margins, Kind::Ordinary, share).max(quantile(&margins, Kind::Persona, PERSONA * share))
        })
    };
    Fitted { weights, people: knots(PEOPLE), data: knots(DATA) }
}

/// The margins of the harmless texts that are held out, by weights fitted to the rest of the choice.
fn measure<'e>(
    examples: &'e [Example],
    settings: fit::Settings,
    chosen: &(dyn Fn(&Example) -> bool + Sync),
    held: &dyn Fn(&Example) -> bool,
) -> Vec<(Kind, &'e str, f32)> {
    let out: Vec<&Example> =
        examples.iter().filter(|example| !example.own && chosen(example) && held(example)).collect();
    let clusters: BTreeSet<usize> = out.iter().map(|example| example.cluster).collect();
    let weights = fit::fit(
        &lessons(examples, |example| chosen(example) && !held(example) && !clusters.contains(&example.cluster)),
        settings,
    );
    let harmless = out.into_iter().filter(|example| matches!(example.kind, Kind::Ordinary | Kind::Persona));
    harmless.map(|example| (example.kind, example.source.as_str(), example.seen.margin(&weights))).collect()
}

/// A fold for each family, so that the folds are about of a size.
fn folds<'e>(examples: &'e [Example], chosen: &(dyn Fn(&Example) -> bool + Sync)) -> HashMap<&'e str, usize> {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for example in examples.iter().filter(|example| !example.own && chosen(example)) {
        *sizes.entry(example.family()).or_default() += 1;
    }
    let mut families: Vec<(&str, usize)> = sizes.into_iter().collect();
    families.sort_by_key(|(family, size)| (std::cmp::Reverse(*size), *family));
    let mut loads = [0; FOLDS];
    let mut folds = HashMap::new();
    for (family, size) in families {
        let lightest = loads.iter_mut().enumerate().min_by_key(|(_, load)| **load);
        if let Some((fold, load)) = lightest {
            *load += size;
            folds.insert(family, fold);
        }
    }
    folds
}

/// The margin that a share of the texts of a kind reaches. Half of a text's say is its own, half is its source's.
fn quantile(margins: &[(Kind, &str, f32)], kind: Kind, share: f64) -> f32 {
    let mut of_kind: Vec<(&str, f32)> =
        margins.iter().filter(|(of, _, _)| *of == kind).map(|(_, source, margin)| (*source, *margin)).collect();
    let mut sizes: BTreeMap<&str, f64> = BTreeMap::new();
    for (source, _) in &of_kind {
        *sizes.entry(source).or_default() += 1.0;
    }
    of_kind.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (all, sources) = (sizes.values().sum::<f64>(), sizes.values().count());
    let mut reached = 0.0;
    for (source, margin) in &of_kind {
        let size = sizes.get(source).copied().unwrap_or(1.0);
        let say = 0.5 / all + 0.5 / (sources as f64 * size);
        reached += say;
        if reached > share {
            return *margin;
        }
    }
    of_kind.first().map_or(f32::MIN, |(_, margin)| *margin)
}

impl Fitted {
    /// The model as a file: weights rounded to a byte each.
    pub(crate) fn file(&self, settings: fit::Settings) -> Vec<u8> {
        let most = self.weights.buckets.iter().fold(0.0_f32, |most, weight| most.max(weight.abs()));
        let scale = (most / 127.0).max(f32::MIN_POSITIVE);
        let header =
            Header { bits: settings.bits, bias: self.weights.bias, scale, people: self.people, data: self.data };
        let mut file = header.bytes();
        #[expect(clippy::cast_possible_truncation, reason = "the quotient lies in -127 to 127")]
        file.extend(self.weights.buckets.iter().map(|weight| ((weight / scale).round() as i8).cast_unsigned()));
        file
    }
}
