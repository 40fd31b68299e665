//! `RateLimit` and `RateLimit-Policy`, as draft-ietf-httpapi-ratelimit-headers-11 writes them.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};
use shared::limits::Standing;

/// Tells what is left of each limit, and what the limits are.
pub(crate) fn tell(standing: &Standing, headers: &mut HeaderMap) {
    let (mut left, mut limits) = (String::new(), String::new());
    let quotas = [
        ("rpm", "", standing.requests),
        ("tpm", ";qu=\"tokens\"", standing.tokens),
        ("usd", ";qu=\"micro-usd\"", standing.spend),
    ];
    for (name, unit, quota) in quotas {
        let Some(quota) = quota else { continue };
        let comma = if left.is_empty() { "" } else { ", " };
        let seconds = |milliseconds: u64| milliseconds.div_ceil(1000);
        // Writing to a string does not fail.
        let _fine = write!(left, "{comma}\"{name}\";r={};t={}", quota.left, seconds(quota.full_in_ms));
        let _fine = write!(limits, "{comma}\"{name}\";q={};w={}{unit}", quota.most, seconds(quota.window_ms));
    }
    for (name, value) in [("ratelimit", left), ("ratelimit-policy", limits)] {
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::try_from(value)) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
