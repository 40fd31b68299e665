//! `gatehouse audit verify`: whether a trail is whole, and what was done to it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use shared::audit::Hash;
use shared::audit::verify::{Class, Finding, Known, Report};
use shared::aws::kms::SealingKey;
use shared::aws::s3::Bucket;
use shared::clock::{Clock as _, SystemClock, Timestamp};
use shared::ports::Unavailable;
use shared::ports::trail::Store;
use shared::signature::{NoKey, PublicKey};

use crate::aws::{self, Bundle, Part, Prefix};
use crate::commands::{Ending, listing};
use crate::store::folder::Folder;
use crate::store::trail::Trail;
use crate::store::{self, seal_key, sqlite};

/// Verify that nothing of a sealed trail was changed, dropped, added or reordered
///
/// Of this machine's data, or of a folder (as `aws s3 sync s3://BUCKET DIR` makes it), which needs the public key and no
/// network, or of a bundle on AWS. Every hour has a signed digest that names the one before; under it each object, and in
/// it each record, is checked, and the chain of each writer.
///
/// What it cannot prove: that a writer told the truth as it wrote; that nothing is missing behind the last record of a
/// writer that died before the drain had it; and, without --head, that the newest digests were not taken away with all
/// that they seal, within the last two hours. On one machine hours are sealed while `gatehouse up` runs, and no digest is
/// missed where it did not; and whoever can write the data directory has its key too: there --head, and the public key
/// kept elsewhere (`DATA/seal.pub`), are all the proof.
#[derive(Args, Debug)]
#[command(after_help = "Exit codes, by the gravest finding:
   0  all holds; requests without an outcome are told, and no finding
   1  the trail could not be read
  10  records, or objects that were sealed, are missing
  11  two contents under one number of a writer
  12  a hash is not that of the content, or a link is broken
  13  a digest is not signed by the key
  14  a digest is missing, of an hour between others or one that is over for long
  15  rollback: no digest has the hash of --head
  16  something was put there that the sealer never saw
  17  there is nothing to verify

Examples:
  gatehouse audit verify
  gatehouse audit verify --folder trail --key seal.pub
  gatehouse audit verify --folder copy-of-may --key seal.pub --as-of 2026-06-01T00:00:00Z
  gatehouse audit verify --aws gatehouse --head 6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b")]
pub(crate) struct Verify {
    /// The trail in this folder
    #[arg(long, value_name = "DIR", conflicts_with = "aws", requires = "key")]
    folder: Option<PathBuf>,
    /// The trail of the bundle on AWS with this name_prefix, with your AWS credentials
    #[arg(long, value_name = "NAME_PREFIX")]
    aws: Option<Prefix>,
    /// The public key, as PEM or DER. Where it is not given, KMS is asked with --aws, else the data directory
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The hash of a digest that was once there, as the topic of the alarms was told, or this command once printed
    #[arg(long, value_name = "HASH", value_parser = head)]
    head: Option<Hash>,
    /// Verify a copy as of when it was made, such as 2026-06-01T00:00:00Z: every hour until two before must be sealed
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<Timestamp>,
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
}

/// Why a trail could not be verified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Aws(#[from] aws::Error),
    #[error("could not read `{}`", .0.display())]
    File(PathBuf, #[source] io::Error),
    #[error("`{}` cannot be used", .0.display())]
    Key(PathBuf, #[source] NoKey),
    #[error("KMS gave a key that cannot be used")]
    OtherKey(#[source] NoKey),
    #[error("there is no folder `{}`", .0.display())]
    NoFolder(PathBuf),
    #[error("could not print")]
    Print(#[source] io::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

fn head(text: &str) -> Result<Hash, &'static str> {
    let quoted = Value::from(text.trim().to_ascii_lowercase());
    serde_json::from_value(quoted).map_err(|_| "a hash has 64 hexadecimal digits")
}

fn time(text: &str) -> Result<Timestamp, &'static str> {
    let at: Option<jiff::Timestamp> = text.parse().ok();
    let ms = at.and_then(|at| u64::try_from(at.as_millisecond()).ok());
    ms.map(Timestamp).ok_or("not a time, such as 2026-06-01T00:00:00Z")
}

impl Verify {
    pub(crate) fn run(&self, data: &Path, out: &mut dyn Write) -> Result<Ending, Error> {
        let report = aws::wait::<_, Error>(self.report(data))?;
        let printed = if self.json { writeln!(out, "{}", to_json(&report)) } else { print(&report, out) };
        listing::until_closed(printed).map_err(Error::Print)?;
        Ok(report.gravest().map_or(Ending::Well, |class| Ending::Found(exit_code(class))))
    }

    async fn report(&self, data: &Path) -> Result<Report, Error> {
        let key = self.key.as_deref().map(read_key).transpose()?;
        if let (Some(folder), Some(key)) = (&self.folder, &key) {
            if !folder.is_dir() {
                return Err(Error::NoFolder(folder.clone()));
            }
            return self.verify(&Folder::new(folder), key).await;
        }
        let Some(prefix) = &self.aws else {
            let mut connection = sqlite::open_existing(data)?;
            store::drain::run(data, &mut connection)?;
            let trail = Trail::over(connection);
            trail.pack(&SystemClock)?;
            let key = key.map_or_else(|| seal_key::open(data).map(|own| own.public()), Ok)?;
            let signed = |message: &[u8], signature: &[u8]| key.signed(message, signature);
            return Ok(trail.verify(&signed, self.known(self.as_of.is_some())).await?);
        };
        let bundle = Bundle::open(prefix).await?;
        let sealing = SealingKey::new(bundle.clients().kms(), bundle.name(Part::SEALING_KEY));
        let found = sealing.public().await.map_err(|error| bundle.told(Part::SEALING_KEY, error))?;
        let key = key.map_or_else(|| PublicKey::read(&found.der).map_err(Error::OtherKey), Ok)?;
        let name = format!("{}-{}", bundle.name(Part::AUDIT_BUCKET), found.account);
        let bucket = Bucket::new(bundle.clients().s3(), name);
        self.verify(&bucket, &key).await
    }

    async fn verify<S: Store>(&self, store: &S, key: &PublicKey) -> Result<Report, Error> {
        let signed = |message: &[u8], signature: &[u8]| key.signed(message, signature);
        Ok(drain::verify::trail(store, &signed, self.known(true)).await?)
    }

    fn known(&self, sealed: bool) -> Known {
        Known { head: self.head, now: self.as_of.unwrap_or_else(|| SystemClock.now()), sealed }
    }
}

fn read_key(path: &Path) -> Result<PublicKey, Error> {
    let bytes = std::fs::read(path).map_err(|error| Error::File(path.to_owned(), error))?;
    PublicKey::read(&bytes).map_err(|wrong| Error::Key(path.to_owned(), wrong))
}

const fn exit_code(class: Class) -> u8 {
    match class {
        Class::Gap => 10,
        Class::Fork => 11,
        Class::BadHash => 12,
        Class::BadSignature => 13,
        Class::MissingDigest => 14,
        Class::Rollback => 15,
        Class::Added => 16,
        Class::Nothing => 17,
    }
}

/// So many findings are spelt out for a person: the first tells most, and what follows from it may be many.
const SHOWN: usize = 20;

fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for finding in report.findings.iter().take(SHOWN) {
        writeln!(out, "{finding}\n  It proves: {}.", finding.proves())?;
    }
    let more = report.more + report.findings.len().saturating_sub(SHOWN) as u64;
    if more > 0 {
        writeln!(out, "And {more} more.")?;
    }
    for gap in report.under_way.iter().take(SHOWN) {
        let (first, last, writer) = (gap.first, gap.last, gap.writer_id);
        writeln!(out, "Records {first} to {last} of writer {writer} are under way still, or lost.")?;
    }
    for half in report.unanswered.iter().take(SHOWN) {
        let (time, request) = (listing::time(half.ts), &half.request_id);
        writeln!(out, "Request {request} of {time} has no outcome: its function was killed.")?;
    }
    let unanswered = report.unanswered.len();
    if unanswered > SHOWN {
        writeln!(out, "And {} more have none.", unanswered - SHOWN)?;
    }
    let Report { digests, objects, records, unsealed, .. } = report;
    match &report.sealed {
        Some((first, last, head)) => {
            writeln!(
                out,
                "Sealed from {first} to {last} (UTC): {digests} digests, {objects} objects, {records} records."
            )?;
            writeln!(out, "Head: {head}")?;
        }
        None if report.gravest() == Some(Class::Nothing) => return Ok(()),
        None => writeln!(out, "Nothing is sealed yet: no digest that this key signed.")?,
    }
    if let Some(hour) = report.behind {
        writeln!(out, "From {hour} (UTC) on nothing is sealed, as where `gatehouse up` has not run since.")?;
    }
    if *unsealed > 0 {
        writeln!(out, "Not sealed yet: {unsealed} records. That none of them is missing is not proved.")?;
    }
    match report.gravest() {
        Some(_) => writeln!(out, "The trail is NOT whole."),
        None => writeln!(out, "The trail is whole."),
    }
}

fn to_json(report: &Report) -> Value {
    let finding = |finding: &Finding| json!({"exit": exit_code(finding.class()), "finding": finding.to_string(), "proves": finding.proves()});
    let sealed = report.sealed.map(|(first, last, head)| json!({"from": first, "to": last, "head": head}));
    json!({
        "whole": report.gravest().is_none(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "more": report.more,
        "sealed": sealed,
        "digests": report.digests,
        "objects": report.objects,
        "records": report.records,
        "unsealed": report.unsealed,
        "unsealed_since": report.behind,
        "under_way": report.under_way,
        "unanswered": report.unanswered,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_the_exit_code_that_the_help_tells_of_it() {
        let classes = [
            (Class::Gap, 10, "missing"),
            (Class::Fork, 11, "two contents"),
            (Class::BadHash, 12, "hash"),
            (Class::BadSignature, 13, "not signed"),
            (Class::MissingDigest, 14, "digest is missing"),
            (Class::Rollback, 15, "rollback"),
            (Class::Added, 16, "never saw"),
            (Class::Nothing, 17, "nothing to verify"),
        ];
        let help = Verify::augment_args(clap::Command::new("verify")).render_long_help().to_string();
        for (class, code, words) in classes {
            assert_eq!(exit_code(class), code);
            let line = help.lines().find(|line| line.trim_start().starts_with(&code.to_string()));
            assert!(line.is_some_and(|line| line.contains(words)), "{code}: {line:?}");
        }
    }

    #[test]
    fn a_time_has_a_zone_and_a_head_64_digits() {
        assert_eq!(time("1970-01-01T00:00:01Z"), Ok(Timestamp(1000)));
        for wrong in ["", "2026-06-01", "2026-06-01T00:00:00", "1969-12-31T23:59:59Z"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        assert!(head(&"0".repeat(64)).is_ok() && head(&"0".repeat(63)).is_err() && head("x").is_err());
    }
}
