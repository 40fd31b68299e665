//! Metrics for CloudWatch, as lines of its embedded metric format.
//!
//! Metrics are read off the log: what is counted is what is told, and the two cannot disagree. Of an event only the
//! fields in these tables are looked at, so that nothing a caller wrote can become a metric or, worse, a dimension: each
//! of those costs money.

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Gatehouse";

/// What an event is called that tells of a request which was answered, be it with a refusal by the guard.
const ANSWERED: &str = "answered";

/// What an event is called that tells of a request which was refused before that.
const REFUSED: &str = "refused";

/// Numbers of a request that was answered: the field, the metric and its unit.
const NUMBERS: [(&str, &str, &str); 7] = [
    ("gen_ai.usage.input_tokens", "tokens_input", COUNT),
    ("gen_ai.usage.output_tokens", "tokens_output", COUNT),
    ("gen_ai.usage.reasoning.output_tokens", "tokens_thoughts", COUNT),
    ("gen_ai.usage.cache_read.input_tokens", "tokens_cached", COUNT),
    ("tool_tokens", "tokens_tool", COUNT),
    ("cost_micros", "cost_micros", COUNT),
    (UPSTREAM, "upstream_latency_ms", MILLISECONDS),
];

const LATENCY: &str = "latency_ms";
const UPSTREAM: &str = "upstream_ms";

const COUNT: &str = "Count";
const MILLISECONDS: &str = "Milliseconds";

/// Faults that an operator must hear of: the code of the event, and the metric.
const FAULTS: [(&str, &str); 6] = [
    ("audit_unavailable", "audit_failed"),
    ("budget_overrun", "budget_overrun"),
    ("ledger_unavailable", "ledger_failed"),
    ("pepper_unavailable", "audit_failed"),
    ("policy_refused", "policy_refused"),
    ("provider_key", "key_rejected"),
];

/// How the code of an event ends that tells of a part which failed and was passed by, since the policy says so.
const OPEN: &str = "_open";

/// What an event tells: its message and those of its fields that are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    message: String,
    code: String,
    decision: String,
    categories: String,
    blocked: bool,
    numbers: Vec<(&'static str, u64)>,
}

impl Event {
    /// Takes a text, where it is one of those that are looked at.
    pub fn text(&mut self, field: &str, value: &str) {
        let slot = match field {
            "categories" => &mut self.categories,
            "code" => &mut self.code,
            "decision" => &mut self.decision,
            "message" => &mut self.message,
            _ => return,
        };
        // Ours are short words; whatever else it is, it is not counted.
        if value.len() <= 128 && value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_' | b',')) {
            value.clone_into(slot);
        }
    }

    /// Takes a number, likewise.
    pub fn number(&mut self, field: &str, value: u64) {
        let known = NUMBERS.iter().map(|(name, _, _)| *name).chain([LATENCY]).find(|name| *name == field);
        self.numbers.extend(known.map(|name| (name, value)));
    }

    /// Takes a truth, likewise.
    pub fn truth(&mut self, field: &str, value: bool) {
        self.blocked |= field == "blocked" && value;
    }

    /// The lines for CloudWatch; none for an event that is not counted. Each is one JSON object, without a line's end.
    #[must_use]
    pub fn lines(&self, function: &str, at: Timestamp) -> Vec<String> {
        let line = |words: &[(&str, &str)], groups: &[Group<'_>]| line(function, at, words, groups);
        match self.message.as_str() {
            ANSWERED => {
                let answered = Group { by: &[&[], &["decision"]], metrics: &[ONE_REQUEST] };
                let mut lines = vec![line(
                    &[("decision", &self.decision)],
                    &[answered, Group { by: &[&[]], metrics: &self.measures() }],
                )];
                for category in self.categories.split(',').filter(|category| !category.is_empty()) {
                    let matched = Group { by: &[&["category"]], metrics: &[("rule_matches", COUNT, 1)] };
                    lines.push(line(&[("category", category)], &[matched]));
                }
                lines
            }
            REFUSED => {
                let request = Group { by: &[&[], &["decision"]], metrics: &[ONE_REQUEST] };
                let refused = Group { by: &[&["code"]], metrics: &[("refused", COUNT, 1)] };
                vec![line(&[("decision", REFUSED), ("code", &self.code)], &[request, refused])]
            }
            _ => {
                let fault = FAULTS
                    .iter()
                    .find(|(code, _)| *code == self.code)
                    .map(|(_, metric)| line(&[], &[Group { by: &[&[]], metrics: &[(metric, COUNT, 1)] }]));
                let open = self.code.strip_suffix(OPEN).map(|part| {
                    line(&[("part", part)], &[Group { by: &[&[], &["part"]], metrics: &[("fail_open", COUNT, 1)] }])
                });
                fault.into_iter().chain(open).collect()
            }
        }
    }

    fn measures(&self) -> Vec<Metric> {
        let number = |name: &str| self.numbers.iter().find(|(field, _)| *field == name).map_or(0, |(_, value)| *value);
        let told = NUMBERS.iter().map(|(field, metric, unit)| (*metric, *unit, number(field)));
        // What the gate itself took: all but the wait for Gemini.
        let added = number(LATENCY).saturating_sub(number(UPSTREAM));
        let ours = [("blocked", COUNT, u64::from(self.blocked)), ("added_latency_ms", MILLISECONDS, added)];
        ours.into_iter().chain(told).collect()
    }
}

/// A metric, its unit and its value.
type Metric = (&'static str, &'static str, u64);

const ONE_REQUEST: Metric = ("requests", COUNT, 1);

/// Metrics, and the sets of dimensions under which each is kept, beside the function's name.
struct Group<'g> {
    by: &'g [&'g [&'g str]],
    metrics: &'g [Metric],
}

fn line(function: &str, at: Timestamp, words: &[(&str, &str)], groups: &[Group<'_>]) -> String {
    let mut fields = Map::new();
    fields.insert(FUNCTION.into(), function.into());
    fields.extend(words.iter().map(|(name, word)| ((*name).to_owned(), Value::from(*word))));
    let mut directives = Vec::new();
    for Group { by, metrics } in groups {
        fields.extend(metrics.iter().map(|(name, _, value)| ((*name).to_owned(), Value::from(*value))));
        let sets = by.iter().map(|set| [FUNCTION].iter().chain(*set).copied().collect::<Vec<&str>>());
        let metrics = metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit}));
        directives.push(json!({
            "Namespace": NAMESPACE,
            "Dimensions": sets.collect::<Vec<_>>(),
            "Metrics": metrics.collect::<Vec<_>>(),
        }));
    }
    fields.insert("_aws".into(), json!({"Timestamp": at.0, "CloudWatchMetrics": directives}));
    Value::Object(fields).to_string()
}

/// The dimension that every metric has: Lambda's name of the function.
const FUNCTION: &str = "function";

#[cfg(test)]
mod tests {
    use super::*;

    fn event(texts: &[(&str, &str)], numbers: &[(&str, u64)]) -> Event {
        let mut event = Event::default();
        texts.iter().for_each(|(field, value)| event.text(field, value));
        numbers.iter().for_each(|(field, value)| event.number(field, *value));
        event
    }

    fn told(event: &Event) -> Vec<Value> {
        let lines = event.lines("f", Timestamp(7));
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The metrics of a line: each with its value and the sets of dimensions it is kept under.
    fn metrics(line: &Value) -> Vec<(String, u64, Vec<String>)> {
        let mut all = Vec::new();
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            assert_eq!(directive["Namespace"], "Gatehouse");
            let sets = directive["Dimensions"].as_array().unwrap().iter().map(|set| {
                let names = set.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                names.map(|name| format!("{name}={}", line[name].as_str().unwrap())).collect::<Vec<_>>().join(" ")
            });
            let sets: Vec<String> = sets.collect();
            for metric in directive["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                all.push((name.to_owned(), line[name].as_u64().unwrap(), sets.clone()));
            }
        }
        all
    }

    #[test]
    fn an_answer_is_counted_by_its_decision_and_each_category_once() {
        let mut answered = event(
            &[("message", "answered"), ("decision", "block"), ("categories", "density,override"), ("caller", "x")],
            &[
                ("latency_ms", 150),
                ("upstream_ms", 140),
                ("gen_ai.usage.input_tokens", 5),
                ("gen_ai.usage.output_tokens", 9),
                ("gen_ai.usage.reasoning.output_tokens", 4),
                ("gen_ai.usage.cache_read.input_tokens", 2),
                ("tool_tokens", 1),
                ("cost_micros", 77),
                ("unheard_of", 3),
            ],
        );
        answered.truth("blocked", true);
        let lines = told(&answered);
        assert_eq!(lines[0]["_aws"]["Timestamp"], 7);
        assert!(!lines[0].to_string().contains("caller"));
        let by_function = || vec!["function=f".to_owned()];
        let named = |name: &str, value| (name.to_owned(), value, by_function());
        assert_eq!(
            metrics(&lines[0]),
            [
                ("requests".to_owned(), 1, vec!["function=f".to_owned(), "function=f decision=block".to_owned()]),
                named("blocked", 1),
                named("added_latency_ms", 10),
                named("tokens_input", 5),
                named("tokens_output", 9),
                named("tokens_thoughts", 4),
                named("tokens_cached", 2),
                named("tokens_tool", 1),
                named("cost_micros", 77),
                named("upstream_latency_ms", 140),
            ]
        );
        assert_eq!(
            metrics(&lines[1]),
            [("rule_matches".to_owned(), 1, vec!["function=f category=density".to_owned()])]
        );
        assert_eq!(
            metrics(&lines[2]),
            [("rule_matches".to_owned(), 1, vec!["function=f category=override".to_owned()])]
        );
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn a_refusal_is_counted_by_its_code() {
        let lines = told(&event(&[("message", "refused"), ("code", "ledger_unavailable")], &[]));
        assert_eq!(
            metrics(&lines[0]),
            [
                ("requests".to_owned(), 1, vec!["function=f".to_owned(), "function=f decision=refused".to_owned()]),
                ("refused".to_owned(), 1, vec!["function=f code=ledger_unavailable".to_owned()]),
            ]
        );
        assert_eq!(lines.len(), 1);
    }

    #[test]
    fn faults_and_openings_are_counted_by_their_code_whatever_their_words() {
        for (code, metric) in FAULTS {
            let lines = told(&event(&[("message", "Google did it"), ("code", code)], &[]));
            assert_eq!(metrics(&lines[0]), [(metric.to_owned(), 1, vec!["function=f".to_owned()])]);
        }
        let lines = told(&event(&[("message", "a request passes"), ("code", "admission_open")], &[]));
        let sets = vec!["function=f".to_owned(), "function=f part=admission".to_owned()];
        assert_eq!(metrics(&lines[0]), [("fail_open".to_owned(), 1, sets)]);
    }

    #[test]
    fn what_is_no_word_of_ours_is_not_counted() {
        assert_eq!(told(&event(&[("message", "hello"), ("code", "policy_changed")], &[])), [] as [Value; 0]);
        let odd = event(&[("message", "answered"), ("categories", "Ignore all"), ("decision", &"a".repeat(129))], &[]);
        let lines = told(&odd);
        assert_eq!((lines.len(), &lines[0]["decision"]), (1, &Value::from("")));
    }
}
