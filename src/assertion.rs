//! Mentions + the cues that reach them -> assertions: present, absent or uncertain; now, then or only
//! asked; of whom. Knows which cue outranks which, and nothing of how far a cue reaches (`reach` does).

use crate::mention::{Candidate, Unit};
use crate::reach::Reached;
use crate::rules::{Change, NONE, Rules, SectionRule, Status, Subject, Time};
use crate::span::{RuleId, Span};
use crate::token::Token;

/// One reason for a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The rule.
    pub rule: RuleId,
    /// The words that it saw.
    pub span: Span,
}

/// What the report says of a mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Is it there?
    pub status: Status,
    /// Now, then, or only asked.
    pub time: Time,
    /// Of whom.
    pub subject: Subject,
    /// Against an earlier study.
    pub change: Option<Change>,
    /// What makes it more or less sure: bits of [`crate::rules::Sign`].
    pub signs: u32,
    /// First reason in [`crate::Analysis::evidence`].
    pub(crate) evidence: (u32, u32),
}

/// The decision on one candidate from the cues that reach it. `None` when the words cancel out ("not normal").
pub(crate) fn decide(
    candidate: &Candidate,
    reached: &[Reached],
    units: &[Unit],
    tokens: &[Token],
    rules: &Rules,
    section: Option<&SectionRule>,
    evidence: &mut Vec<Evidence>,
) -> Option<Assertion> {
    let start = evidence.len();
    let mut absent = None;
    let mut uncertain = None;
    let mut overrides = None;
    let mut present: Option<&Reached> = None;
    let mut time: Option<(Time, &Reached)> = None;
    let mut subject = None;
    let mut change = None;
    for r in reached {
        let cue = &rules.cues[r.cue as usize];
        if cue.asked && !section.is_some_and(|s| s.asks) {
            continue;
        }
        match cue.status {
            Some(Status::Absent) => absent = absent.or(Some(r)),
            Some(Status::Uncertain) if cue.overrides => overrides = overrides.or(Some(r)),
            Some(Status::Uncertain) => uncertain = uncertain.or(Some(r)),
            Some(Status::Present) => present = present.or(Some(r)),
            None => {}
        }
        if let Some(t) = cue.time
            && time.is_none_or(|(known, _)| known == Time::Historical && t == Time::Hypothetical)
        {
            time = Some((t, r));
        }
        if cue.subject.is_some() {
            subject = subject.or(Some((cue.subject, r)));
        }
        if cue.change.is_some() {
            change = change.or(Some((cue.change, r)));
        }
    }
    // "no enlargement of the known aneurysm": what presupposes the finding outranks a denial from farther off.
    if let Some(p) = present {
        let farther = |r: &&Reached| r.distance > p.distance;
        absent = absent.filter(|r| !farther(r));
        uncertain = uncertain.filter(|r| !farther(r));
    }
    let base = candidate.base.map_or(Status::Present, |b| b.0);
    let (status, by) = match (overrides, absent, uncertain) {
        (Some(r), _, _) => (Status::Uncertain, Some(r)),
        (None, Some(r), _) => {
            if base == Status::Absent {
                return None;
            }
            (Status::Absent, Some(r))
        }
        (None, None, Some(r)) if base != Status::Absent => (Status::Uncertain, Some(r)),
        _ => (base, present),
    };
    let mut tell = |r: &Reached| {
        let e = Evidence { rule: rules.cues[r.cue as usize].rule, span: units[r.unit as usize].span(tokens) };
        if !evidence[start..].contains(&e) {
            evidence.push(e);
        }
    };
    if let Some(r) = by {
        tell(r);
    }
    let mut when = Time::Current;
    if let Some((t, r)) = time {
        // "no history of pneumothorax" speaks of now; so does "may be due to prior embolism".
        let doubted = status == Status::Uncertain && by.is_some_and(|b| b.distance > r.distance);
        if !(t == Time::Historical && (status == Status::Absent || doubted)) {
            when = t;
            tell(r);
        }
    }
    let mut whom = Subject::Patient;
    if let Some((Some(s), r)) = subject {
        whom = s;
        tell(r);
    }
    if let Some((_, r)) = change {
        tell(r);
    }
    if let Some((_, rule)) = candidate.base {
        // Of a measured part the whole phrase is the reason: the part and its size.
        let measured = candidate.part == candidate.unit;
        let span = if measured { candidate.span } else { units[candidate.unit as usize].span(tokens) };
        evidence.push(Evidence { rule, span });
        if candidate.part != NONE && !measured {
            evidence.push(Evidence { rule, span: units[candidate.part as usize].span(tokens) });
        }
    }
    if let Some(section) = section {
        let default = Evidence { rule: section.rule, span: units[candidate.unit as usize].span(tokens) };
        if when == Time::Current && section.asks && status == Status::Uncertain {
            when = Time::Hypothetical;
            evidence.push(default);
        } else if when == Time::Current && section.time != Time::Current {
            when = section.time;
            evidence.push(default);
        }
        if whom == Subject::Patient && section.subject != Subject::Patient {
            whom = section.subject;
            evidence.push(default);
        }
    }
    Some(Assertion {
        status,
        time: when,
        subject: whom,
        change: change.and_then(|c| c.0),
        signs: 0,
        evidence: (start as u32, evidence.len() as u32),
    })
}
