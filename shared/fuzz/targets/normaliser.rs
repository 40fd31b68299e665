//! Normalising twice is normalising once, and a finding's span lies in its text, on character boundaries.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use shared::conversation::{Conversation, Provenance};
use shared::guards::judge::Settings;
use shared::guards::{Guard, normalise};

static GUARD: LazyLock<Guard> = LazyLock::new(|| Guard::new(&Settings::default()).unwrap());

fuzz_target!(|text: &str| {
    let once = normalise::normalise(text);
    assert_eq!(normalise::normalise(&once), once);
    for provenance in [Provenance::User, Provenance::Document] {
        for finding in GUARD.judge(&Conversation::of_text(provenance, text)).findings {
            assert!(text.get(finding.span).is_some(), "{}", finding.rule);
        }
    }
});
