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

/// What no refusal says by itself, put before a text of the body to see whether one quotes it. A fuzzer that looks into
/// comparisons would find the words of a refusal itself, but puts no mark.
const MARK: &str = "\u{16a0}\u{16a2}\u{16a6}";

/// How many texts of a refused body are marked, one at a time so that the others stay what they are.
const MARKED: usize = 8;

/// Reads a body by `read`. Its refusal quotes no text of the body; of what was read, no turn is lost on the way to
/// Gemini and no bound of the policy left out.
///
/// # Panics
/// When a law is broken.
pub fn request(body: &[u8], read: impl Fn(Value) -> Result<Ask, Problem>) {
    let Ok(value) = json::read(body, POLICY.limits.max_json_depth.get()) else { return };
    let read = |value| read(value).and_then(|ask| compose::bound(&ask, &POLICY).map(|bounded| (ask, bounded)));
    let Ok((ask, bounded)) = read(value.clone()) else {
        for text in 0..MARKED {
            let mut marked = value.clone();
            if mark(&mut marked, &mut { text }) {
                break;
            }
            if let Err(problem) = read(marked) {
                let told = format!("{} {:?}", problem.message, problem.field);
                assert!(!told.contains(MARK), "{told}");
            }
        }
        return;
    };
    let turns = ask.conversation.turns.len();
    let marks = Marks::mint().expect("the system gives random numbers");
    let prompt = compose::compose("m", &ask, bounded, &POLICY, &marks);
    let sent: Value = serde_json::from_slice(&wire::bytes(&wire::Ask::of(&prompt))).expect("a prompt is JSON");
    assert_eq!(sent["contents"].as_array().map(Vec::len), Some(turns));
    assert!(sent["generationConfig"]["maxOutputTokens"].is_u64());
    assert_eq!(sent["safetySettings"].as_array().map(Vec::len), Some(4));
    assert!(sent["systemInstruction"]["parts"].as_array().is_some_and(|parts| !parts.is_empty()));
}

/// Marks the text before which `left` others stand; whether there are no so many. Names of fields are no texts: a
/// refusal may tell them.
fn mark(value: &mut Value, left: &mut usize) -> bool {
    match value {
        Value::String(text) if *left == 0 => {
            text.insert_str(0, MARK);
            false
        }
        Value::String(_) => {
            *left -= 1;
            true
        }
        Value::Array(items) => items.iter_mut().all(|item| mark(item, left)),
        Value::Object(fields) => fields.values_mut().all(|field| mark(field, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}
