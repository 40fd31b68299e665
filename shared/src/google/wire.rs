//! Gemini's JSON: prompts out, answers in.
//!
//! Source: the v1beta protos and google-genai 3.4.0's types, read 2026-11.

use serde::Serialize;

mod answer;
mod fields;
mod prompt;

pub use answer::{answer, count};
pub use prompt::{Ask, Count, Parts, role};

/// Something written as JSON.
#[must_use]
pub fn bytes(written: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    write(written, &mut bytes);
    bytes
}

/// Writes something as JSON behind what is there.
pub fn write(written: &impl Serialize, bytes: &mut Vec<u8>) {
    #[expect(clippy::expect_used, reason = "texts, numbers and text keys are JSON, and a vector takes them all")]
    serde_json::to_writer(bytes, written).expect("it can be written");
}
