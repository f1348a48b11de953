//! What is known of a label, in words: what counts, where, and with which attributes. For `show` and `doc`.

use crate::Engine;
use crate::rules::{BoundScheme, Criterion};
use crate::span::ConceptId;

/// A concept that counts for a label.
pub(super) struct Counted {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) codes: Vec<String>,
    /// Concepts beneath it that count too.
    pub(super) beneath: usize,
}

/// The concepts named for a label.
pub(super) fn concepts(engine: &Engine, bound: &BoundScheme, label: usize) -> Vec<Counted> {
    let counts = |c: ConceptId| bound.targets[c.index()].iter().any(|t| t.label as usize == label);
    bound.scheme.labels[label]
        .concepts
        .iter()
        .map(|&id| {
            let concept = engine.lexicon.concept(id);
            Counted {
                id: concept.id.to_string(),
                name: concept.name.to_string(),
                codes: concept.codes.iter().map(|(system, code)| format!("{system} {code}")).collect(),
                beneath: engine.lexicon.descendants(id).into_iter().filter(|&c| c != id && counts(c)).count(),
            }
        })
        .collect()
}

/// The names of the concepts that are left out.
pub(super) fn excepted(engine: &Engine, bound: &BoundScheme, label: usize) -> Vec<String> {
    bound.scheme.labels[label].except.iter().map(|&c| engine.lexicon.concept(c).name.to_string()).collect()
}

/// What is asked of a mention beside its concept, one line a way to count, where anything is.
pub(super) fn criteria(engine: &Engine, bound: &BoundScheme, label: usize) -> Vec<String> {
    let mut numbers: Vec<u32> =
        bound.targets.iter().flatten().filter(|t| t.label as usize == label).map(|t| t.criterion).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut out: Vec<String> = Vec::new();
    for number in numbers {
        let told = told(engine, &bound.criteria[number as usize]);
        if !told.is_empty() && !out.contains(&told) {
            out.push(told);
        }
    }
    out
}

fn told(engine: &Engine, criterion: &Criterion) -> String {
    let names = |ids: &[ConceptId]| {
        ids.iter().map(|&c| engine.lexicon.concept(c).name.to_string()).collect::<Vec<_>>().join(", ")
    };
    let mut parts = Vec::new();
    if criterion.located {
        parts.push(format!("only where said to lie in {}", names(&criterion.within)));
    } else if !criterion.outside.is_empty() {
        parts.push(format!("not where said to lie in {}", names(&criterion.outside)));
        if !criterion.within.is_empty() {
            parts.push(format!("unless {} is named nearer", names(&criterion.within)));
        }
    }
    if !criterion.statuses.is_empty() {
        let words: Vec<&str> = criterion.statuses.iter().map(|s| s.name()).collect();
        parts.push(format!("only when {}", words.join(" or ")));
    }
    parts.extend(criterion.conditions.iter().map(|c| format!("only with {c}")));
    parts.join("; ")
}

/// How values travel, in words.
pub(super) const fn travel(bound: &BoundScheme) -> &'static str {
    match (bound.scheme.hierarchy.up, bound.scheme.hierarchy.down) {
        (true, true) => "values travel up and down",
        (true, false) => "values travel up",
        (false, true) => "values travel down",
        (false, false) => "values do not travel",
    }
}

/// The labels as a tree: depth and position, in the scheme's order; a label with two parents stands under both.
pub(super) fn tree(bound: &BoundScheme) -> Vec<(usize, usize)> {
    fn visit(bound: &BoundScheme, label: usize, depth: usize, out: &mut Vec<(usize, usize)>) {
        out.push((depth, label));
        for &child in &bound.children[label] {
            visit(bound, child as usize, depth + 1, out);
        }
    }
    let mut out = Vec::new();
    for (number, label) in bound.scheme.labels.iter().enumerate() {
        if label.parents.is_empty() {
            visit(bound, number, 0, &mut out);
        }
    }
    out
}
