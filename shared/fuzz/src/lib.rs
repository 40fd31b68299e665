//! The laws that the request readers of both surfaces keep.

use std::sync::LazyLock;

use completion::compose::{self, Marks};
use completion::json;
use completion::problem::Problem;
use completion::surface::Ask;
use serde_json::Value;
use shared::google::wire;
use shared::policy::Policy;

/// The policy that requests are read under.
pub static POLICY: LazyLock<Policy> = LazyLock::new(Policy::embedded);

/// Reads a body by `read`. Its refusal quotes no text of the body; of what was read, no turn is lost on the way to
/// Gemini and no bound of the policy left out.
///
/// # Panics
/// When a law is broken.
pub fn request(body: &[u8], read: impl FnOnce(Value) -> Result<Ask, Problem>) {
    let Ok(value) = json::read(body, POLICY.limits.max_json_depth.get()) else { return };
    let (mut names, mut texts) = (Vec::new(), Vec::new());
    words(&value, &mut names, &mut texts);
    let quotes_nothing = |problem: Problem| {
        let told = format!("{} {:?}", problem.message, problem.field);
        let quoted = texts.iter().find(|text| told.contains(*text) && !names.iter().any(|name| name.contains(*text)));
        assert_eq!(quoted, None, "{told}");
    };
    match read(value).and_then(|ask| compose::bound(&ask, &POLICY).map(|bounded| (ask, bounded))) {
        Err(problem) => quotes_nothing(problem),
        Ok((ask, bounded)) => {
            let turns = ask.conversation.turns.len();
            let marks = Marks::mint().expect("the system gives random numbers");
            let prompt = compose::compose("m", &ask, bounded, &POLICY, &marks);
            let sent: Value = serde_json::from_slice(&wire::bytes(&wire::Ask::of(&prompt))).expect("a prompt is JSON");
            assert_eq!(sent["contents"].as_array().map(Vec::len), Some(turns));
            assert!(sent["generationConfig"]["maxOutputTokens"].is_u64());
            assert_eq!(sent["safetySettings"].as_array().map(Vec::len), Some(4));
            assert!(sent["systemInstruction"]["parts"].as_array().is_some_and(|parts| !parts.is_empty()));
        }
    }
}

/// The names of fields, and the texts that are too long to stand in a fixed message by chance.
fn words(value: &Value, names: &mut Vec<String>, texts: &mut Vec<String>) {
    const LONG: usize = 24;
    match value {
        Value::String(text) if text.len() >= LONG => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| words(item, names, texts)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            names.push(name.clone());
            words(field, names, texts);
        }),
        _ => {}
    }
}
