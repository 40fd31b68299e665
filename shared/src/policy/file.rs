//! From a policy file's text to a policy, or to every mistake in it.
//!
//! Fields that the file leaves out are taken from the embedded default before anything is read, so the default's
//! values stand in one place only. A value that cannot be read is noted, put aside and replaced by the default's,
//! until the rest reads: so one run finds the mistakes of all tables.

use std::ops::Range;

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};

use super::check::{self, Wrong};
use super::{DEFAULT, Invalid, Mistake, Policy, explain};

pub(super) fn parse(name: &str, text: &str) -> Result<Policy, Invalid> {
    parse_then(name, text, |policy| Ok(policy.clone()))
}

/// Reads a policy, and builds something of it. Whatever cannot be built is a mistake in the file like any other.
pub(super) fn parse_then<T>(
    name: &str,
    text: &str,
    build: impl FnOnce(&Policy) -> Result<T, Vec<Wrong>>,
) -> Result<T, Invalid> {
    let mut source = Source { text, mistakes: Vec::new() };
    let built = source.read(build);
    let mut mistakes = source.mistakes;
    mistakes.sort();
    mistakes.dedup();
    match built {
        Some(built) if mistakes.is_empty() => Ok(built),
        _ => Err(Invalid { file: name.to_owned(), mistakes }),
    }
}

/// A file's text, and the mistakes found in it so far.
struct Source<'t> {
    text: &'t str,
    mistakes: Vec<Mistake>,
}

impl<'t> Source<'t> {
    fn read<T>(&mut self, build: impl FnOnce(&Policy) -> Result<T, Vec<Wrong>>) -> Option<T> {
        let file = self.syntax()?;
        let defaults = DeTable::parse(DEFAULT).ok()?.into_inner();
        self.refuse_unknown_tables(&file, &defaults);
        let models = self.table(&file, &defaults, "models");
        let prompt = self.table(&file, &defaults, "prompt");
        let safety = self.table(&file, &defaults, "safety");
        let generation = self.table(&file, &defaults, "generation");
        let limits = self.table(&file, &defaults, "limits");
        let admission = self.table(&file, &defaults, "admission");
        let prices = self.table(&file, &defaults, "prices");
        let tools = self.table(&file, &defaults, "tools");
        let users = self.table(&file, &defaults, "users");
        let input = self.table(&file, &defaults, "input");
        let output = self.table(&file, &defaults, "output");
        let answers = self.table(&file, &defaults, "answers");
        let audit = self.table(&file, &defaults, "audit");
        let policy = Policy {
            models: models?,
            prompt: prompt?,
            safety: safety?,
            generation: generation?,
            limits: limits?,
            admission: admission?,
            prices: prices?,
            tools: tools?,
            users: users?,
            input: input?,
            output: output?,
            answers: answers?,
            audit: audit?,
            version: version(self.text),
        };
        let (built, unbuilt) = match build(&policy) {
            Ok(built) => (Some(built), Vec::new()),
            Err(wrong) => (None, wrong),
        };
        for wrong in check::every_table(&policy).into_iter().chain(unbuilt) {
            self.mistake(wrong.path.iter().find_map(|path| place(&file, path)), wrong.problem, wrong.remedy);
        }
        built
    }

    /// The file as TOML; where its syntax is broken, every break is noted.
    fn syntax(&mut self) -> Option<DeTable<'t>> {
        let (file, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let (problem, remedy) = explain::syntax(error);
            self.mistake(error.span(), problem, remedy);
        }
        errors.is_empty().then(|| file.into_inner())
    }

    fn refuse_unknown_tables(&mut self, file: &DeTable<'_>, defaults: &DeTable<'_>) {
        let known: Vec<&str> = defaults.keys().map(|key| key.get_ref().as_ref()).collect();
        for key in file.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let (problem, remedy) = explain::unknown("table", key.get_ref(), &known);
            self.mistake(Some(key.span()), problem, remedy);
        }
    }

    /// One table of the file, completed from the default.
    fn table<T: DeserializeOwned>(&mut self, file: &DeTable<'t>, defaults: &DeTable<'t>, name: &str) -> Option<T> {
        let mut own = match file.get(name).map(|value| (value.span(), value.get_ref())) {
            None => DeTable::new(),
            Some((_, DeValue::Table(table))) => table.clone(),
            Some((span, _)) => {
                let remedy = format!("write `[{name}]` on a line of its own");
                self.mistake(Some(span), format!("`{name}` is a table, not a value"), remedy);
                return None;
            }
        };
        let mut aside = Vec::new();
        // Each round takes at least one value away, so this ends.
        loop {
            let error = match T::deserialize(completed(&own, defaults, name)) {
                Ok(table) => return Some(table),
                Err(error) => error,
            };
            // What is missing only since it was put aside is told already.
            if !explain::missing(&error).is_some_and(|name| aside.iter().any(|gone| gone == name)) {
                let (problem, remedy) = explain::value(&error);
                self.mistake(error.span(), problem, remedy);
            }
            aside.push(put_aside(&mut own, &error.span()?)?);
        }
    }

    fn mistake(&mut self, span: Option<Range<usize>>, problem: impl Into<String>, remedy: impl Into<String>) {
        let before = span.and_then(|span| self.text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.mistakes.push(Mistake { line, column, problem: problem.into(), remedy: remedy.into() });
    }
}

/// A table with the default's values for the fields it leaves out.
fn completed<'t>(own: &DeTable<'t>, defaults: &DeTable<'t>, name: &str) -> Deserializer<'t> {
    let mut whole = own.clone();
    if let Some(DeValue::Table(defaults)) = defaults.get(name).map(Spanned::get_ref) {
        complete(&mut whole, defaults);
    }
    Deserializer::from(Spanned::new(0..0, whole))
}

fn complete<'t>(own: &mut DeTable<'t>, defaults: &DeTable<'t>) {
    for (key, default) in defaults {
        match (own.get_mut(key).map(Spanned::get_mut), default.get_ref()) {
            (None, _) => {
                own.insert(key.clone(), default.clone());
            }
            (Some(DeValue::Table(own)), DeValue::Table(defaults)) => complete(own, defaults),
            (Some(_), _) => {}
        }
    }
}

/// Removes the innermost value that `wrong` points at, by its key or by itself, and tells its name; what stands in a
/// list has none.
fn put_aside(table: &mut DeTable<'_>, wrong: &Range<usize>) -> Option<String> {
    if let Some(name) = table.iter_mut().find_map(|(_, value)| put_aside_within(value.get_mut(), wrong)) {
        return Some(name);
    }
    let blamed = table.iter().find(|(key, value)| holds(&key.span(), wrong) || holds(&value.span(), wrong));
    let key = blamed.map(|(key, _)| key.clone())?;
    table.remove(&key);
    Some(key.into_inner().into_owned())
}

fn put_aside_within(value: &mut DeValue<'_>, wrong: &Range<usize>) -> Option<String> {
    match value {
        DeValue::Table(table) => put_aside(table, wrong),
        DeValue::Array(items) => {
            let inner = items.iter_mut().find_map(|item| put_aside_within(item.get_mut(), wrong));
            if inner.is_some() {
                return inner;
            }
            let before = items.len();
            let all = std::mem::replace(items, DeArray::new());
            *items = all.into_iter().filter(|item| !holds(&item.span(), wrong)).collect();
            (items.len() < before).then(String::new)
        }
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            None
        }
    }
}

fn holds(span: &Range<usize>, wrong: &Range<usize>) -> bool {
    span.start <= wrong.start && wrong.end <= span.end
}

/// Where the value at `path` stands in the file; `None` where the file leaves it out. A step into a list is a number.
fn place(file: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    let mut steps = path.split('.');
    let mut found = file.get(steps.next()?)?;
    for step in steps {
        found = match found.get_ref() {
            DeValue::Table(table) => table.get(step)?,
            DeValue::Array(items) => items.get(step.parse::<usize>().ok()?)?,
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {
                return None;
            }
        };
    }
    Some(found.span())
}

fn version(text: &str) -> String {
    const LONG_ENOUGH_TO_TELL_APART: usize = 12;
    let mut version = data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
    version.truncate(LONG_ENOUGH_TO_TELL_APART);
    version
}
