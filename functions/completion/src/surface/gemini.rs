//! The Gemini surface: requests in, answers, events and errors out.

mod answer;
mod error;
mod fields;
mod object;
mod request;

pub use answer::{blocked, chunk, count, model, models};
pub use error::{body as error_body, event as error_event};
pub use request::{Documents, read, read_count};

use bytes::Bytes;
use serde_json::Value;

/// One server-sent event: exactly `data: `, the JSON and an empty line. Google's Python clients fail on anything
/// else, a comment or an `event:` line included.
#[must_use]
pub fn event(value: &Value) -> Bytes {
    format!("data: {value}\n\n").into()
}
