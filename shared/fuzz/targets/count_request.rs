//! A body of `countTokens`, which may hold a whole request of its own, is read or refused as that request would be.
#![no_main]

use completion::surface::{Documents, gemini};
use fuzz::POLICY;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    fuzz::request(body, |value| gemini::read_count(value, &mut Documents::default(), &POLICY));
});
