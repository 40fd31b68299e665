//! Adapters to Google. What Gemini writes on the wire is read here without them too: it takes no connection.

#[cfg(feature = "google")]
pub mod api_keys;
#[cfg(feature = "google")]
pub mod base;
#[cfg(feature = "google")]
pub mod bigquery;
pub mod error;
#[cfg(feature = "google")]
pub mod gemini;
#[cfg(feature = "google")]
pub mod probe;
#[cfg(feature = "google")]
mod rest;
pub mod sse;
#[cfg(feature = "google")]
pub mod token;
pub mod wire;
