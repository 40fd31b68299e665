//! Where records go: the store of record first, and from there, by the object's key, the warehouse.

pub mod objects;

pub use objects::Objects;
