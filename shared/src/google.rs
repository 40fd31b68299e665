//! Adapters to Google.

pub mod base;
pub mod error;
pub mod gemini;
pub mod sse;
pub mod wire;
