//! Findings -> the labels of a scheme, each with the mention that decided it.
//!
//! A scheme says which concepts count for which label, where in the body and with which attributes. Present
//! outranks uncertain, uncertain outranks absent; a label that nothing speaks of is not mentioned, which is not
//! absent. Values then travel along the scheme's hierarchy, each with the mention that it rests on.

use crate::engine::Analysis;
use crate::finding::{rank, speaks_of_now};
use crate::lexicon::Lexicon;
use crate::rules::{BoundScheme, Criterion, Hierarchy, Rules, Status};
use crate::said;
use crate::span::ConceptId;

/// The value of one label, where the report speaks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Index into the scheme's labels.
    pub label: u32,
    /// Its value.
    pub value: Status,
    /// The mention that decided it (for a propagated label: the one it came from); `None` for "No Finding",
    /// which rests on what is not said.
    pub because: Option<u32>,
}

/// The word for a label's value.
pub(crate) const fn value_name(value: Option<Status>) -> &'static str {
    match value {
        Some(status) => status.name(),
        None => "not mentioned",
    }
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

/// The value of a label and the mention that decided it.
type Slot = Option<(Status, u32)>;

/// The labels of one report, in the scheme's order.
pub(crate) fn labels(
    analysis: &Analysis,
    bound: &BoundScheme,
    hierarchy: Hierarchy,
    rules: &Rules,
    lexicon: &Lexicon,
) -> Vec<Label> {
    let mut slots: Vec<Slot> = vec![None; bound.scheme.labels.len()];
    let mut claimed = Vec::new();
    let mut blocked = false;
    for (i, (mention, assertion)) in analysis.mentions.iter().zip(&analysis.assertions).enumerate() {
        if !mention.counts || !speaks_of_now(assertion) {
            continue;
        }
        claims(i, analysis, bound, rules, lexicon, &mut claimed);
        for &label in &claimed {
            let slot = &mut slots[label as usize];
            if slot.is_none_or(|(status, _)| rank(assertion.status) > rank(status)) {
                *slot = Some((assertion.status, i as u32));
            }
        }
        if let Some(rule) = &bound.scheme.no_finding {
            blocked |= assertion.status != Status::Absent && rule.blocked_by[mention.concept.index()];
        }
    }
    let clear = bound.scheme.no_finding.as_ref().filter(|rule| {
        let abnormal = slots.iter().enumerate().any(|(i, slot)| {
            slot.is_some_and(|(value, _)| value != Status::Absent) && i != rule.label && !rule.ignores.contains(&i)
        });
        !abnormal && !blocked && analysis.reads_body
    });
    propagate(&mut slots, bound, hierarchy);
    let mut out: Vec<Label> = Vec::new();
    for (i, slot) in slots.iter().enumerate() {
        if let Some((value, mention)) = *slot {
            out.push(Label { label: i as u32, value, because: Some(mention) });
        }
    }
    if let Some(rule) = clear {
        let at = out.partition_point(|l| (l.label as usize) < rule.label);
        out.insert(at, Label { label: rule.label as u32, value: Status::Present, because: None });
    }
    out
}

/// The labels that a mention counts for by itself, whatever its section and time, in the scheme's order: a
/// label that another one outranks has no part in it.
pub(crate) fn claims(
    mention: usize,
    analysis: &Analysis,
    bound: &BoundScheme,
    rules: &Rules,
    lexicon: &Lexicon,
    claimed: &mut Vec<u32>,
) {
    claimed.clear();
    for target in &bound.targets[analysis.mentions[mention].concept.index()] {
        if counts(&bound.criteria[target.criterion as usize], mention, analysis, rules, lexicon) {
            claimed.push(target.label);
        }
    }
    claimed.sort_unstable();
    claimed.dedup();
    if claimed.iter().any(|&l| !bound.outranked_by[l as usize].is_empty()) {
        let all = claimed.clone();
        claimed.retain(|&l| !bound.outranked_by[l as usize].iter().any(|by| all.contains(by)));
    }
}

/// Lets values travel: what is found upwards first, then denials downwards to what nothing was said of.
fn propagate(slots: &mut [Slot], bound: &BoundScheme, hierarchy: Hierarchy) {
    if hierarchy.up {
        let told: Vec<(usize, (Status, u32))> =
            slots.iter().enumerate().filter_map(|(i, s)| s.filter(|s| s.0 != Status::Absent).map(|s| (i, s))).collect();
        for (label, value) in told {
            raise(label, value, slots, bound);
        }
    }
    if hierarchy.down {
        let denied: Vec<(usize, (Status, u32))> =
            slots.iter().enumerate().filter_map(|(i, s)| s.filter(|s| s.0 == Status::Absent).map(|s| (i, s))).collect();
        for (label, value) in denied {
            deny(label, value, slots, bound);
        }
    }
}

fn raise(label: usize, value: (Status, u32), slots: &mut [Slot], bound: &BoundScheme) {
    for &parent in &bound.scheme.labels[label].parents {
        let slot = &mut slots[parent as usize];
        if slot.is_none_or(|(status, _)| rank(value.0) > rank(status)) {
            *slot = Some(value);
            raise(parent as usize, value, slots, bound);
        }
    }
}

fn deny(label: usize, value: (Status, u32), slots: &mut [Slot], bound: &BoundScheme) {
    for &child in &bound.children[label] {
        let slot = &mut slots[child as usize];
        if slot.is_none() {
            *slot = Some(value);
            deny(child as usize, value, slots, bound);
        }
    }
}

fn counts(criterion: &Criterion, number: usize, analysis: &Analysis, rules: &Rules, lexicon: &Lexicon) -> bool {
    let mention = &analysis.mentions[number];
    if !criterion.statuses.is_empty() && !criterion.statuses.contains(&analysis.assertions[number].status) {
        return false;
    }
    if !criterion.conditions.iter().all(|condition| said::holds(condition, number, analysis, rules, lexicon)) {
        return false;
    }
    if criterion.within.is_empty() && criterion.outside.is_empty() {
        return true;
    }
    let under = |part, roots: &[ConceptId]| roots.iter().any(|&root| lexicon.is_a(part, root));
    // The nearest place that the scheme speaks of decides: "nodule in the lung base near the diaphragm",
    // "lesion in hepatic segment VI".
    for &part in mention.location.iter().flatten() {
        if under(part, &criterion.within) {
            return true;
        }
        if under(part, &criterion.outside) {
            return false;
        }
    }
    !criterion.located
}
