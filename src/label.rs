//! Findings -> the labels of a scheme, each with the mention that decided it.
//!
//! A scheme says which concepts count for which label, and where in the body. Present outranks uncertain,
//! uncertain outranks absent; a label that nothing speaks of is not mentioned, which is not absent.

use crate::engine::Analysis;
use crate::finding::{rank, speaks_of_now};
use crate::lexicon::Lexicon;
use crate::rules::{BoundScheme, LabelTarget, Status};

/// The value of one label, where the report speaks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Index into the scheme's labels.
    pub label: u32,
    /// Its value.
    pub value: Status,
    /// The mention that decided it; `None` for "No Finding", which rests on what is not said.
    pub because: Option<u32>,
}

/// What to write for an uncertain label, as people train with it (Irvin 2019).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Policy {
    /// Uncertain stays uncertain.
    #[default]
    Keep,
    /// Uncertain becomes present (U-Ones).
    Ones,
    /// Uncertain becomes absent (U-Zeros).
    Zeros,
    /// Uncertain becomes not mentioned, so that training leaves it out (U-Ignore).
    Ignore,
}

impl Policy {
    /// The value to write; `None` = not mentioned.
    pub fn apply(self, value: Status) -> Option<Status> {
        match (value, self) {
            (Status::Uncertain, Policy::Ones) => Some(Status::Present),
            (Status::Uncertain, Policy::Zeros) => Some(Status::Absent),
            (Status::Uncertain, Policy::Ignore) => None,
            _ => Some(value),
        }
    }
}

/// The labels of one report, in the scheme's order.
pub(crate) fn labels(analysis: &Analysis, bound: &BoundScheme, lexicon: &Lexicon) -> Vec<Label> {
    let mut best: Vec<Option<(Status, u32)>> = vec![None; bound.scheme.labels.len()];
    let mut blocked = false;
    for (i, (mention, assertion)) in analysis.mentions.iter().zip(&analysis.assertions).enumerate() {
        if !mention.counts || !speaks_of_now(assertion) {
            continue;
        }
        for target in &bound.targets[mention.concept.index()] {
            if !counts(target, mention.location, assertion.status, lexicon) {
                continue;
            }
            let slot = &mut best[target.label as usize];
            if slot.is_none_or(|(status, _)| rank(assertion.status) > rank(status)) {
                *slot = Some((assertion.status, i as u32));
            }
        }
        if let Some(rule) = &bound.scheme.no_finding {
            blocked |= assertion.status != Status::Absent && rule.blocked_by[mention.concept.index()];
        }
    }
    let mut out: Vec<Label> = Vec::new();
    for (i, slot) in best.iter().enumerate() {
        if let Some((value, mention)) = *slot {
            out.push(Label { label: i as u32, value, because: Some(mention) });
        }
    }
    if let Some(rule) = &bound.scheme.no_finding {
        let abnormal = out.iter().any(|l| {
            l.value != Status::Absent && l.label as usize != rule.label && !rule.ignores.contains(&(l.label as usize))
        });
        if !abnormal && !blocked && analysis.reads_body {
            let at = out.partition_point(|l| (l.label as usize) < rule.label);
            out.insert(at, Label { label: rule.label as u32, value: Status::Present, because: None });
        }
    }
    out
}

fn counts(
    target: &LabelTarget,
    location: [Option<crate::span::ConceptId>; 2],
    status: Status,
    lexicon: &Lexicon,
) -> bool {
    if !target.statuses.is_empty() && !target.statuses.contains(&status) {
        return false;
    }
    if target.within.is_empty() && target.outside.is_empty() {
        return true;
    }
    let under = |part, roots: &[crate::span::ConceptId]| roots.iter().any(|&root| lexicon.is_a(part, root));
    // The nearest place that the scheme speaks of decides: "nodule in the lung base near the diaphragm",
    // "lesion in hepatic segment VI".
    for &part in location.iter().flatten() {
        if under(part, &target.within) {
            return true;
        }
        if under(part, &target.outside) {
            return false;
        }
    }
    !target.located
}
