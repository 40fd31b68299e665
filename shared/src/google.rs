//! Adapters to Google.

pub mod error;
pub mod gemini;
pub mod sse;
pub mod wire;
