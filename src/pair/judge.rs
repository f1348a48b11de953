//! Status: how report and images stand to each other for each label.
//!
//! | report | drawn | drawn as doubtful, or as what may be it | read, not drawn | not read |
//! |---|---|---|---|---|
//! | present | both | both | report-only | not-read |
//! | uncertain | uncertain-drawn | uncertain-not-drawn | uncertain-not-drawn | not-read |
//! | absent | denied | neither | neither | no row |
//! | not mentioned | image-only | neither | neither | no row |
//!
//! - A denial of one side only ("no left effusion") says nothing of what is drawn wholly on the other: image-only.
//! - An annotation whose category is no label of the scheme but may be one of several ("Nodule/Mass" where the scheme
//!   has both) stands for whichever of them the report says; where it says none, it is one row at the first label that
//!   the report does not mention (image-only), or, where all are denied, at the first (denied).
//! - The label that says that nothing was found is judged by what is drawn of the labels that stand against it, as the
//!   scheme lists them: with it said and something drawn, report-only; with "nothing found" said of the images while the
//!   report has a finding that they were read for, image-only.

use super::discord;
use super::look::Looked;
use super::said::Said;
use super::{Outcome, Pairing};
use crate::crosswalk::Relation;
use crate::lexicon::Side;
use crate::rules::{BoundScheme, NoFinding, Status};

/// Holds what a report says against what is drawn: one row a label, in the scheme's order. `said` is in that order too.
pub fn pair(said: &[Said], looked: &Looked<'_>, bound: &BoundScheme) -> Vec<Pairing> {
    let of = |label: u32| said.binary_search_by_key(&label, |s| s.label).ok().map(|at| &said[at]);
    let mut out = Vec::new();
    for label in 0..bound.scheme.labels.len() as u32 {
        let row = match &bound.scheme.no_finding {
            Some(rule) if rule.label == label as usize => nothing_found(rule, said, looked),
            _ => one(label, of(label), looked),
        };
        out.extend(row);
    }
    for (label, place) in unexplained(looked, &of) {
        let said = of(label);
        let outcome = if said.is_some() { Outcome::Denied } else { Outcome::ImageOnly };
        let row = row(label, outcome, said, &[place], looked);
        match out.binary_search_by_key(&label, |r| r.label) {
            // Read and nothing certain drawn: that is no agreement now.
            Ok(at) if out[at].outcome == Outcome::Neither => out[at] = row,
            Ok(at) => out[at].annotations.push(looked.drawn[place as usize].at),
            Err(at) => out.insert(at, row),
        }
    }
    out
}

fn one(label: u32, said: Option<&Said>, looked: &Looked<'_>) -> Option<Pairing> {
    let of = &looked.labels[label as usize];
    let status = said.map(|s| s.status);
    let drawn = !of.present.is_empty();
    let doubtful = !of.uncertain.is_empty() || !of.perhaps.is_empty();
    let outcome = match status {
        Some(Status::Present) if drawn || doubtful => Outcome::Both,
        Some(Status::Present) if of.read => Outcome::ReportOnly,
        Some(Status::Uncertain) if drawn => Outcome::UncertainDrawn,
        Some(Status::Uncertain) if doubtful || of.read => Outcome::UncertainNotDrawn,
        Some(Status::Present | Status::Uncertain) => Outcome::NotRead,
        Some(Status::Absent) if drawn && elsewhere(said, &of.present, looked) => Outcome::ImageOnly,
        Some(Status::Absent) if drawn => Outcome::Denied,
        None if drawn => Outcome::ImageOnly,
        Some(Status::Absent) | None if of.read || !of.uncertain.is_empty() => Outcome::Neither,
        Some(Status::Absent) | None => return None,
    };
    let places: Vec<u32> = match status {
        _ if drawn => of.present.clone(),
        Some(Status::Present | Status::Uncertain) => of.uncertain.iter().chain(&of.perhaps).copied().collect(),
        _ => of.uncertain.clone(),
    };
    let mut out = row(label, outcome, said, &places, looked);
    if drawn && matches!(status, Some(Status::Present | Status::Uncertain)) {
        out.discords = said.map(|said| discord::discords(said, &places, looked)).unwrap_or_default();
    }
    Some(out)
}

/// The denial is of one side, and everything drawn lies on the other.
fn elsewhere(said: Option<&Said>, places: &[u32], looked: &Looked<'_>) -> bool {
    let other = match said.and_then(|s| s.side) {
        Some(Side::Left) => Side::Right,
        Some(Side::Right) => Side::Left,
        _ => return false,
    };
    places.iter().all(|&p| looked.drawn[p as usize].side.is_some_and(|s| s.0 == other))
}

fn row(label: u32, outcome: Outcome, said: Option<&Said>, places: &[u32], looked: &Looked<'_>) -> Pairing {
    let summary = discord::summary(places, looked);
    let largest = said
        .iter()
        .flat_map(|s| &s.sizes)
        .map(|l| l.told())
        .fold(None, |m: Option<f64>, v| Some(m.map_or(v, |m| m.max(v))));
    let attenuation = said.and_then(|s| s.attenuations.iter().map(|l| l.told()).reduce(f64::max));
    Pairing {
        label,
        outcome,
        discords: Vec::new(),
        status: said.map(|s| s.status),
        report_side: said.and_then(|s| s.side),
        report_size: largest,
        report_count: said.and_then(|s| s.amount.as_ref()).map(|a| a.told.clone()),
        mention: said.and_then(|s| s.mention),
        annotations: places.iter().map(|&p| looked.drawn[p as usize].at).collect(),
        image_side: summary.side,
        image_size: summary.size,
        report_attenuation: attenuation,
        image_attenuation: summary.attenuation,
        image_count: summary.count,
        readers: summary.readers,
    }
}

fn nothing_found(rule: &NoFinding, said: &[Said], looked: &Looked<'_>) -> Option<Pairing> {
    let label = rule.label as u32;
    let against = |other: usize| other != rule.label && !rule.ignores.contains(&other);
    let said_none = said.iter().find(|s| s.label == label && s.status == Status::Present);
    let explicit = &looked.labels[rule.label].present;
    // What may be one of several labels stands against it too.
    let of = |l: usize| looked.labels[l].present.iter().chain(&looked.labels[l].perhaps).copied();
    let mut drawn: Vec<u32> = (0..looked.labels.len()).filter(|&l| against(l)).flat_map(of).collect();
    drawn.sort_unstable();
    drawn.dedup();
    let read = !explicit.is_empty() || (0..looked.labels.len()).any(|l| against(l) && looked.labels[l].read);
    // A finding of the report that the images were read for.
    let found = said.iter().any(|s| {
        let label = s.label as usize;
        s.status == Status::Present && against(label) && looked.labels[label].read
    });
    let (outcome, places) = match said_none {
        Some(_) if !drawn.is_empty() => (Outcome::ReportOnly, &drawn),
        Some(_) if read => (Outcome::Both, explicit),
        Some(_) => (Outcome::NotRead, explicit),
        None if explicit.is_empty() => return None,
        None if found && drawn.is_empty() => (Outcome::ImageOnly, explicit),
        None => (Outcome::Neither, explicit),
    };
    Some(row(label, outcome, said_none, places, looked))
}

/// Annotations that may be one of several labels, of which the report says none: each with the label to tell it at.
fn unexplained<'s>(looked: &Looked<'_>, of: &dyn Fn(u32) -> Option<&'s Said>) -> Vec<(u32, u32)> {
    let mut out = Vec::new();
    for (place, targets) in looked.targets.iter().enumerate() {
        let is_one = targets.iter().any(|t| t.1.carry(Status::Present).is_some());
        let present = looked.drawn[place].annotation.stance == crate::annotation::Stance::Present;
        let maybe: Vec<u32> =
            targets.iter().filter(|t| matches!(t.1, Relation::Narrower | Relation::Overlaps)).map(|t| t.0).collect();
        let value = |l: &u32| of(*l).map(|s| s.status);
        let explained = maybe.iter().any(|l| matches!(value(l), Some(Status::Present | Status::Uncertain)));
        if !present || is_one || explained {
            continue;
        }
        let label = maybe.iter().find(|l| value(l).is_none()).or(maybe.first());
        out.extend(label.map(|&l| (l, place as u32)));
    }
    out
}
