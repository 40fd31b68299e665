//! What a policy's types cannot say: ranges, relations between fields, and the form of names.

use std::collections::BTreeMap;

use super::prompt::CANARY;
use super::{Admission, Generation, Limits, Models, Policy, Prices, Prompt, Tools, admission, explain};
use crate::guards::judge;

/// A value out of its range.
pub(super) struct Wrong {
    /// The fields to blame, the likeliest first. The first that the file sets is where the mistake is shown.
    pub(super) path: Vec<String>,
    pub(super) problem: String,
    pub(super) remedy: String,
}

pub(super) fn every_table(policy: &Policy) -> Vec<Wrong> {
    let mut found = Found(Vec::new());
    found.models(&policy.models, &policy.prices);
    found.admission(&policy.admission);
    found.prompt(&policy.prompt);
    found.generation(&policy.generation);
    found.limits(&policy.limits);
    found.tools(&policy.tools);
    found.thresholds("input", policy.input.flag_at, policy.input.block_at);
    found.thresholds("input.documents", policy.input.documents.flag_at, policy.input.documents.block_at);
    found.between("input.model_from", policy.input.model_from.into(), 1, 1000);
    found.weights(&policy.input.weights);
    for (index, rule) in policy.input.rules.iter().enumerate() {
        found.at_most(&format!("input.rules.{index}.weight"), rule.weight.into(), 1000);
    }
    found.0
}

struct Found(Vec<Wrong>);

impl Found {
    fn models(&mut self, models: &Models, prices: &Prices) {
        if models.allowed.is_empty() {
            self.add(&["models.allowed"], "no model is allowed", "name at least one");
        }
        for (index, name) in models.allowed.iter().enumerate() {
            let path = format!("models.allowed.{index}");
            if let Some(bare) = name.strip_prefix("models/") {
                self.add(&[&path], "a model is named without `models/`", format!("write \"{bare}\""));
            } else if name.is_empty() || !name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-')) {
                let remedy = "use lower-case letters, digits, `.` and `-`";
                self.add(&[&path], format!("\"{name}\" is not the name of a model"), remedy);
            } else if !prices.know(name) {
                let remedy = "add what it costs as one of [[prices.rows]], or remove it";
                self.add(&[&path, "models.allowed"], format!("{name} has no price"), remedy);
            }
        }
    }

    fn admission(&mut self, admission: &Admission) {
        let shards = admission.all_shards;
        self.between("admission.all_shards", shards.get().into(), 1, 64);
        let tables = [("caller", &admission.caller), ("user", &admission.user), ("all", &admission.all)];
        for (table, limits) in tables {
            let path = |field: &str| format!("admission.{table}.{field}");
            // Rates beyond these are no brake, and too fast to be told apart in microseconds.
            let requests = limits.requests_per_minute.map_or(1, |most| most.get().into());
            self.between(&path("requests_per_minute"), requests, 1, 1_000_000);
            self.between(&path("burst"), limits.burst.get().into(), 1, 1_000_000);
            // Each open request is an entry of its subject's item, and a large item is slow to write.
            self.between(&path("max_open"), limits.max_open.get().into(), 1, 200);
        }
        let all = &admission.all;
        let least = [all.requests_per_minute, Some(all.burst), all.tokens_per_minute, Some(all.max_open)];
        let least = least.into_iter().flatten().min();
        if admission::bounds_anything(all) && least.is_some_and(|least| least < shards) {
            let remedy = "have every limit of [admission.all] be at least `all_shards`";
            self.add(&["admission.all_shards"], "a shard would be left without a limit of its own", remedy);
        }
    }

    fn prompt(&mut self, prompt: &Prompt) {
        let remedy = format!("write {CANARY} where the instruction refers to itself");
        match prompt.instruction.matches(CANARY).count() {
            1 => {}
            0 => self.add(&["prompt.instruction"], format!("the instruction has no {CANARY}"), remedy),
            _ => self.add(&["prompt.instruction"], format!("the instruction has {CANARY} more than once"), "keep one"),
        }
        for (list, topics) in [("allowed", &prompt.allowed_topics), ("forbidden", &prompt.forbidden_topics)] {
            for (index, topic) in topics.iter().enumerate() {
                let path = format!("prompt.{list}_topics.{index}");
                if topic.trim().is_empty() || topic.contains(['\n', '\r']) {
                    self.add(&[&path], "a topic is one line of words", "write it on one line, or remove it");
                } else if topic.contains(CANARY) {
                    self.add(&[&path], format!("a topic has no {CANARY}"), "keep it in the instruction alone");
                }
            }
        }
    }

    fn generation(&mut self, generation: &Generation) {
        // The most that any served Gemini model answers with, and thinks with.
        const LONGEST_ANSWER: u64 = 65_536;
        const LONGEST_THOUGHT: u64 = 65_536;
        let (default, most) = (generation.default_output_tokens, generation.max_output_tokens);
        self.between("generation.max_output_tokens", most.into(), 1, LONGEST_ANSWER);
        self.between("generation.default_output_tokens", default.into(), 1, LONGEST_ANSWER);
        if default > most {
            self.add(
                &["generation.default_output_tokens", "generation.max_output_tokens"],
                "the default is more than a caller may ask for",
                format!("have `default_output_tokens` be at most `max_output_tokens`, which is {most}"),
            );
        }
        self.at_most("generation.max_thinking_budget", generation.max_thinking_budget.into(), LONGEST_THOUGHT);
        self.range("generation.temperature", generation.temperature.min, generation.temperature.max, 2.0);
        self.range("generation.top_p", generation.top_p.min, generation.top_p.max, 1.0);
        self.range("generation.top_k", generation.top_k.min.into(), generation.top_k.max.into(), f64::from(u32::MAX));
        // Gemini refuses a request with more.
        self.at_most("generation.max_stop_sequences", count(generation.max_stop_sequences), 5);
    }

    fn limits(&mut self, limits: &Limits) {
        // A request to Lambda may have 6 MB, a response likewise.
        self.between("limits.max_body_bytes", count(limits.max_body_bytes.get()), 1024, 6_291_456);
        self.between("limits.max_json_depth", count(limits.max_json_depth.get()), 1, 127);
        self.at_most("limits.max_inline_bytes", count(limits.max_inline_bytes), count(limits.max_body_bytes.get()));
        for (index, name) in limits.inline_types.iter().enumerate() {
            let path = format!("limits.inline_types.{index}");
            let sound = |half: &str| {
                !half.is_empty() && half.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'+'))
            };
            match name.split_once('/') {
                Some((kind, form)) if sound(kind) && sound(form) => {
                    if kind == "text" || ["json", "xml", "javascript"].iter().any(|word| form.contains(word)) {
                        let remedy = "remove it: text belongs in a text part, where the guards see it";
                        self.add(&[&path], format!("{name} is text, which no guard would judge"), remedy);
                    }
                }
                _ => self.add(
                    &[&path],
                    format!("\"{name}\" is not a media type"),
                    "write it as in \"image/png\", in lower case and without wildcards",
                ),
            }
        }
    }

    /// A budget holds by what is reserved before Gemini is asked. How often the model uses such a tool it decides after.
    fn tools(&mut self, tools: &Tools) {
        for index in 0..tools.server_side.len() {
            let path = format!("tools.server_side.{index}");
            let remedy = "remove it; callers can declare a function and run the tool themselves";
            self.add(&[&path], "Google bills this tool apart, and there is no price to reserve for it", remedy);
        }
    }

    fn thresholds(&mut self, table: &str, flag_at: u16, block_at: u16) {
        let path = |field: &str| format!("{table}.{field}");
        self.between(&path("block_at"), block_at.into(), 1, 1000);
        self.between(&path("flag_at"), flag_at.into(), 1, 1000);
        if flag_at > block_at {
            self.add(
                &[&path("flag_at"), &path("block_at")],
                "what is blocked must also be flagged",
                format!("have `flag_at` be at most `block_at`, which is {block_at}"),
            );
        }
    }

    fn weights(&mut self, weights: &BTreeMap<String, u16>) {
        for (id, weight) in weights {
            let path = format!("input.weights.{id}");
            if !judge::ids().any(|known| known == id) {
                let known: Vec<&str> = judge::ids().collect();
                let (problem, remedy) = explain::unknown("rule", id, &known);
                self.0.push(Wrong { path: vec![path, "input.weights".to_owned()], problem, remedy });
            } else if *weight > 1000 {
                let path = vec![path, "input.weights".to_owned()];
                let problem = format!("{weight} is out of range");
                self.0.push(Wrong {
                    path,
                    problem,
                    remedy: "have it be at most 1000: weights are thousandths".to_owned(),
                });
            }
        }
    }

    fn range(&mut self, path: &str, min: f64, max: f64, most: f64) {
        // Written so that a value that is not a number is refused.
        if !(0.0 <= min && min <= max && max <= most) {
            let remedy = format!("have 0 <= min <= max <= {most}");
            self.add(&[path], format!("from {min} to {max} is not a range that Gemini takes"), remedy);
        }
    }

    fn at_most(&mut self, path: &str, value: u64, most: u64) {
        self.between(path, value, 0, most);
    }

    fn between(&mut self, path: &str, value: u64, least: u64, most: u64) {
        if value < least || value > most {
            self.add(&[path], format!("{value} is out of range"), format!("write a number from {least} to {most}"));
        }
    }

    fn add(&mut self, path: &[&str], problem: impl Into<String>, remedy: impl Into<String>) {
        let path = path.iter().map(|&path| path.to_owned()).collect();
        self.0.push(Wrong { path, problem: problem.into(), remedy: remedy.into() });
    }
}

fn count(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
