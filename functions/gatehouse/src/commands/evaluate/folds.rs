//! Cross-validation by source: each family of sources is judged by a guard whose model has not seen it, nor any text that
//! is nearly the same as one of its texts, and whose thresholds come from the other sources, each measured by a model that
//! had not seen it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shared::guards::Guard;
use shared::guards::classifier::Model;
use shared::guards::judge::Settings;

use super::Sample;
use super::figures::Judged;
use crate::commands::Failure;
use crate::commands::train::{SETTINGS, calibrate, corpus};

/// Every sample, judged by the guard of its own fold, in order.
pub(super) fn judge(
    settings: &Settings,
    files: &[PathBuf],
    own: &Path,
    samples: &[&Sample],
) -> Result<Vec<Judged>, Failure> {
    let examples = corpus::read(files, own, SETTINGS.bits)?;
    let models = calibrate::fit_without_each(&examples, SETTINGS)?;
    let mut families: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, sample) in samples.iter().enumerate() {
        families.entry(corpus::family(&sample.source)).or_default().push(number);
    }
    let mut judged: Vec<Option<Judged>> = samples.iter().map(|_| None).collect();
    for (family, numbers) in families {
        let Some(fitted) = models.get(family) else { continue };
        let file = fitted.file(SETTINGS);
        let guard = Guard::with_model(settings, Some(Model::read(&file)?.into_owned()))?;
        for number in numbers {
            if let (Some(sample), Some(place)) = (samples.get(number), judged.get_mut(number)) {
                *place = Some(sample.judge(&guard));
            }
        }
    }
    Ok(judged.into_iter().flatten().collect())
}
