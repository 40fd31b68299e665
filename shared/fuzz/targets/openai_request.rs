//! A body of the OpenAI surface is read or refused, never more: no panic, no text of it in the refusal, and what was
//! read reaches Gemini whole and within the policy's bounds.
#![no_main]

use completion::surface::{Documents, openai};
use fuzz::POLICY;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    fuzz::request(body, |value| openai::read(value, &mut Documents::default(), &POLICY).map(|request| request.ask));
});
