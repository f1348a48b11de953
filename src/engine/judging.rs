//! What is said of one mention of a sentence, once cues have reached it: found or asked for, it is judged the same.

use super::Engine;
use crate::assertion::{self, Assertion, Evidence};
use crate::attribute::{self, Attributes};
use crate::detail::{self, Around, Detail, Owner};
use crate::doubt::{Case, Sight};
use crate::measure::Measured;
use crate::mention::{Candidate, Unit};
use crate::reach::Reached;
use crate::rules::{SectionRule, Sign, Status, Time};
use crate::token::Token;

/// A sentence whose mentions are judged.
pub(super) struct Judging<'a> {
    pub(super) engine: &'a Engine,
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) units: &'a [Unit],
    /// Units that an alternative puts in doubt, each with the cue that joins them.
    pub(super) pairs: &'a [(u32, u32)],
    /// What the sentence holds that makes verdicts doubtful.
    pub(super) sight: &'a Sight,
    pub(super) owned: &'a [(Owner, Measured)],
    pub(super) section: Option<&'a SectionRule>,
    /// What the line above says of the sentence.
    pub(super) heading: &'a Attributes,
}

impl Judging<'_> {
    /// Status, time, subject and change by the cues that reached the mention; `None` where it is no mention after
    /// all.
    pub(super) fn decide(
        &self,
        candidate: &Candidate,
        reached: &[Reached],
        evidence: &mut Vec<Evidence>,
    ) -> Option<Assertion> {
        let rules = &self.engine.rules;
        let mut assertion =
            assertion::decide(candidate, reached, self.units, self.tokens, rules, self.section, evidence)?;
        // Where a cue says that the finding is there, no "or" beside it puts it in doubt.
        let mut pair = None;
        let affirmed = || reached.iter().any(|r| rules.cues[r.cue as usize].status == Some(Status::Present));
        if assertion.status == Status::Present
            && !affirmed()
            && let Some(&(_, cue)) = self.pairs.iter().find(|p| p.0 == candidate.unit)
        {
            self.hedge(&mut assertion, &self.units[cue as usize], evidence);
            pair = Some(cue);
        }
        let case = Case { candidate, assertion: &assertion, reached, pair };
        assertion.signs = self.sight.signs(&case, self.units, self.tokens, rules);
        Some(assertion)
    }

    fn hedge(&self, assertion: &mut Assertion, cue: &Unit, evidence: &mut Vec<Evidence>) {
        let rules = &self.engine.rules;
        let Some(meaning) = cue.meaning(rules) else { return };
        assertion.status = Status::Uncertain;
        if self.section.is_some_and(|s| s.asks) && assertion.time == Time::Current {
            assertion.time = Time::Hypothetical;
        }
        let rule = rules.cues[meaning.cue as usize].rule;
        evidence.insert(assertion.evidence.0 as usize, Evidence { rule, span: cue.span(self.tokens) });
        assertion.evidence.1 += 1;
    }

    /// Side, severity, place and what else its noun phrase says, under the heading of its line.
    pub(super) fn attributes(&self, candidate: &Candidate) -> Attributes {
        let Engine { rules, lexicon } = self.engine;
        let own = attribute::read(candidate, self.units, self.text, self.tokens, rules, lexicon);
        own.under(self.heading).sided(lexicon)
    }

    /// Adds the reasons of side and severity, and the change that two sizes tell where no cue tells one.
    pub(super) fn account(
        &self,
        candidate: &Candidate,
        attributes: &Attributes,
        assertion: &mut Assertion,
        evidence: &mut Vec<Evidence>,
    ) {
        for by in [attributes.side_by, attributes.severity_by.zip(attributes.severity)].into_iter().flatten() {
            evidence.push(Evidence { rule: by.0, span: by.1 });
        }
        if assertion.change.is_none()
            && let Some((change, by)) = detail::change(candidate, self.owned)
        {
            assertion.change = Some(change);
            evidence.push(by);
        }
        if attributes.side.is_some() || attributes.severity.is_some() || assertion.change.is_some() {
            assertion.signs |= Sign::Described.bit();
        }
    }

    /// Hands on sizes, counts and the like.
    pub(super) fn details(
        &self,
        candidate: &Candidate,
        attributes: &Attributes,
        device: bool,
        put: impl FnMut(Detail, Evidence),
    ) {
        let around = Around { units: self.units, tokens: self.tokens, owned: self.owned, rules: &self.engine.rules };
        detail::of_mention(candidate, attributes, &around, device, put);
    }
}
