//! A body of the Gemini surface is read or refused, never more: no panic, no text of it in the refusal, and what was
//! read reaches Gemini whole and within the policy's bounds.
#![no_main]

use completion::surface::{Documents, gemini};
use fuzz::POLICY;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    fuzz::request(body, |value| gemini::read(value, &mut Documents::default(), &POLICY));
});
