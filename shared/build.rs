//! Prepares what the library would otherwise compute each time it starts.

#[path = "build/signatures.rs"]
mod signatures;

fn main() {
    signatures::build();
}
