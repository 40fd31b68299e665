//! Gemini's JSON: prompts out, answers in.
//!
//! Source: the v1beta protos and google-genai 3.4.0's types, read 2026-11.

mod answer;
mod prompt;

pub use answer::{answer, count};
pub use prompt::{count_body, generate_body, parts, role};
