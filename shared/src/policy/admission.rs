//! The `[admission]` table: who may ask how much, and what it may cost.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::limits::{Claim, Kind, Limits, Subject};

/// The `[admission]` table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// What happens to requests while the ledger cannot be asked.
    pub on_unavailable: OnUnavailable,
    /// Among how many items the limits of all callers together are shared.
    pub all_shards: NonZeroU32,
    /// The limits of each caller.
    pub caller: Limits,
    /// The limits of each end user.
    pub user: Limits,
    /// The limits of all callers together.
    pub all: Limits,
}

/// What happens to requests while a part that guards them cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnavailable {
    /// They are refused.
    Closed,
    /// They pass, and their records say so.
    Open,
}

impl Admission {
    /// Whom a request is charged to: the end user first, where one is named, then the caller, then all. A table that
    /// bounds nothing has no claim.
    #[must_use]
    pub fn claims(&self, caller: &str, user: Option<&str>, request_id: &str) -> Vec<Claim> {
        let user = user.map(|user| (Kind::User, Subject::user(caller, user), self.user.clone()));
        let number = shard(request_id, self.all_shards);
        let all = (Kind::All, Subject::shard(number), share(&self.all, self.all_shards, number));
        let claims = user.into_iter().chain([(Kind::Caller, Subject::caller(caller), self.caller.clone()), all]);
        claims
            .filter(|(_, _, limits)| bounds_anything(limits))
            .map(|(kind, subject, limits)| Claim { kind, subject, limits })
            .collect()
    }
}

/// Whether a table asks for any account to be kept.
pub(super) const fn bounds_anything(limits: &Limits) -> bool {
    limits.requests_per_minute.is_some() || limits.tokens_per_minute.is_some() || limits.micros.is_some()
}

/// FNV-1a spreads request ids evenly enough.
fn shard(request_id: &str, shards: NonZeroU32) -> u32 {
    let hash = request_id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    u32::try_from(hash % u64::from(shards.get())).unwrap_or_default()
}

/// One shard's part: rounded down, so that all of them together are within the limit, with what is left over on the
/// first.
pub(super) fn share(whole: &Limits, shards: NonZeroU32, number: u32) -> Limits {
    let part = |whole: u64| {
        let shards = u64::from(shards.get());
        whole / shards + if number == 0 { whole % shards } else { 0 }
    };
    let small = |whole: NonZeroU32| NonZeroU32::new(u32::try_from(part(whole.get().into())).unwrap_or(u32::MAX));
    Limits {
        // The policy's checks see to it that each shard has some of every limit.
        requests_per_minute: whole.requests_per_minute.map(|most| small(most).unwrap_or(NonZeroU32::MIN)),
        burst: small(whole.burst).unwrap_or(NonZeroU32::MIN),
        tokens_per_minute: whole.tokens_per_minute.map(|most| small(most).unwrap_or(NonZeroU32::MIN)),
        micros: whole.micros.map(|most| part(most.get()).try_into().unwrap_or(std::num::NonZeroU64::MIN)),
        window: whole.window,
        max_open: small(whole.max_open).unwrap_or(NonZeroU32::MIN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn admission(text: &str) -> Admission {
        Policy::parse("p.toml", text).map_err(|invalid| invalid.to_string()).unwrap().admission
    }

    #[test]
    fn the_end_user_is_asked_first_and_a_table_without_bounds_never() {
        let admission = admission("");
        let kinds = |user| admission.claims("app", user, "r").iter().map(|claim| claim.kind).collect::<Vec<_>>();
        assert_eq!(kinds(None), [Kind::Caller]);
        assert_eq!(kinds(Some("u")), [Kind::User, Kind::Caller]);
    }

    #[test]
    fn a_table_of_the_file_keeps_the_defaults_that_it_leaves_out() {
        let changed = admission("[admission.caller]\nusd = \"0.50\"\n");
        assert_eq!(changed.caller.micros.unwrap().get(), 500_000);
        let default = Policy::embedded().admission;
        assert_eq!(changed.caller.requests_per_minute, default.caller.requests_per_minute);
        assert_eq!(changed.user, default.user);
    }

    #[test]
    fn shards_share_the_limit_and_no_more() {
        let text = "[admission]\nall_shards = 7\n[admission.all]\nusd = \"1.00\"\nrequests_per_minute = 100\n";
        let admission = admission(text);
        let shares: Vec<Limits> = (0..7).map(|number| share(&admission.all, admission.all_shards, number)).collect();
        assert_eq!(shares.iter().map(|share| share.micros.unwrap().get()).sum::<u64>(), 1_000_000);
        assert_eq!(shares.iter().map(|share| share.requests_per_minute.unwrap().get()).sum::<u32>(), 100);
        let mut used: Vec<u32> = (0..200).map(|id| shard(&id.to_string(), admission.all_shards)).collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used, [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn mistakes_are_told_with_their_remedy() {
        let told = |text| Policy::parse("p.toml", text).unwrap_err().to_string();
        let text = "[admission.caller]\nusd = 5.0\nrequests_per_minute = 0\nmax_open = 500\n\
                    [admission]\non_unavailable = \"ajar\"\n";
        let told_all = told(text);
        let said = ["2:7", "dollars in quotes", "3:23", "above 0, or \"none\"", "6:18", "closed, open"];
        assert!(said.iter().all(|part| told_all.contains(part)), "{told_all}");
        assert!(told("[admission.caller]\nmax_open = 500\n").contains("from 1 to 200"));
        assert!(told("[models]\nallowed = [\"gemini-9\"]\n").contains("has no price"));
        assert!(
            told("[admission]\nall_shards = 64\n[admission.all]\nburst = 3\ntokens_per_minute = 9\n").contains("shard")
        );
    }
}
