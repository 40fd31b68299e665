//! The harness of the end-to-end tests: a scripted Gemini, the real binary, a plain HTTP client, the official SDKs.
//!
//! Nothing here knows how Gatehouse works inside. It starts what a user starts, sends what a client sends, and looks
//! at what came out: answers, printed lines, files.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a harness fails its test by panicking, with a message that says what was being done"
)]

pub mod audit;
pub mod aws;
pub mod client;
pub mod gate;
pub mod gemini;
pub mod rotating;
pub mod sdk;
pub mod wait;

use std::hash::{BuildHasher, Hasher, RandomState};

/// A word that occurs nowhere else: planted in one place, then looked for in others.
#[must_use]
pub fn canary(kind: &str) -> String {
    let chance = RandomState::new().build_hasher().finish();
    format!("{kind}{chance:016x}")
}

/// A provider's key in the form Google gives them, new for each test.
#[must_use]
pub fn provider_key() -> String {
    format!("AQ.{}{}", canary("Ab8"), canary("RN6"))
}
