//! Replaces the provider's key on a schedule, and nobody feels it.
//!
//! [`Job::step`] is one of the four steps of Secrets Manager's contract. [`plan`] decides, purely; [`job`] acts, through
//! the ports of `shared` and [`ports`]. Every step may be killed at any point, may run again with the same version or a
//! new one, and may run twice at a time: at every instant the current version holds a key that works.

pub mod config;
pub mod deployment;
pub mod error;
pub mod event;
pub mod job;
pub mod plan;
pub mod ports;
mod work;

pub use config::Config;
pub use error::Error;
pub use event::Event;
pub use job::{Job, Minting};
