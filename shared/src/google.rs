//! google.
