//! Who lies under whom: codes of parents become numbers, and what is unsound is told (codes that stand twice,
//! unknown parents, circles).

use super::{Faults, Format, Guess, Terminology};
use crate::lexicon::{Kind, Lexicon};
use crate::span::ConceptId;
use std::collections::HashMap;

/// What RadLex's lists name as a parent without listing it: the root.
const ROOTS: [&str; 2] = ["RID0", "RID1"];

/// What the upper levels of ontologies say of all that lies under them.
const UPPER_LEVELS: [(&str, Guess); 11] = [
    // RadLex: anatomical entity, clinical finding, imaging observation, foreign body, medical device, Radlex
    // descriptor, procedure.
    ("RID3", Guess::Is(Kind::Anatomy)),
    ("RID34785", Guess::Is(Kind::Finding)),
    ("RID5", Guess::Is(Kind::Finding)),
    ("RID5425", Guess::Is(Kind::Finding)),
    ("RID29033", Guess::Is(Kind::Device)),
    ("RID6", Guess::Is(Kind::Descriptor)),
    ("RID1559", Guess::Foreign),
    // HPO: inheritance, clinical modifier ("lateral", "recurrent"), past medical history, frequency.
    ("HP:0000005", Guess::Foreign),
    ("HP:0012823", Guess::Foreign),
    ("HP:0032443", Guess::Foreign),
    ("HP:0040279", Guess::Foreign),
];

/// What lies under this was given up by RadLex.
const RADLEX_OBSOLETE: &str = "RID15849";

/// How a parent that is nowhere in the source is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orphans {
    /// As a fault.
    Refused,
    /// As if it were not named: its children are roots.
    Roots,
}

/// The hierarchy of a source.
#[derive(Clone, Debug, Default)]
pub struct Hierarchy {
    /// Entries by code.
    codes: HashMap<Box<str>, u32>,
    /// Broader entries of each.
    pub(super) parents: Vec<Vec<u32>>,
    /// Narrower entries of each.
    pub(super) children: Vec<Vec<u32>>,
    /// Broader concepts that radlabel has, by entry: a user's own table may name them.
    pub(super) outer: Vec<(u32, ConceptId)>,
    /// Parents that are nowhere and were taken as said by [`Orphans::Roots`].
    pub orphans: u64,
}

impl Hierarchy {
    /// Builds the hierarchy, and fills in what it tells of kinds and of what was given up.
    pub fn new(source: &mut Terminology, lexicon: &Lexicon, orphans: Orphans, faults: &mut Faults) -> Hierarchy {
        let count = source.entries.len();
        let mut made = Hierarchy {
            codes: HashMap::with_capacity(count),
            parents: vec![Vec::new(); count],
            children: vec![Vec::new(); count],
            ..Hierarchy::default()
        };
        for (i, entry) in source.entries.iter().enumerate() {
            if let Some(&first) = made.codes.get(&entry.code) {
                let line = source.entries[first as usize].place.1;
                let message = format!("code \"{}\" stands already in line {line}", entry.code);
                faults.add("code that stands twice", source.fault(entry, message));
            } else {
                made.codes.insert(entry.code.clone(), i as u32);
            }
        }
        let own = source.format == Format::Table;
        for i in 0..count {
            for parent in std::mem::take(&mut source.entries[i].parents) {
                if let Some(&at) = made.codes.get(&parent) {
                    made.parents[i].push(at);
                    made.children[at as usize].push(i as u32);
                } else if let Some(id) = lexicon.find(&parent).filter(|_| own) {
                    made.outer.push((i as u32, id));
                } else if ROOTS.contains(&&*parent) {
                } else if orphans == Orphans::Roots {
                    made.orphans += 1;
                } else {
                    let entry = &source.entries[i];
                    let message = format!(
                        "unknown parent \"{parent}\" of \"{}\"; expected a code of this source{}",
                        entry.code,
                        if own { " or the id of a concept" } else { "" }
                    );
                    faults.add("unknown parent", source.fault(entry, message));
                }
            }
        }
        made.circles(source, faults);
        made.upper_levels(source);
        made
    }

    /// The entry with this code; `SYSTEM:CODE` is understood too.
    pub fn find(&self, code: &str) -> Option<u32> {
        let code = code.trim();
        self.codes.get(code).or_else(|| self.codes.get(code.split_once(':')?.1)).copied()
    }

    /// Marks the entries that are or lie under any of these.
    pub(super) fn under(&self, roots: impl IntoIterator<Item = u32>) -> Vec<bool> {
        let mut marked = vec![false; self.children.len()];
        let mut waiting: Vec<u32> = roots.into_iter().collect();
        while let Some(at) = waiting.pop() {
            if !std::mem::replace(&mut marked[at as usize], true) {
                waiting.extend(&self.children[at as usize]);
            }
        }
        marked
    }

    fn circles(&self, source: &Terminology, faults: &mut Faults) {
        // 0 = not seen, 1 = on the path, 2 = done.
        let mut state = vec![0_u8; self.parents.len()];
        let mut path: Vec<(u32, usize)> = Vec::new();
        for start in 0..self.parents.len() as u32 {
            if state[start as usize] == 0 {
                state[start as usize] = 1;
                path.push((start, 0));
            }
            while let Some((at, next)) = path.last_mut() {
                let Some(&parent) = self.parents[*at as usize].get(*next) else {
                    state[*at as usize] = 2;
                    path.pop();
                    continue;
                };
                *next += 1;
                match state[parent as usize] {
                    0 => {
                        state[parent as usize] = 1;
                        path.push((parent, 0));
                    }
                    1 => {
                        let entry = &source.entries[*at as usize];
                        let from = path.iter().position(|p| p.0 == parent).unwrap_or(0);
                        let circle = path[from..].iter().map(|p| &*source.entries[p.0 as usize].code);
                        let circle: Vec<&str> = circle.take(8).collect();
                        let more = if path.len() - from > circle.len() { " > ..." } else { "" };
                        let message = format!(
                            "\"{}\" lies under itself: {}{more} > {}",
                            entry.code,
                            circle.join(" > "),
                            circle[0]
                        );
                        faults.add("circle in the hierarchy", source.fault(entry, message));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Ontologies say by their upper levels what a concept is, and RadLex what it gave up.
    fn upper_levels(&self, source: &mut Terminology) {
        for (root, guess) in UPPER_LEVELS {
            let mut waiting: Vec<u32> = self.codes.get(root).copied().into_iter().collect();
            let mut seen = vec![false; if waiting.is_empty() { 0 } else { self.parents.len() }];
            while let Some(at) = waiting.pop() {
                let entry = &mut source.entries[at as usize];
                // The level nearest above decides: it walks down from itself and stops at the next.
                let other = *entry.code != *root && UPPER_LEVELS.iter().any(|(r, _)| *r == &*entry.code);
                if !other && !std::mem::replace(&mut seen[at as usize], true) {
                    if entry.guess == Guess::Unknown || guess == Guess::Foreign {
                        entry.guess = guess;
                    }
                    waiting.extend(&self.children[at as usize]);
                }
            }
        }
        if let Some(&root) = self.codes.get(RADLEX_OBSOLETE) {
            for (entry, under) in source.entries.iter_mut().zip(self.under([root])) {
                entry.active &= !under;
            }
        }
    }
}
