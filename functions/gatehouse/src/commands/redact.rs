//! `gatehouse redact`: text in, redacted text out, by the patterns that redact answers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use shared::guards::redact::{Found, Redaction};

use super::input::{self, Line};
use super::{Ending, Failure};
use crate::print;

/// Redact secrets and personal data in text from standard input, as an answer would be redacted.
///
/// The text goes through as a stream, so its length does not matter. What was redacted is counted on stderr. Links and
/// images stay: those that an answer may not have are taken out of answers alone, by `[output.links]` of the policy.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gatehouse redact < answer.txt
  tail -f app.log | gatehouse redact
  gatehouse redact --jsonl < answers.jsonl

With --jsonl each line of input is {\"id\", \"text\"}, and each line of output \
{\"id\", \"text\", \"found\"}, where \"found\" counts the redactions by name. A line that cannot be read is named \
on stderr, the rest is redacted, and the exit code is 1.")]
pub(crate) struct Redact {
    /// Read and print JSON Lines.
    #[arg(long)]
    jsonl: bool,

    /// Redact by this policy instead of the default.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl Redact {
    pub(crate) fn run(self) -> Result<Ending, Failure> {
        let redactor = super::compiled(self.policy.as_deref())?.redactor;
        let (input, mut output) = (io::stdin().lock(), io::BufWriter::new(io::stdout().lock()));
        if self.jsonl {
            return Ok(each(input, output, |text| redactor.redact(text))?);
        }
        let (mut stream, mut ready) = (redactor.stream(), String::new());
        let broken = input::pieces(input, |piece| {
            stream.push(piece.as_bytes(), &mut ready);
            output.write_all(ready.as_bytes())?;
            ready.clear();
            // What follows may be long in coming.
            output.flush()
        })?;
        let found = stream.finish(&mut ready);
        output.write_all(ready.as_bytes())?;
        output.flush()?;
        if broken > 0 {
            print::complaint(&format!("note: {broken} places of the input are not UTF-8; U+FFFD stands there"));
        }
        if !found.is_empty() {
            print::complaint(&format!("redacted: {}", counts(&found)));
        }
        Ok(Ending::Well)
    }
}

#[derive(Serialize)]
struct Redacted<'r> {
    id: Value,
    text: Cow<'r, str>,
    found: BTreeMap<&'r str, u32>,
}

/// Redacts line by line. Whose words a line is does not matter.
fn each(input: impl Read, output: impl Write, redact: impl Fn(&str) -> Redaction<'_>) -> io::Result<Ending> {
    input::each(input, output, |Line { id, text, .. }, output| {
        let Redaction { text, found } = redact(&text);
        let found = found.iter().map(|(name, count)| (name.as_ref(), *count)).collect();
        Ok(serde_json::to_writer(output, &Redacted { id, text, found })?)
    })
}

fn counts(found: &Found) -> String {
    let counts: Vec<String> = found.iter().map(|(name, count)| format!("{name} {count}")).collect();
    counts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_answered_by_a_line_with_its_id_and_counts() {
        let mut out = Vec::new();
        let input = "{\"id\":1,\"text\":\"a\\nb\"}\nnonsense\n{\"text\":\"\",\"lang\":\"en\"}\n";
        let ending = each(input.as_bytes(), &mut out, |text| Redaction {
            text: text.replace('a', "[REDACTED:a]").into(),
            found: text.contains('a').then(|| ("a".into(), 1)).into_iter().collect(),
        });
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"id\":1,\"text\":\"[REDACTED:a]\\nb\",\"found\":{\"a\":1}}\n{\"id\":null,\"text\":\"\",\"found\":{}}\n"
        );
        assert_eq!(ending.unwrap(), Ending::Amiss);
    }

    #[test]
    fn counts_are_told_by_name() {
        let found = Found::from([("email".into(), 2), ("api_key".into(), 1)]);
        assert_eq!(counts(&found), "api_key 1, email 2");
    }
}
