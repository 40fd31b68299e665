//! Adapters to Google.

pub mod api_keys;
pub mod base;
pub mod bigquery;
pub mod error;
pub mod gemini;
pub mod probe;
mod rest;
pub mod sse;
pub mod token;
pub mod wire;
