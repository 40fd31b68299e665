//! A body of the Gemini surface is read or refused, never more: no panic, no text of it in the refusal, and what was
//! read is composed into a body that Gemini's reader would take apart into the same parts.
#![no_main]

use std::sync::LazyLock;

use completion::compose::{self, Marks};
use completion::json;
use completion::surface::gemini::{self, Documents};
use libfuzzer_sys::fuzz_target;
use shared::google::wire;
use shared::policy::Policy;

static POLICY: LazyLock<Policy> = LazyLock::new(Policy::embedded);

fuzz_target!(|body: &[u8]| {
    let Ok(value) = json::read(body, POLICY.limits.max_json_depth.get()) else { return };
    let Ok(ask) = gemini::read(value, &Documents::default(), &POLICY) else { return };
    let Ok(bounded) = compose::bound(&ask, &POLICY) else { return };
    let turns = ask.conversation.turns.len();
    let prompt = compose::compose("m", &ask, bounded, &POLICY, &Marks::mint().unwrap());
    let sent = wire::generate_body(&prompt);
    assert_eq!(sent["contents"].as_array().map(Vec::len), Some(turns));
    assert!(sent["generationConfig"]["maxOutputTokens"].is_u64());
    assert_eq!(sent["safetySettings"].as_array().map(Vec::len), Some(4));
});
