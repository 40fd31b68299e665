//! Takes audit records from the queue to the store of record, and makes what is stored provable.
//!
//! [`Event`] says what the function was called for. [`Job`] drains the audit queue: records become an object in the
//! store of record, with its manifest; then the object's key goes to the warehouse's queue, from which [`Loader`] takes
//! it. A message that is no record goes alone to the dead letters. [`Sealing`] signs an hour's digest, and [`Detector`]
//! tells who has begun to look suspicious. It may be killed anywhere and run twice: a record is stored at least once, and
//! readers drop equal ones.

pub mod config;
pub mod deployment;
pub mod detection;
pub mod error;
pub mod event;
pub mod job;
pub mod load;
pub mod message;
pub mod object;
pub mod seal;
pub mod sink;
pub mod verify;
pub mod warehouse;

pub use config::Config;
pub use deployment::{Function, build};
pub use detection::Detector;
pub use error::Error;
pub use event::Event;
pub use job::Job;
pub use load::Loader;
pub use seal::Sealing;
