//! The guards: what judges a prompt and what redacts an answer. Pure: no I/O, no clock, no environment.

pub mod classifier;
mod json;
pub mod judge;
pub mod leak;
pub mod links;
pub mod normalise;
pub mod redact;
pub mod signatures;
mod words;

pub use judge::{BadPattern, Category, Decision, Finding, Guard, Mode, Place, Profile, Risk, Verdict};
