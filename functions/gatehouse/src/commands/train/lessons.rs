//! How much each text counts.
//!
//! A text counts by the root of its near-duplicates' number, a source by a power of its size, so that ten templates spun
//! out to thousands of lines do not drown the rest. All harmless texts together count [`HARMLESS`] times as much as all
//! attacks. In every language but English the attacks count at most [`FOREIGN`] of what its harmless texts do: else the
//! language itself looks guilty.

use std::collections::HashMap;

use super::corpus::Example;
use super::fit::Lesson;

const SOURCE_POWER: f32 = 0.6;
const HARMLESS: f32 = 2.0;
const FOREIGN: f32 = 0.3;
/// What all attacks count together, and one text at most: it scales the steps of the fit.
const ALL: f32 = 8000.0;
const MOST: f32 = 6.0;

/// The lessons that a choice of texts gives.
pub(crate) fn lessons<'e>(examples: &'e [Example], chosen: impl Fn(&Example) -> bool) -> Vec<Lesson<'e>> {
    let chosen: Vec<&Example> = examples.iter().filter(|example| example.teaches() && chosen(example)).collect();
    let mut twins: HashMap<usize, f32> = HashMap::new();
    for example in &chosen {
        *twins.entry(example.cluster).or_default() += 1.0;
    }
    let own = |example: &Example| twins.get(&example.cluster).map_or(1.0, |count| count.powf(-0.5));
    let mut sources: HashMap<(&str, bool), f32> = HashMap::new();
    for example in &chosen {
        *sources.entry((example.source.as_str(), example.attack)).or_default() += own(example);
    }
    let mut sums = [0.0_f32; 2];
    // In order of their names: sums of floats depend on their order.
    let mut sizes: Vec<_> = sources.iter().collect();
    sizes.sort_by_key(|(key, _)| **key);
    for ((_, attack), size) in sizes {
        if let Some(sum) = sums.get_mut(usize::from(*attack)) {
            *sum += size.powf(SOURCE_POWER);
        }
    }
    let [harmless, attacks] = sums;
    let mut weights: Vec<f32> = chosen
        .iter()
        .map(|example| {
            let size = sources.get(&(example.source.as_str(), example.attack)).copied().unwrap_or(1.0);
            let share = own(example) * size.powf(SOURCE_POWER - 1.0);
            let whole = if example.attack { ALL / attacks } else { HARMLESS * ALL / harmless };
            (share * whole).min(MOST)
        })
        .collect();
    let mut languages: HashMap<&str, [f32; 2]> = HashMap::new();
    for (example, weight) in chosen.iter().zip(&weights) {
        if let Some(sum) = languages.entry(&example.language).or_default().get_mut(usize::from(example.attack)) {
            *sum += weight;
        }
    }
    for (example, weight) in chosen.iter().zip(&mut weights) {
        if let Some([harmless, attacks]) = languages.get(example.language.as_str())
            && example.attack
            && !matches!(example.language.as_str(), "en" | "")
            && *attacks > FOREIGN * harmless
        {
            *weight *= FOREIGN * harmless / attacks;
        }
    }
    let lessons = chosen.iter().zip(weights);
    lessons.map(|(example, weight)| Lesson { seen: &example.seen, attack: example.attack, weight }).collect()
}
