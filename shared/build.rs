//! Tables that are made once, when the crate is built, and not each time it starts.

#[path = "build/phrases.rs"]
mod phrases;
#[path = "build/redact.rs"]
mod redact;
#[path = "build/signatures.rs"]
mod signatures;
#[path = "build/text.rs"]
mod text;
#[path = "build/words.rs"]
mod words;

fn main() {
    redact::build();
    signatures::build();
}
