//! What the operator can ask for.

pub(crate) mod audit;
pub(crate) mod caller;
pub(crate) mod listing;
