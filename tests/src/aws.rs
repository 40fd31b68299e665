//! AWS on this machine: emulations where they are faithful, doubles of our own where they are not.
//!
//! What is started here is what ships: the released binary under the real Lambda Runtime protocol, with the environment
//! that Terraform gave it.

pub mod bare;
pub mod bucket;
pub mod dynalite;
pub mod endpoint;
pub mod event_source;
pub mod iam;
pub mod moto;
pub mod runtime;
pub mod server;
pub mod skewed;
pub mod terraform;

/// The region of everything emulated.
pub const REGION: &str = "eu-west-1";
/// The account of everything emulated: the one that moto's STS answers with.
pub const ACCOUNT: &str = "123456789012";
