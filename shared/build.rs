//! Tables that are made once, when the crate is built.

#[path = "build/redact.rs"]
mod redact;

fn main() {
    redact::build();
}
