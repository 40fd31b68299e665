//! What the findings weigh together, and what follows: risks, and the decision.

use super::{ByUnit, Category, Decision, Finding, Guard, Hold, Owner, Place, Risk, Scored, Thresholds, Verdict};
use crate::conversation::Provenance;

impl Guard {
    pub(super) fn conclude(&self, units: &[Owner], scored: ByUnit) -> Verdict {
        let risks = |monitored: bool| self.risks(units, &scored, monitored);
        let (enforced, quoted) = risks(false);
        let (all, _) = risks(true);
        let held = units.iter().zip(enforced.iter().zip(quoted));
        let held = held.filter_map(|(owner, (risk, quoted))| Some((*risk, self.held(*owner, *risk, quoted)?))).max();
        let worst = |risks: &[Risk]| {
            let units = units.iter().zip(risks).map(|(owner, risk)| (self.decide(*owner, *risk), *risk));
            units.max().unwrap_or((Decision::Allow, Risk::default()))
        };
        let (decision, _) = worst(&enforced);
        let (would_be, _) = worst(&all);
        let guilty =
            units.iter().zip(&enforced).filter(|(owner, risk)| self.decide(**owner, **risk) == Decision::Block);
        let mut blocked: Vec<usize> = guilty
            .filter_map(|(owner, _)| match owner.turn {
                Place::Turn(turn) => Some(turn),
                Place::System => None,
            })
            .collect();
        blocked.sort_unstable();
        blocked.dedup();
        let risk_score =
            enforced.iter().zip(units).map(|(risk, owner)| self.capped(*owner, *risk)).max().unwrap_or_default();
        let mut findings: Vec<Finding> = scored.0.into_iter().flatten().map(|scored| scored.finding).collect();
        findings.sort_by(|a, b| {
            (a.turn, a.part, a.span.start, a.span.end, &a.rule).cmp(&(
                b.turn,
                b.part,
                b.span.start,
                b.span.end,
                &b.rule,
            ))
        });
        // A match that begins in one turn and ends in the next, and one that begins and ends in the first, have one place.
        findings.dedup();
        let held = held.map(|(_, hold)| hold).filter(|_| decision != Decision::Block);
        Verdict { decision, would_be, risk_score, blocked, findings, held }
    }

    /// The risk of each unit, and whether it would block but for quotations. What is quoted counts for a flag at most.
    /// Density and the model look at the same signs: of the two, the weightier counts.
    fn risks(&self, units: &[Owner], scored: &ByUnit, monitored: bool) -> (Vec<Risk>, Vec<bool>) {
        let risks = units.iter().enumerate().map(|(unit, owner)| {
            let (mut said, mut whole) = (Sum::default(), Sum::default());
            for Scored { finding, excuse } in scored.in_unit(unit) {
                if monitored || !finding.monitored {
                    whole.add(finding);
                    if !excuse.quoted {
                        said.add(finding);
                    }
                }
            }
            let most = self.most_held(owner.provenance);
            let risk = said.risk().max(whole.risk().min(most));
            (risk, whole.risk() > most && risk <= most)
        });
        risks.unzip()
    }

    /// The most that a risk can be and not block.
    fn most_held(&self, owner: Provenance) -> Risk {
        Risk::thousandths(self.thresholds(owner).block_at.saturating_sub(1))
    }

    /// What holds back a unit that would block.
    fn held(&self, owner: Owner, risk: Risk, quoted: bool) -> Option<Hold> {
        let caller = (owner.provenance == Provenance::Caller).then_some(Hold::Caller);
        let capped = caller.or_else(|| owner.discusses.then_some(Hold::Discusses));
        match capped.filter(|_| risk > self.most_held(owner.provenance)) {
            Some(hold) => Some(hold),
            None => quoted.then_some(Hold::Quotes),
        }
    }

    fn thresholds(&self, owner: Provenance) -> Thresholds {
        match owner {
            Provenance::Document | Provenance::Tool if self.seed.is_none() => self.settings.documents,
            Provenance::Caller | Provenance::Document | Provenance::Model | Provenance::Tool | Provenance::User => {
                Thresholds { flag_at: self.settings.flag_at, block_at: self.settings.block_at }
            }
        }
    }

    /// The risk of a unit: neither the caller, who is trusted to instruct, nor a text about attacks is blocked.
    fn capped(&self, owner: Owner, risk: Risk) -> Risk {
        if owner.provenance == Provenance::Caller || owner.discusses {
            risk.min(self.most_held(owner.provenance))
        } else {
            risk
        }
    }

    fn decide(&self, owner: Owner, risk: Risk) -> Decision {
        let thresholds = self.thresholds(owner.provenance);
        let risk = self.capped(owner, risk).as_thousandths();
        if risk >= thresholds.block_at {
            Decision::Block
        } else if risk >= thresholds.flag_at {
            Decision::Flag
        } else {
            Decision::Allow
        }
    }
}

/// What the findings of a unit weigh.
#[derive(Default)]
struct Sum {
    density: Risk,
    statistical: Risk,
    others: Risk,
}

impl Sum {
    const fn add(&mut self, finding: &Finding) {
        let sum = match finding.category {
            Category::Density => &mut self.density,
            Category::Statistical => &mut self.statistical,
            Category::ChatMarkup
            | Category::Exfiltration
            | Category::Operator
            | Category::Override
            | Category::PromptExtraction
            | Category::RolePlay
            | Category::Size
            | Category::Smuggling => &mut self.others,
        };
        *sum = sum.plus(finding.weight);
    }

    fn risk(&self) -> Risk {
        self.others.plus(self.density.max(self.statistical))
    }
}
