//! A policy with what is built of it.

use super::check::Wrong;
use super::{DEFAULT, Invalid, Policy, explain, file};
use crate::guards::BadPattern;
use crate::guards::judge::{self, Guard};
use crate::guards::leak::Guarded;
use crate::guards::links::{BadHost, Links};
use crate::guards::redact::{self, Redactor};

/// A policy, and the guards it asks for. Built once per policy.
#[derive(Debug)]
pub struct Compiled {
    /// The policy itself.
    pub policy: Policy,
    /// Judges by its `[input]`.
    pub guard: Guard,
    /// Redacts by its `[output]`.
    pub redactor: Redactor,
    /// Takes out addresses by its `[output.links]`.
    pub links: Links,
    /// The words of its `[prompt]`, which no answer may repeat.
    pub guarded: Guarded,
}

impl Compiled {
    /// Reads a policy and builds its guard and redactor. `file_name` is what mistakes are reported under.
    ///
    /// # Errors
    /// [`Invalid`] lists every mistake that was found, patterns that cannot be used among them.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, Invalid> {
        file::parse_then(file_name, text, |policy| {
            let (guard, redactor) = (Guard::new(&policy.input), Redactor::new(&policy.output));
            match (guard, redactor, Links::new(&policy.output.links)) {
                (Ok(guard), Ok(redactor), Ok(links)) => {
                    let guarded = if policy.prompt.enabled {
                        Guarded::new(&policy.prompt.instruction)
                    } else {
                        Guarded::default()
                    };
                    Ok(Self { policy: policy.clone(), guard, redactor, links, guarded })
                }
                (guard, redactor, links) => {
                    let mut wrong = guard.err().map(|first| bad_rules(&policy.input, first)).unwrap_or_default();
                    wrong.extend(redactor.err().map(|first| bad_output(&policy.output, first)).unwrap_or_default());
                    wrong.extend(links.err().unwrap_or_default().iter().map(bad_host));
                    Err(wrong)
                }
            }
        })
    }

    /// The policy that is in force without a file.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the text is a constant, and a test builds it")]
    pub fn embedded() -> Self {
        Self::parse("default.toml", DEFAULT).expect("the embedded policy is sound")
    }
}

/// Every rule that cannot be used. The guard stops at the first, so each is tried alone.
fn bad_rules(settings: &judge::Settings, first: BadPattern) -> Vec<Wrong> {
    let alone = settings.rules.iter().enumerate().filter_map(|(index, rule)| {
        let alone = judge::Settings { rules: vec![rule.clone()], ..settings.clone() };
        Guard::new(&alone).err().map(|bad| BadPattern { index, ..bad })
    });
    wrong("input.rules", alone.collect(), first)
}

/// Every type that does not exist and every pattern that cannot be used, likewise.
fn bad_output(settings: &redact::Settings, first: BadPattern) -> Vec<Wrong> {
    let known: Vec<&str> = Redactor::types().map(|(name, _)| name).collect();
    let unknown = settings.types.keys().filter(|name| !known.contains(&name.as_str())).map(|name| {
        let (problem, remedy) = explain::unknown("type", name, &known);
        Wrong { path: vec![format!("output.types.{name}"), "output".to_owned()], problem, remedy }
    });
    let mut all: Vec<Wrong> = unknown.collect();
    let alone = settings.patterns.iter().enumerate().filter_map(|(index, pattern)| {
        let alone = redact::Settings { patterns: vec![pattern.clone()], ..redact::Settings::default() };
        Redactor::new(&alone).err().map(|bad| BadPattern { index, ..bad })
    });
    let alone: Vec<BadPattern> = alone.collect();
    // The first is an unknown type where there is one.
    if all.is_empty() || !alone.is_empty() {
        all.extend(wrong("output.patterns", alone, first));
    }
    all
}

fn bad_host(bad: &BadHost) -> Wrong {
    Wrong {
        path: vec![format!("output.links.allowed.{}", bad.index), "output.links".to_owned()],
        problem: bad.to_string(),
        remedy: "write a host in lower case such as \"cdn.example.com\", or \"*.example.com\" for all beneath it"
            .to_owned(),
    }
}

/// What is wrong with the patterns of a list; `first` where each is right alone and they do not go together.
fn wrong(list: &str, alone: Vec<BadPattern>, first: BadPattern) -> Vec<Wrong> {
    let bad = if alone.is_empty() { vec![first] } else { alone };
    bad.into_iter()
        .map(|BadPattern { name, index, reason }| Wrong {
            path: vec![format!("{list}.{index}.pattern"), list.to_owned()],
            problem: format!("the pattern of `{name}` cannot be used"),
            remedy: explain::pattern(&reason),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        Compiled::parse("p.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn the_embedded_default_can_be_built() {
        assert_eq!(Compiled::embedded().policy, Policy::embedded());
    }

    #[test]
    fn every_bad_pattern_is_told_by_its_line_beside_other_mistakes() {
        let text = "[limits]\nmax_turns = -1\n\n\
            [[input.rules]]\nid = \"fine\"\npattern = 'fine'\nweight = 1\n\n\
            [[input.rules]]\nid = \"open\"\npattern = '(open'\nweight = 1\n\n\
            [[input.rules]]\nid = \"shut\"\npattern = '(shut'\nweight = 1\n\n\
            [[output.patterns]]\nname = \"long\"\npattern = 'a+'\n";
        let told = told(text);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 4, "{told}");
        assert!(lines[0].starts_with("p.toml:2:13: "), "{told}");
        assert!(lines[1].starts_with("p.toml:11:11: the pattern of `open` cannot be used ("), "{told}");
        assert!(lines[2].starts_with("p.toml:16:11: the pattern of `shut` cannot be used ("), "{told}");
        assert!(lines[3].starts_with("p.toml:21:11: the pattern of `long` cannot be used ("), "{told}");
    }

    #[test]
    fn every_host_that_is_none_is_told_by_its_line() {
        let told = told("[output.links]\nallowed = [\n  \"a.test\",\n  \"https://b.test\",\n  \"*\",\n]\n");
        let places: Vec<&str> = told.lines().map(|line| line.split(" (").next().unwrap()).collect();
        assert_eq!(places, ["p.toml:4:3: \"https://b.test\" is not a host", "p.toml:5:3: \"*\" is not a host"]);
    }

    #[test]
    fn every_unknown_type_is_told_by_its_line() {
        assert_eq!(
            told("[output.types]\nemial = false\nip_address = false\n\nphonenumbers = true\n").lines().next(),
            Some("p.toml:2:9: unknown type `emial` (did you mean `email`?)")
        );
        let told =
            told("[output.types]\nemial = false\nnonsense = true\n[[output.patterns]]\nname = \"x\"\npattern = 'a+'\n");
        let places: Vec<&str> = told.lines().map(|line| line.split(": ").next().unwrap()).collect();
        assert_eq!(places, ["p.toml:2:9", "p.toml:3:12", "p.toml:6:11"], "{told}");
    }
}
