//! Rotations that are killed, hindered, repeated and doubled at every effect, and consumers that must not feel it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at what it does not expect"
)]

mod faults;
mod google;
mod histories;
mod rig;
mod scenarios;
mod secrets;
mod world;
