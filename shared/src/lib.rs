//! What Gatehouse's functions have in common.
//!
//! Without features this crate is pure: guards, limits, audit records and policy decide, and nothing here opens a
//! socket, reads a file or asks the time. `aws`, `google` and `host` add the adapters that do.

pub mod answer;
pub mod audit;
pub mod caller;
pub mod clock;
pub mod config;
pub mod conversation;
pub mod fields;
pub mod google;
pub mod guards;
pub mod limits;
pub mod metrics;
pub mod payload;
pub mod policy;
pub mod ports;
pub mod recorder;
pub mod secret;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(any(test, feature = "fakes"))]
pub mod fakes;
#[cfg(feature = "host")]
pub mod host;
#[cfg(any(feature = "aws", feature = "google"))]
pub mod https;
#[cfg(feature = "signing")]
pub mod signature;
#[cfg(feature = "host")]
pub mod telemetry;
