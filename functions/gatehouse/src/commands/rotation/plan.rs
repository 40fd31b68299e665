//! `gatehouse rotation plan`: what the next rotation would do, and what is wrong now.

use std::io::{self, Write};

use clap::Args;
use rotation::plan::outlook::{self, Deed, Observed, Outlook};
use rotation::plan::retirement::Holding;
use serde_json::{Value, json};
use shared::clock::{Clock as _, SystemClock};
use shared::config::Strings;
use shared::ports::mint::{Check, Key, KeyId};

use super::job::{open, told};
use super::{Error, Place};
use crate::aws::Part;
use crate::commands::Ending;
use crate::commands::listing::{self, Reader, Row};

/// Show what the next rotation would do, and what is wrong now
///
/// It reads the secret's versions and, with --project, the bundle's keys at Google, and changes nothing. The exit code
/// is 1 where something is wrong.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gatehouse rotation plan --aws gatehouse --project my-project
  gatehouse rotation plan --aws gatehouse --json | jq .wrong")]
pub(crate) struct Plan {
    #[command(flatten)]
    place: Place,

    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
}

pub(super) async fn execute(plan: &Plan, settings: &dyn Strings, out: &mut dyn Write) -> Result<Ending, Error> {
    let part = Part::GEMINI_KEY_LOOK;
    let (bundle, job) = open(&plan.place, part, settings).await?;
    let observed = job.observe().await.map_err(|error| told(&bundle, part, error))?;
    let outlook = outlook::outlook(&observed, &job.secret, SystemClock.now());
    listing::until_closed(print(out, Reader::of_stdout(plan.json), &observed, &outlook)).map_err(Error::Print)?;
    Ok(if outlook.wrong.is_empty() { Ending::Well } else { Ending::Amiss })
}

fn print(out: &mut dyn Write, reader: Reader, observed: &Observed, outlook: &Outlook) -> io::Result<()> {
    let rows = rows(observed);
    if reader == Reader::Json {
        let versions: Vec<Value> = rows.iter().filter_map(|row| serde_json::from_str(&row.json).ok()).collect();
        return writeln!(out, "{}", json!({"keys": versions, "wrong": wrong(outlook), "next": next(outlook)}));
    }
    listing::print(out, reader, &["VERSION", "STAGES", "KEY", "STATE"], &rows)?;
    write!(out, "{outlook}")?;
    if outlook.next.is_empty() {
        writeln!(out, "next:  nothing, until what is wrong is mended")?;
    }
    if observed.keys.is_none() && reader == Reader::Person {
        writeln!(out, "Google was not asked: --project PROJECT shows the keys themselves.")?;
    }
    Ok(())
}

fn wrong(outlook: &Outlook) -> Vec<Value> {
    outlook.wrong.iter().map(|wrong| json!({"code": wrong.code(), "message": wrong.to_string()})).collect()
}

fn next(outlook: &Outlook) -> Vec<Value> {
    let deed = |deed: &Deed| match deed {
        Deed::Replace(version) => json!({"do": deed.code(), "version": version.as_ref().map(ToString::to_string)}),
        Deed::Keep(version) => json!({"do": deed.code(), "version": version.to_string()}),
        Deed::Remove(key, check) => {
            json!({"do": deed.code(), "key": key.to_string(), "unless_used": *check == Check::Use})
        }
    };
    outlook.next.iter().map(deed).collect()
}

/// A row for each version, and for each key that no version holds.
fn rows(observed: &Observed) -> Vec<Row> {
    let known = observed.keys.as_deref();
    let state = |id: &KeyId| match (known, known.and_then(|keys| keys.iter().find(|key| key.id == *id))) {
        (None, _) => "not looked at",
        (Some(_), None) => "not there",
        (Some(_), Some(Key { deleted: true, .. })) => "deleted",
        (Some(_), Some(Key { served: None, .. })) => "never served",
        (Some(_), Some(_)) => "alive",
    };
    let mut held = Vec::new();
    let mut rows = Vec::new();
    for (version, stages) in &observed.secret.versions {
        let stages: Vec<&str> = stages.iter().map(|stage| stage.name()).collect();
        let (key, state) = match observed.holdings.get(version) {
            Some(Holding::Minted(id)) => {
                held.push(id);
                (id.to_string(), state(id))
            }
            Some(Holding::Foreign) => ("supplied".to_owned(), "not ours"),
            Some(Holding::Nothing) | None => ("none".to_owned(), "empty"),
        };
        rows.push(row(&version.to_string(), &stages, &key, state));
    }
    for key in known.unwrap_or_default().iter().filter(|key| !key.deleted && !held.contains(&&key.id)) {
        rows.push(row("-", &[], &key.id.to_string(), state(&key.id)));
    }
    rows
}

fn row(version: &str, stages: &[&str], key: &str, state: &str) -> Row {
    let named = (version != "-").then_some(version);
    let json = json!({"version": named, "stages": stages, "key": key, "state": state}).to_string();
    let stages = if stages.is_empty() { "-".to_owned() } else { stages.join(",") };
    Row { columns: vec![version.to_owned(), stages, key.to_owned(), state.to_owned()], json }
}

#[cfg(test)]
mod tests {
    use rotation::plan::key_id;
    use shared::clock::Timestamp;
    use shared::ports::secrets::{Stage, VersionId};

    use super::*;

    const ARN: &str = "arn";

    fn observed() -> Observed {
        let mut observed = Observed { keys: Some(Vec::new()), ..Observed::default() };
        observed.secret.rotating = true;
        for (name, stage) in [("a", Stage::Previous), ("b", Stage::Current)] {
            let version = VersionId(name.to_owned());
            let id = key_id(ARN, &version);
            observed.secret.versions.entry(version.clone()).or_default().insert(stage);
            observed.holdings.insert(version, Holding::Minted(id.clone()));
            let key =
                Key { id, created: Timestamp(0), deleted: name == "b", served: Some(Timestamp(0)), etag: "e".into() };
            observed.keys.as_mut().unwrap().push(key);
        }
        observed
    }

    fn printed(reader: Reader, observed: &Observed) -> String {
        let mut out = Vec::new();
        let outlook = outlook::outlook(observed, ARN, Timestamp(86_400_000));
        print(&mut out, reader, observed, &outlook).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_person_sees_versions_keys_what_is_wrong_and_what_comes() {
        let text = printed(Reader::Person, &observed());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("VERSION  STAGES"), "{text}");
        assert!(lines[1].contains("AWSPREVIOUS") && lines[1].ends_with("alive"), "{text}");
        assert!(lines[2].contains("AWSCURRENT") && lines[2].ends_with("deleted"), "{text}");
        assert!(lines[3].starts_with("wrong: AWSCURRENT holds key"), "{text}");
        assert!(lines[4].starts_with("next:  replace version b"), "{text}");
    }

    #[test]
    fn a_program_gets_one_object_with_stable_codes() {
        let told: Value = serde_json::from_str(&printed(Reader::Json, &observed())).unwrap();
        assert_eq!(told["wrong"][0]["code"], "served_key_gone");
        assert_eq!(told["next"][0], json!({"do": "replace", "version": "b"}));
        assert_eq!(told["next"][2]["do"], "remove");
        assert_eq!(told["keys"][1]["stages"], json!(["AWSCURRENT"]));
    }

    #[test]
    fn keys_that_were_not_looked_at_are_not_called_gone() {
        let unseen = Observed { keys: None, ..observed() };
        let text = printed(Reader::Person, &unseen);
        assert!(text.contains("not looked at") && text.ends_with("shows the keys themselves.\n"), "{text}");
        assert!(!text.contains("wrong:"), "{text}");
    }
}
