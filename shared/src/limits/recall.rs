//! What a ledger has just refused, so that a flood is refused without a step of the ledger for each of its requests.
//!
//! It only ever refuses, and only what the ledger itself refused no more than [`LONGEST`] ago: the same subject under the
//! same limits, asking for no less. What open requests hold is not remembered, since they may end at any moment.

use std::collections::HashMap;

use super::{Claim, Demand, Limit, Limits, Quota, Refused, Retry, Standing, Subject};
use crate::clock::Timestamp;

/// For how long a refusal is remembered at most, in milliseconds. Should something be given back meanwhile by a request
/// of another process, it is felt no later than that; for one of this process the refusal is [forgotten](Recall::forget).
pub const LONGEST: u64 = 1_000;

/// The last refusal of each subject, for so many subjects.
#[derive(Debug)]
pub struct Recall {
    most: usize,
    kept: HashMap<Subject, Kept>,
}

#[derive(Debug)]
struct Kept {
    refused: Refused,
    limits: Limits,
    tokens: u64,
    micros: u64,
    /// From then on it holds, and until just before then.
    at: Timestamp,
    until: Timestamp,
}

impl Recall {
    /// Remembers refusals of so many subjects at once.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, kept: HashMap::new() }
    }

    /// The refusal that the ledger gave to the like of this request a moment ago. `None` says nothing: ask the ledger.
    #[must_use]
    pub fn refuse(&self, claims: &[Claim], demand: &Demand, now: Timestamp) -> Option<Refused> {
        if self.kept.is_empty() {
            return None;
        }
        claims.iter().find_map(|claim| {
            let kept = self.kept.get(&claim.subject)?;
            kept.covers(claim, demand, now).then(|| kept.told(now))
        })
    }

    /// Remembers what the ledger has refused.
    pub fn note(&mut self, claims: &[Claim], demand: &Demand, refused: &Refused, now: Timestamp) {
        let Some(claim) = claims.iter().find(|claim| claim.kind == refused.kind) else { return };
        let retry = match refused.retry {
            Retry::After(milliseconds) => now.0.saturating_add(milliseconds),
            Retry::At(turn) => turn.0,
            Retry::Never => u64::MAX,
            Retry::Soon => return,
        };
        if self.kept.len() >= self.most && !self.kept.contains_key(&claim.subject) {
            self.kept.retain(|_, kept| kept.holds(now));
            if self.kept.len() >= self.most {
                return;
            }
        }
        // The turn of a window begins new accounts, whatever refused.
        let until = retry.min(now.0.saturating_add(LONGEST)).min(claim.limits.window.end(now).0);
        let kept = Kept {
            refused: refused.clone(),
            limits: claim.limits.clone(),
            tokens: demand.tokens,
            micros: demand.micros,
            at: now,
            until: Timestamp(until),
        };
        self.kept.insert(claim.subject.clone(), kept);
    }

    /// Forgets what may no longer be so once a request of the subject has ended. Requests a minute stay used up.
    pub fn forget(&mut self, subject: &Subject) {
        if self.kept.get(subject).is_some_and(|kept| kept.refused.leaves_room_for_less()) {
            self.kept.remove(subject);
        }
    }

    /// Of how many subjects it remembers one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether it remembers nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

impl Kept {
    /// Whether it is still, or already, true. A clock that is set back forgets.
    fn holds(&self, now: Timestamp) -> bool {
        self.at <= now && now < self.until
    }

    fn covers(&self, claim: &Claim, demand: &Demand, now: Timestamp) -> bool {
        let as_much = match self.refused.limit {
            Limit::Requests => true,
            Limit::Tokens => demand.tokens >= self.tokens,
            // What costs nothing is no matter of budgets.
            Limit::Spend => demand.until.is_some() && demand.micros >= self.micros,
            Limit::Open => false,
        };
        as_much && self.holds(now) && self.limits == claim.limits
    }

    /// The refusal as it stands by now.
    fn told(&self, now: Timestamp) -> Refused {
        let passed = now.0.saturating_sub(self.at.0);
        let retry = match self.refused.retry {
            Retry::After(milliseconds) => Retry::After(milliseconds.saturating_sub(passed)),
            retry @ (Retry::At(_) | Retry::Never | Retry::Soon) => retry,
        };
        let later = |quota: Quota| Quota { full_in_ms: quota.full_in_ms.saturating_sub(passed), ..quota };
        let Standing { requests, tokens, spend } = self.refused.standing;
        let standing = Standing { requests: requests.map(later), tokens: tokens.map(later), spend: spend.map(later) };
        Refused { retry, standing, ..self.refused }
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroU64};

    use proptest::prelude::*;

    use super::*;
    use crate::limits::{Item, Kind, Taken, Ticket, Window};

    const START: u64 = 1_700_000_000_000;

    fn claim(name: &str, limits: &Limits) -> Claim {
        Claim { kind: Kind::Caller, subject: Subject::caller(name), limits: limits.clone() }
    }

    fn demand(number: usize, tokens: u64, micros: Option<u64>, now: u64) -> Demand {
        let until = micros.map(|_| Timestamp(now + 30_000));
        Demand { request_id: number.to_string(), tokens, micros: micros.unwrap_or_default(), until }
    }

    fn limits() -> impl Strategy<Value = Limits> {
        (1..200_u32, 1..5_u32, 1..2000_u32, 1..1000_u64, 1..10_u32).prop_map(
            |(requests, burst, tokens, micros, max_open)| Limits {
                requests_per_minute: NonZeroU32::new(requests),
                burst: NonZeroU32::new(burst).unwrap(),
                tokens_per_minute: NonZeroU32::new(tokens),
                micros: NonZeroU64::new(micros),
                window: Window::Day,
                max_open: NonZeroU32::new(max_open).unwrap(),
            },
        )
    }

    #[derive(Clone, Debug)]
    enum Step {
        Admit { tokens: u64, micros: Option<u64> },
        Settle { nth: usize, tokens: u64, micros: u64, here: bool },
        Clock { milliseconds: i64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0..200_u64, prop::option::of(0..100_u64)).prop_map(|(tokens, micros)| Step::Admit { tokens, micros }),
            1 => (any::<usize>(), 0..200_u64, 0..100_u64, any::<bool>())
                .prop_map(|(nth, tokens, micros, here)| Step::Settle { nth, tokens, micros, here }),
            2 => (-200..700_i64).prop_map(|milliseconds| Step::Clock { milliseconds }),
        ]
    }

    proptest! {
        /// The law: before a ledger, it refuses nobody whom the ledger has not refused within [`LONGEST`], and nobody at
        /// all whom the ledger would admit, unless another process gave something back since.
        #[test]
        fn it_refuses_only_what_the_ledger_would(limits in limits(), steps in prop::collection::vec(step(), 1..200)) {
            let claims = [claim("app", &limits)];
            let (mut item, mut recall, mut tickets) = (Item::default(), Recall::new(4), Vec::<Ticket>::new());
            let (mut now, mut refused_at, mut given_back) = (START, None, false);
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Clock { milliseconds } => now = now.saturating_add_signed(milliseconds),
                    Step::Settle { nth, tokens, micros, here } => if let Some(ticket) = tickets.get(nth % tickets.len().max(1)) {
                        let taken = Taken { tokens: tokens.min(ticket.tokens), micros: micros.min(ticket.micros) };
                        item.settle(ticket, taken, &limits, Timestamp(now));
                        if here {
                            recall.forget(&claims[0].subject);
                        } else {
                            given_back = true;
                        }
                    },
                    Step::Admit { tokens, micros } => {
                        let demand = demand(number, tokens, micros, now);
                        let told = recall.refuse(&claims, &demand, Timestamp(now));
                        let before = item.clone();
                        let asked = item.admit(&demand, &limits, Timestamp(now));
                        if let Some(told) = told {
                            let refused_at: u64 = refused_at.unwrap();
                            prop_assert!(refused_at <= now && now - refused_at < LONGEST);
                            prop_assert!(given_back || asked.is_err(), "{told:?}");
                            prop_assert!(!matches!(told.retry, Retry::Soon | Retry::After(0)), "{told:?}");
                            // It was not asked.
                            item = before;
                            continue;
                        }
                        match asked {
                            Ok(()) => tickets.push(Ticket::new(&demand, Timestamp(now))),
                            Err((limit, retry)) => {
                                let standing = item.standing(&limits, Timestamp(now));
                                let refused = Refused { kind: Kind::Caller, limit, retry, standing };
                                recall.note(&claims, &demand, &refused, Timestamp(now));
                                if retry != Retry::Soon {
                                    (refused_at, given_back) = (Some(now), false);
                                }
                            }
                        }
                    }
                }
            }
        }

        #[test]
        fn its_space_is_bounded(limits in limits(), names in prop::collection::vec(0..50_u8, 1..200), most in 0..8_usize) {
            let mut recall = Recall::new(most);
            let refused = Refused {
                kind: Kind::Caller, limit: Limit::Requests, retry: Retry::Never, standing: Standing::default(),
            };
            for (number, name) in names.into_iter().enumerate() {
                let (claims, now) = ([claim(&name.to_string(), &limits)], START + number as u64 * 100);
                let demand = demand(number, 0, None, now);
                recall.note(&claims, &demand, &refused, Timestamp(now));
                prop_assert!(recall.len() <= most);
            }
        }
    }

    fn refused(limit: Limit, retry: Retry) -> Refused {
        let quota = Quota { most: 10, left: 0, full_in_ms: 5000, window_ms: 60_000 };
        Refused {
            kind: Kind::Caller,
            limit,
            retry,
            standing: Standing { requests: Some(quota), ..Standing::default() },
        }
    }

    #[test]
    fn a_refusal_is_told_as_it_stands_by_now_and_forgotten_when_it_may_be_over() {
        let limits = crate::policy::Policy::embedded().admission.caller;
        let (claims, demand) = ([claim("app", &limits)], demand(0, 10, Some(10), START));
        let mut recall = Recall::new(1);
        recall.note(&claims, &demand, &refused(Limit::Requests, Retry::After(700)), Timestamp(START));
        let told = recall.refuse(&claims, &demand, Timestamp(START + 300)).unwrap();
        assert_eq!((told.retry, told.standing.requests.unwrap().full_in_ms), (Retry::After(400), 4700));
        assert_eq!(recall.refuse(&claims, &demand, Timestamp(START + 700)), None);
        assert_eq!(recall.refuse(&claims, &demand, Timestamp(START - 1)), None, "the clock was set back");
        recall.note(&claims, &demand, &refused(Limit::Requests, Retry::After(60_000)), Timestamp(START));
        assert!(recall.refuse(&claims, &demand, Timestamp(START + LONGEST - 1)).is_some());
        assert_eq!(recall.refuse(&claims, &demand, Timestamp(START + LONGEST)), None);
    }

    #[test]
    fn other_limits_a_smaller_demand_and_what_open_requests_hold_are_the_ledgers_to_judge() {
        let limits = crate::policy::Policy::embedded().admission.caller;
        let (claims, now) = ([claim("app", &limits)], Timestamp(START));
        let mut recall = Recall::new(1);
        let ask =
            |recall: &Recall, tokens, micros| recall.refuse(&claims, &demand(1, tokens, micros, START), now).is_some();
        recall.note(
            &claims,
            &demand(0, 10, Some(10), START),
            &refused(Limit::Spend, Retry::At(Timestamp(u64::MAX))),
            now,
        );
        assert_eq!([ask(&recall, 0, Some(10)), ask(&recall, 99, Some(9)), ask(&recall, 0, None)], [true, false, false]);
        recall.note(&claims, &demand(0, 10, Some(10), START), &refused(Limit::Tokens, Retry::After(500)), now);
        assert_eq!([ask(&recall, 10, None), ask(&recall, 9, Some(99))], [true, false]);
        let changed = Limits { burst: NonZeroU32::new(1 + limits.burst.get()).unwrap(), ..limits };
        let all = demand(1, 99, Some(99), START);
        assert_eq!(recall.refuse(&[claim("app", &changed)], &all, now), None);
        assert_eq!(recall.refuse(&[claim("other", &limits)], &all, now), None);
        let mut recall = Recall::new(1);
        recall.note(&claims, &all, &refused(Limit::Open, Retry::Soon), now);
        assert!(recall.is_empty());
    }

    #[test]
    fn what_ends_gives_back_tokens_and_money_and_no_request() {
        let limits = crate::policy::Policy::embedded().admission.caller;
        let (claims, demand) = ([claim("app", &limits)], demand(0, 10, Some(10), START));
        for (limit, gone) in [(Limit::Tokens, true), (Limit::Spend, true), (Limit::Requests, false)] {
            let mut recall = Recall::new(1);
            recall.note(&claims, &demand, &refused(limit, Retry::After(700)), Timestamp(START));
            recall.forget(&Subject::caller("other"));
            assert!(!recall.is_empty());
            recall.forget(&claims[0].subject);
            assert_eq!(recall.is_empty(), gone, "{limit:?}");
        }
    }
}
