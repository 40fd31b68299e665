//! Prepares what the library would otherwise compute each time it starts.

#[path = "build/redact.rs"]
mod redact;
#[path = "build/signatures.rs"]
mod signatures;

fn main() {
    redact::build();
    signatures::build();
}
