//! The guarded endpoint.
