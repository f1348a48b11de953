//! From the labels of one scheme to those of another, by the concepts that they count.
//!
//! A relation says what the target is to the label it is mapped from: `exact`, `broader`, `narrower` or
//! `overlaps`. What a label counts is a set of claims: a concept, and what its criterion asks of a mention. One
//! label holds another when it accepts every claim of it. Where places are compared, the lexicon's part-of
//! hierarchy is asked; criteria that cannot be compared are held to differ, so that nothing is called exact
//! that is not. A label whose scheme propagates upwards counts what the labels beneath it count.

use crate::finding::rank;
use crate::lexicon::Lexicon;
use crate::rules::{BoundScheme, Condition, Criterion, Status};
use crate::span::ConceptId;
use std::collections::BTreeMap;

/// What a target label is to the label that is mapped to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// Both count the same.
    Exact,
    /// The target counts more.
    Broader,
    /// The target counts less.
    Narrower,
    /// They share some of what they count.
    Overlaps,
}

impl Relation {
    /// Every relation with its name in tables.
    pub const NAMED: [(&'static str, Relation); 4] = [
        ("exact", Relation::Exact),
        ("broader", Relation::Broader),
        ("narrower", Relation::Narrower),
        ("overlaps", Relation::Overlaps),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Relation::NAMED.iter().find(|n| n.1 == self).map_or("", |n| n.0)
    }

    /// What a value of a label says of its target. What is found in a part is found in the whole, what is
    /// denied of the whole is denied of its parts, and nothing else follows.
    pub fn carry(self, value: Status) -> Option<Status> {
        match (self, value) {
            (Relation::Exact, value) => Some(value),
            (Relation::Broader, Status::Present | Status::Uncertain) => Some(value),
            (Relation::Narrower, Status::Absent) => Some(value),
            _ => None,
        }
    }
}

/// One label mapped to one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Label of the first scheme.
    pub from: u32,
    /// What the target is to it.
    pub relation: Relation,
    /// Label of the second scheme.
    pub to: u32,
    /// Concepts that both count.
    pub shared: usize,
    /// Concepts that each of them counts.
    pub of: (usize, usize),
}

/// All mappings, and the labels that have none.
#[derive(Clone, Debug, Default)]
pub struct Crosswalk {
    /// In order of the first scheme's labels, then of the second's.
    pub mappings: Vec<Mapping>,
    /// Labels of the first scheme that map to nothing, with the reason.
    pub from_alone: Vec<(u32, String)>,
    /// Labels of the second scheme that nothing maps to, with the reason.
    pub to_alone: Vec<(u32, String)>,
}

/// What a label counts: for each concept, the criteria of which one must be met.
type Claims<'s> = BTreeMap<ConceptId, Vec<&'s Criterion>>;

/// Compares the labels of two schemes.
pub fn crosswalk(from: &BoundScheme, to: &BoundScheme, lexicon: &Lexicon) -> Crosswalk {
    let (ours, theirs) = (claims(from, lexicon), claims(to, lexicon));
    // Which labels of the second scheme count a concept.
    let mut by_concept: BTreeMap<ConceptId, Vec<u32>> = BTreeMap::new();
    for (label, claims) in theirs.iter().enumerate() {
        for &concept in claims.keys() {
            by_concept.entry(concept).or_default().push(label as u32);
        }
    }
    let mut out = Crosswalk::default();
    let mut reached = vec![false; theirs.len()];
    for (label, claims) in ours.iter().enumerate() {
        let mut candidates: Vec<u32> = claims.keys().flat_map(|c| by_concept.get(c)).flatten().copied().collect();
        candidates.sort_unstable();
        candidates.dedup();
        let before = out.mappings.len();
        for target in candidates {
            let other = &theirs[target as usize];
            if let Some((relation, shared)) = relate(claims, other, lexicon) {
                let of = (claims.len(), other.len());
                out.mappings.push(Mapping { from: label as u32, relation, to: target, shared, of });
                reached[target as usize] = true;
            }
        }
        if out.mappings.len() == before {
            out.from_alone.push((label as u32, reason(from, label, claims, to)));
        }
    }
    for (label, claims) in theirs.iter().enumerate().filter(|(label, _)| !reached[*label]) {
        out.to_alone.push((label as u32, reason(to, label, claims, from)));
    }
    out
}

/// The value of every label of the second scheme, from those of the first: of several sources present
/// outranks uncertain, uncertain outranks absent.
pub fn apply(mappings: &[Mapping], values: &[Option<Status>], targets: usize) -> Vec<Option<Status>> {
    let mut out: Vec<Option<Status>> = vec![None; targets];
    for mapping in mappings {
        let Some(value) = values[mapping.from as usize].and_then(|v| mapping.relation.carry(v)) else {
            continue;
        };
        let slot = &mut out[mapping.to as usize];
        if slot.is_none_or(|known| rank(value) > rank(known)) {
            *slot = Some(value);
        }
    }
    out
}

fn claims<'s>(bound: &'s BoundScheme, lexicon: &Lexicon) -> Vec<Claims<'s>> {
    let mut own: Vec<Claims> = vec![Claims::new(); bound.scheme.labels.len()];
    for (concept, targets) in bound.targets.iter().enumerate() {
        for target in targets {
            let criterion = &bound.criteria[target.criterion as usize];
            // What another label takes for itself is not counted.
            let taken = targets.iter().any(|t| {
                bound.outranked_by[target.label as usize].contains(&t.label)
                    && covers(&bound.criteria[t.criterion as usize], criterion, lexicon)
            });
            if taken {
                continue;
            }
            own[target.label as usize].entry(ConceptId(concept as u32)).or_default().push(criterion);
        }
    }
    if !bound.scheme.hierarchy.up {
        return own;
    }
    (0..own.len() as u32)
        .map(|label| {
            let mut all = own[label as usize].clone();
            for below in bound.beneath(label) {
                for (concept, criteria) in &own[below as usize] {
                    all.entry(*concept).or_default().extend(criteria);
                }
            }
            all
        })
        .collect()
}

fn relate(ours: &Claims, theirs: &Claims, lexicon: &Lexicon) -> Option<(Relation, usize)> {
    let shared = ours
        .iter()
        .filter(|(concept, criteria)| {
            theirs.get(concept).is_some_and(|t| t.iter().any(|b| criteria.iter().any(|a| meet(a, b, lexicon))))
        })
        .count();
    if shared == 0 {
        return None;
    }
    let holds = |whole: &Claims, part: &Claims| {
        part.iter().all(|(concept, criteria)| {
            whole.get(concept).is_some_and(|w| criteria.iter().all(|p| w.iter().any(|w| covers(w, p, lexicon))))
        })
    };
    let relation = match (holds(theirs, ours), holds(ours, theirs)) {
        (true, true) => Relation::Exact,
        (true, false) => Relation::Broader,
        (false, true) => Relation::Narrower,
        (false, false) => Relation::Overlaps,
    };
    Some((relation, shared))
}

/// Every part in `parts` lies in one of `roots`.
fn inside(parts: &[ConceptId], roots: &[ConceptId], lexicon: &Lexicon) -> bool {
    parts.iter().all(|&part| roots.iter().any(|&root| lexicon.is_a(part, root)))
}

/// Some part of one list lies in some of the other.
fn touch(a: &[ConceptId], b: &[ConceptId], lexicon: &Lexicon) -> bool {
    a.iter().any(|&a| b.iter().any(|&b| lexicon.is_a(a, b) || lexicon.is_a(b, a)))
}

/// `whole` accepts every mention that `part` accepts, as far as can be told.
fn covers(whole: &Criterion, part: &Criterion, lexicon: &Lexicon) -> bool {
    if whole == part {
        return true;
    }
    let statuses = whole.statuses.is_empty()
        || !part.statuses.is_empty() && part.statuses.iter().all(|s| whole.statuses.contains(s));
    let conditions = whole.conditions.iter().all(|c| part.conditions.contains(c));
    let place = if part.located {
        let within = whole.within.is_empty() || inside(&part.within, &whole.within, lexicon);
        within && !touch(&part.within, &whole.outside, lexicon)
    } else {
        // What is not located is only guarded against places elsewhere; two guards of one part of the body
        // are held to be the same, however much of the rest of it each names.
        let guarded = !whole.within.is_empty() && whole.within == part.within;
        !whole.located && (guarded || inside(&whole.outside, &part.outside, lexicon))
    };
    statuses && conditions && place
}

/// Some mention may meet both.
fn meet(a: &Criterion, b: &Criterion, lexicon: &Lexicon) -> bool {
    let statuses = a.statuses.is_empty() || b.statuses.is_empty() || a.statuses.iter().any(|s| b.statuses.contains(s));
    let places = match (a.located, b.located) {
        (true, true) => touch(&a.within, &b.within, lexicon),
        (true, false) => a.within.iter().any(|&p| !inside(&[p], &b.outside, lexicon)),
        (false, true) => b.within.iter().any(|&p| !inside(&[p], &a.outside, lexicon)),
        (false, false) => true,
    };
    let sides = |c: &Criterion| {
        c.conditions.iter().find_map(|c| if let Condition::Side(side) = c { Some(*side) } else { None })
    };
    let same_side = match (sides(a), sides(b)) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    statuses && places && same_side
}

fn reason(bound: &BoundScheme, label: usize, claims: &Claims, other: &BoundScheme) -> String {
    if bound.scheme.no_finding.as_ref().is_some_and(|n| n.label == label) {
        return "rests on what is not said of the other labels of its own scheme".to_owned();
    }
    match claims.len() {
        0 => "counts no concept of this lexicon".to_owned(),
        1 => format!("its concept counts for no label of {} at the same place", other.scheme.id),
        n => format!("none of its {n} concepts counts for a label of {} at the same place", other.scheme.id),
    }
}
