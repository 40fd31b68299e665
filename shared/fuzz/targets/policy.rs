//! A policy is taken or refused with mistakes, each of which names a line that the file has. What is taken is taken
//! again alike, and under the same version.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::policy::Policy;

fuzz_target!(|text: &str| {
    match Policy::parse("p.toml", text) {
        Ok(policy) => {
            let again = Policy::parse("p.toml", text).expect("what was taken is taken again");
            assert_eq!(again, policy);
            assert_eq!(again.version(), policy.version());
        }
        Err(invalid) => {
            assert!(!invalid.mistakes.is_empty());
            let lines = text.split('\n').count();
            for mistake in invalid.mistakes {
                assert!((1..=lines).contains(&mistake.line) && mistake.column >= 1, "{mistake:?}");
                assert!(!mistake.problem.is_empty() && !mistake.remedy.is_empty(), "{mistake:?}");
            }
        }
    }
});
