//! What a refusal says where both surfaces refuse the same thing.

pub(super) const CACHES: &str = "caches hold what no guard has read; send the content itself";
pub(super) const LOGPROBS: &str = "they show what redaction took out";
pub(super) const SPEECH: &str = "speech is not generated here";
pub(super) const TIER: &str = "the operator chooses the service tier";
