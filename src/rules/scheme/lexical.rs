//! The scheme `all`: every finding and device of the lexicon is a label, the lexicon's hierarchy its own.
//!
//! A label counts its own concept alone; narrower ones reach it by propagation, so that the label of a mention
//! and the labels above it can be told apart. Made of the lexicon, so nothing is written twice.

use super::{BoundScheme, Criterion, Hierarchy, LabelRule, LabelTarget, Scheme, SchemeSource};
use crate::lexicon::{Kind, Lexicon};
use crate::span::ConceptId;
use std::collections::HashMap;

pub(super) fn scheme(source: &SchemeSource, lexicon: &Lexicon) -> BoundScheme {
    let counts = |c: ConceptId| matches!(lexicon.concept(c).kind, Kind::Finding | Kind::Device);
    let mut order: Vec<ConceptId> = (0..lexicon.concepts.len() as u32).map(ConceptId).filter(|&c| counts(c)).collect();
    order.sort_by(|a, b| lexicon.concept(*a).id.cmp(&lexicon.concept(*b).id));
    let mut names: HashMap<&str, u32> = HashMap::new();
    let mut numbers = vec![0; lexicon.concepts.len()];
    for (number, &concept) in order.iter().enumerate() {
        *names.entry(&lexicon.concept(concept).name).or_default() += 1;
        numbers[concept.index()] = number as u32;
    }
    let mut targets = vec![Vec::new(); lexicon.concepts.len()];
    let mut children = vec![Vec::new(); order.len()];
    let mut labels = Vec::with_capacity(order.len());
    for (number, &id) in order.iter().enumerate() {
        let concept = lexicon.concept(id);
        let number = number as u32;
        targets[id.index()].push(LabelTarget { label: number, criterion: 0 });
        // Two concepts of one name are told apart by their ids.
        let name = match names.get(&*concept.name) {
            Some(1) => concept.name.clone(),
            _ => format!("{} ({})", concept.name, concept.id).into(),
        };
        let parents: Vec<u32> = concept.parents.iter().filter(|&&p| counts(p)).map(|p| numbers[p.index()]).collect();
        for &parent in &parents {
            children[parent as usize].push(number);
        }
        labels.push(LabelRule {
            name,
            file: Some(lexicon.files[concept.file as usize].name.as_str().into()),
            line: concept.line,
            definition: format!("Concept {} of the lexicon and what lies under it.", concept.id).into(),
            parents,
            codes: concept.codes.clone(),
            concepts: vec![id],
            ..LabelRule::default()
        });
    }
    BoundScheme {
        outranked_by: vec![Vec::new(); labels.len()],
        scheme: Scheme {
            id: source.id.clone(),
            title: source.title.clone(),
            about: "Made of the lexicon, in the order of the concepts' ids.".into(),
            file: source.file.clone(),
            hierarchy: Hierarchy { up: true, down: false },
            labels,
            no_finding: None,
        },
        targets,
        criteria: vec![Criterion::default()],
        children,
    }
}
