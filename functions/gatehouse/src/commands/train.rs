//! `gatehouse train`: makes the guard's statistical model.

pub(crate) mod calibrate;
pub(crate) mod corpus;
pub(crate) mod fit;
mod lessons;
mod own;

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::{Ending, Failure, Unwritable};
use crate::print::Look;

/// Make the statistical model from labelled texts.
///
/// The same texts give the same file on the same kind of machine. It takes some minutes on two cores.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  gatehouse train --data dev --own shared/data/own --out shared/src/guards/classifier/model.bin

--data is a folder of JSON Lines, each {\"text\", \"label\", \"category\", \"source\", \"lang\"}: label 1 is an attack, \
0 is harmless. --own is a folder of templates, from which texts are drawn. The model's card tells the sources of the \
model that Gatehouse ships.")]
pub(crate) struct Train {
    /// The folder of labelled JSON Lines.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// The folder of our own templates.
    #[arg(long, value_name = "DIR")]
    own: PathBuf,

    /// Where the model is written.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Fail, and write nothing, unless the model has this SHA-256.
    #[arg(long, value_name = "HEX")]
    expect: Option<String>,
}

/// How the shipped model is fitted. Chosen by cross-validation by source.
pub(crate) const SETTINGS: fit::Settings = fit::Settings { bits: 16, epochs: 6, rate: 0.06 };

/// A model other than the one that was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the model is another one: its SHA-256 is {0}. The texts, the templates or the trainer differ")]
struct Other(String);

impl Train {
    pub(crate) fn run(&self) -> Result<Ending, Failure> {
        let examples = corpus::read(&corpus::files(&self.data, "jsonl")?, &self.own, SETTINGS.bits)?;
        let fitted = calibrate::fit(&examples, SETTINGS)?;
        let file = fitted.file(SETTINGS);
        let hash = HEXLOWER.encode(&Sha256::digest(&file));
        if let Some(expected) = &self.expect
            && !expected.eq_ignore_ascii_case(&hash)
        {
            return Err(Other(hash).into());
        }
        fs::write(&self.out, &file).map_err(|cause| Unwritable { path: self.out.clone(), cause })?;
        let mut output = io::stdout().lock();
        let rows: Vec<Vec<String>> = corpus::counts(&examples)
            .into_iter()
            .map(|((source, attack), count)| {
                vec![source.to_owned(), if attack { "attack" } else { "harmless" }.to_owned(), count.to_string()]
            })
            .collect();
        Look::of_stdout().table(&mut output, &["source", "label", "texts"], 2, &rows)?;
        writeln!(output, "knots: people {:?}, data {:?}", fitted.people, fitted.data)?;
        writeln!(output, "{hash}  {}", self.out.display())?;
        Ok(Ending::Well)
    }
}
