//! AWS on this machine: emulations where they are faithful, doubles of our own where they are not.

pub mod dynalite;
