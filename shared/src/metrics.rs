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

/// What an event is called that tells of a request whose outcome could not be stored: it cost what an answer costs, and
/// counts as refused.
const UNRECORDED: &str = "unrecorded";

/// What an event is called that tells of a rotation that is done, and of an event that came to nothing.
const ROTATED: &str = "rotated";
const NOT_DONE: &str = "not_done";

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
const FAULTS: [(&str, &str); 24] = [
    ("audit_poison", "audit_poison"),
    ("audit_unavailable", "audit_failed"),
    ("budget_overrun", "budget_overrun"),
    // The tables are of one kind, and so are their faults: the line in the log names the one.
    ("callers_unavailable", "ledger_failed"),
    ("dead_unavailable", "drain_failed"),
    ("detection_failed", "detection_failed"),
    ("head_untold", "head_untold"),
    ("ledger_unavailable", "ledger_failed"),
    ("pepper_unavailable", "audit_failed"),
    ("policy_refused", "policy_refused"),
    ("policy_unread", "policy_refused"),
    ("policy_unrecorded", "audit_failed"),
    ("provider_account", "key_rejected"),
    ("provider_key", "key_rejected"),
    ("provider_model_gone", "model_gone"),
    // No fault: where it is missing, nothing is sealed.
    ("sealed", "sealed"),
    ("trail_broken", "trail_broken"),
    ("trail_unanswered", "trail_unanswered"),
    ("trail_unavailable", "drain_failed"),
    ("warehouse_absent", "warehouse_refused"),
    ("warehouse_limited", "warehouse_failed"),
    ("warehouse_poison", "warehouse_poison"),
    ("warehouse_refused", "warehouse_refused"),
    ("warehouse_unavailable", "warehouse_failed"),
];

/// Likewise, of the function that rotates the key.
const ROTATION_FAULTS: [(&str, &str); 6] = [
    ("key_in_use", "key_in_use"),
    ("pending_stuck", "pending_stuck"),
    ("rotation_is_off", "rotation_overdue"),
    ("rotation_overdue", "rotation_overdue"),
    ("served_key_gone", "served_key_gone"),
    ("too_many_keys", "too_many_keys"),
];

/// What is counted and raises no alarm, since whoever told it has told people too.
const NOTICES: [(&str, &str); 1] = [("suspicious", "suspicious")];

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
            ANSWERED | UNRECORDED => {
                let measures = self.measures();
                let (request, measured) = (REQUEST, Group { by: &[&[]], metrics: &measures });
                let mut lines = vec![if self.message == UNRECORDED {
                    line(&[("decision", REFUSED), ("code", &self.code)], &[request, REFUSAL, measured])
                } else {
                    line(&[("decision", &self.decision)], &[request, measured])
                }];
                for category in self.categories.split(',').filter(|category| !category.is_empty()) {
                    let matched = Group { by: &[&["category"]], metrics: &[("rule_matches", COUNT, 1)] };
                    lines.push(line(&[("category", category)], &[matched]));
                }
                lines
            }
            ROTATED => vec![line(&[], &[Group { by: &[&[]], metrics: &[("rotations", COUNT, 1)] }])],
            NOT_DONE => {
                let failed = Group { by: &[&[], &["code"]], metrics: &[("rotation_failed", COUNT, 1)] };
                vec![line(&[("code", &self.code)], &[failed])]
            }
            REFUSED => vec![line(&[("decision", REFUSED), ("code", &self.code)], &[REQUEST, REFUSAL])],
            _ => {
                let fault = FAULTS
                    .iter()
                    .chain(&ROTATION_FAULTS)
                    .chain(&NOTICES)
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

const REQUEST: Group<'_> = Group { by: &[&[], &["decision"]], metrics: &[("requests", COUNT, 1)] };
const REFUSAL: Group<'_> = Group { by: &[&["code"]], metrics: &[("refused", COUNT, 1)] };

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
mod tests;
