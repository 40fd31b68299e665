//! What every response tells of its own treatment, in headers.

use http::{HeaderMap, HeaderName, HeaderValue};
use shared::guards::Decision;
use shared::limits::Standing;

use crate::admission;

/// The receipt of one request. In a stream the head leaves before the first redaction, so that only answers that come
/// whole tell how many there were; the audit record always does.
#[derive(Clone, Debug, Default)]
pub struct Receipt {
    /// Names the request in logs and audit records.
    pub request_id: String,
    /// The policy in force; empty where there is none yet.
    pub policy_version: String,
    /// What the input guard decided, once it did.
    pub decision: Option<Decision>,
    /// The rules that matched.
    pub rules: Vec<String>,
    /// The turns for which the prompt is blocked, counted from 0.
    pub blocked_turns: Vec<usize>,
    /// The turns that were left out of the prompt, likewise.
    pub dropped_turns: Vec<usize>,
    /// How much of the answer was redacted.
    pub redactions: Option<u32>,
    /// What is left of the limits, once the request was admitted.
    pub standing: Option<Standing>,
    /// Fields that were accepted without effect, or with their value lowered.
    pub ignored: Vec<String>,
    /// Calls that were sent with Google's placeholder, since their thought signature was lost.
    pub placeholders: u32,
}

impl Receipt {
    /// What a record tells of turns that were left out.
    #[must_use]
    pub fn history(&self) -> Option<String> {
        (!self.dropped_turns.is_empty()).then(|| "history.dropped".to_owned())
    }

    /// The turns for which the prompt is blocked, in words; `None` where it is for none in particular.
    #[must_use]
    pub fn blamed(&self) -> Option<String> {
        list(&numbers(&self.blocked_turns))
    }

    /// Writes the receipt into a response's headers.
    pub fn write(&self, headers: &mut HeaderMap) {
        let decision = self.decision.map(|decision| match decision {
            Decision::Allow => "allow",
            Decision::Block => "block",
            Decision::Flag => "flag",
        });
        let lines = [
            ("x-gatehouse-request-id", Some(self.request_id.clone())),
            // OpenAI's clients show this one.
            ("x-request-id", Some(self.request_id.clone())),
            ("x-gatehouse-policy", Some(self.policy_version.clone()).filter(|version| !version.is_empty())),
            ("x-gatehouse-decision", decision.map(str::to_owned)),
            ("x-gatehouse-rules", list(&self.rules)),
            ("x-gatehouse-blocked-turns", list(&numbers(&self.blocked_turns))),
            ("x-gatehouse-dropped-turns", list(&numbers(&self.dropped_turns))),
            ("x-gatehouse-redactions", self.redactions.map(|count| count.to_string())),
            ("x-gatehouse-ignored", list(&self.ignored)),
            ("x-gatehouse-placeholders", (self.placeholders > 0).then(|| self.placeholders.to_string())),
        ];
        if let Some(standing) = &self.standing {
            admission::tell(standing, headers);
        }
        for (name, value) in lines {
            // A value that is no header value is left out: nothing of the answer depends on it.
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

fn numbers(turns: &[usize]) -> Vec<String> {
    turns.iter().map(ToString::to_string).collect()
}

/// Names in a list, as many as a header may reasonably hold.
fn list(names: &[String]) -> Option<String> {
    const MOST: usize = 32;
    if names.is_empty() {
        return None;
    }
    let mut shown: Vec<&str> = names.iter().take(MOST).map(String::as_str).collect();
    if names.len() > MOST {
        shown.push("...");
    }
    Some(shown.join(", "))
}
