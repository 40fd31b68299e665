//! The guarded endpoint: authenticate, judge, record, call Gemini under a hardened prompt, redact, record.
//!
//! [`Gate`] is the whole of it, generic over its ports; [`Gate::answer`] takes one HTTP request and gives its answer.
//! `build` makes one of AWS's adapters. Without the feature `aws` there is the gate alone, which is quicker to build.
//! The module [`service`] holds a request's way, top to bottom.

pub mod admission;
pub mod body;
pub mod compose;
pub mod config;
pub mod credentials;
mod delivery;
#[cfg(feature = "aws")]
pub mod deployment;
#[cfg(feature = "aws")]
pub mod error;
pub mod finish;
pub mod gate;
mod history;
pub mod json;
pub mod openapi;
pub mod output;
pub mod problem;
pub mod receipt;
pub mod routes;
pub mod service;
pub mod surface;

pub use config::Config;
#[cfg(feature = "aws")]
pub use deployment::{Deployment, build};
#[cfg(feature = "aws")]
pub use error::Error;
pub use gate::{Gate, Parts, Rules};
