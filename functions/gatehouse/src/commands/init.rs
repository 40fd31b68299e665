//! `gatehouse init --aws`: gives a bundle the secrets that Terraform must not know.

use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use shared::aws::Fault;
use shared::aws::secrets_manager::{has_value, pepper, put_first_key};
use shared::payload::{NotAKey, Payload};
use shared::secret::Secret;

use super::listing;
use crate::aws::{self, Bundle, Part, Prefix};

/// More than any key has, with what may stand around it.
const LONGEST: u64 = 4096;

/// Make a new bundle's pepper, and put its first Gemini key
///
/// Terraform makes both secrets without a value, so that neither ever stands in its state. What is there already is left
/// as it is: it may be run as often as you like.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gatehouse init --aws gatehouse
  gatehouse init --aws gatehouse --gemini-key-file key.txt
  pass show gemini | gatehouse init --aws gatehouse --gemini-key-file -")]
pub(crate) struct Init {
    /// The bundle on AWS with this name_prefix, with your AWS credentials
    #[arg(long, value_name = "NAME_PREFIX")]
    aws: Prefix,

    /// Put the Gemini key in this file (`-` is standard input), if the bundle has none yet
    #[arg(long, value_name = "FILE")]
    gemini_key_file: Option<PathBuf>,
}

/// Why a bundle could not be given its secrets.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The bundle could not be asked.
    #[error(transparent)]
    Aws(#[from] aws::Error),
    /// The file holds something else.
    #[error("{} holds no Gemini key", file.display())]
    NoKey {
        file: PathBuf,
        #[source]
        cause: NotAKey,
    },
    /// Nothing could be printed.
    #[error("could not print")]
    Print(#[source] io::Error),
    /// The file cannot be read.
    #[error("could not read {}", file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        cause: io::Error,
    },
}

/// Does what the command says.
pub(crate) fn run(Init { aws, gemini_key_file }: &Init) -> Result<(), Error> {
    // Before anything is done: a mistyped name should leave no half of it.
    let key = gemini_key_file.as_deref().map(read).transpose()?;
    aws::wait(execute(aws, key.as_ref(), &mut io::stdout().lock()))
}

async fn execute(prefix: &Prefix, key: Option<&Secret<String>>, out: &mut dyn Write) -> Result<(), Error> {
    let bundle = Bundle::open(prefix).await?;
    let client = bundle.clients().secrets_manager();
    let (pepper, gemini_key) = (bundle.name(Part::PEPPER), bundle.name(Part::GEMINI_KEY));

    let made = pepper::make(&client, &pepper).await.map_err(|error| bundle.told(Part::PEPPER, error))?;
    let on_key = |error: Fault| bundle.told(Part::GEMINI_KEY, error);
    let put = match key {
        Some(key) => put_first_key(&client, &gemini_key, key).await.map_err(on_key)?,
        None => false,
    };
    let there = put || has_value(&client, &gemini_key).await.map_err(on_key)?;
    listing::until_closed(report(prefix, made, put, there, key.is_some(), out)).map_err(Error::Print)
}

fn report(prefix: &Prefix, made: bool, put: bool, there: bool, given: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{prefix}/pepper: {}", if made { "made" } else { "there already, left as it is" })?;
    let key = match (put, there, given) {
        (true, _, _) => "put",
        (false, true, true) => "there already, left as it is; to replace it, put a new version with AWS's own command",
        (false, true, false) => "there already",
        (false, false, _) => "none yet; run this again with --gemini-key-file FILE",
    };
    writeln!(out, "{prefix}/gemini-key: {key}")?;
    writeln!(out, "Next: `gatehouse caller add NAME --aws {prefix}` makes a caller's key.")
}

fn read(file: &Path) -> Result<Secret<String>, Error> {
    let unreadable = |cause| Error::Unreadable { file: file.to_owned(), cause };
    let mut text = String::new();
    let read = if file == Path::new("-") {
        io::stdin().lock().take(LONGEST).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(LONGEST).read_to_string(&mut text))
    };
    read.map_err(unreadable)?;
    let payload = Payload::parse(&Secret::new(text));
    payload.map(|payload| payload.key).map_err(|cause| Error::NoKey { file: file.to_owned(), cause })
}
