//! Rows that would be of no use are left out, and the rest find their parents among each other and among the
//! engine's concepts.

use super::clean::clean;
use super::import::{Row, Work};
use super::wordings::slot;
use super::{Binding, Clash, Hierarchy, Import, Placing};
use crate::span::ConceptId;
use std::collections::HashMap;

impl Work<'_> {
    /// Leaves out what would be of no use, and finds the parents of the rest.
    pub(super) fn finish(mut self, mut rows: Vec<Row>, hierarchy: &Hierarchy, placing: Placing) -> Import {
        let engine = self.engine;
        let lexicon = &engine.lexicon;
        let places: HashMap<Binding, usize> = rows.iter().enumerate().map(|(i, r)| (r.binding, i)).collect();
        let mut outer: HashMap<u32, Vec<ConceptId>> = HashMap::new();
        for &(entry, concept) in &hierarchy.outer {
            outer.entry(entry).or_default().push(concept);
        }
        // A concept without a term is kept where narrower ones need it; so parents are asked from below.
        let mut needed: Vec<bool> =
            rows.iter().map(|r| !r.terms.is_empty() && matches!(r.binding, Binding::New(_))).collect();
        let mut waiting: Vec<usize> = (0..rows.len()).filter(|&i| needed[i]).collect();
        let mut above: Vec<Vec<Binding>> = vec![Vec::new(); rows.len()];
        while let Some(at) = waiting.pop() {
            let parents = self.parents(&rows[at], hierarchy, &outer, &places, &rows);
            for parent in &parents {
                if let (Binding::New(_), Some(&place)) = (parent, places.get(parent))
                    && !std::mem::replace(&mut needed[place], true)
                {
                    waiting.push(place);
                }
            }
            above[at] = parents;
        }
        self.place(&rows, &needed, &mut above, &places, placing);
        for (at, parents) in above.iter().enumerate() {
            rows[at].parents = parents.iter().map(|b| self.id(*b, &places, &rows)).collect();
            rows[at].parents.sort();
        }
        let mut clashes: Vec<Clash> = std::mem::take(&mut self.losses)
            .into_iter()
            .map(|(term, kept, yields)| Clash {
                term,
                kept: self.id(kept, &places, &rows),
                yields: self.id(yields, &places, &rows),
            })
            .collect();
        clashes.sort_by(|a, b| (&a.term, &a.kept, &a.yields).cmp(&(&b.term, &b.kept, &b.yields)));
        clashes.dedup();
        let (mut useless, mut nothing_new) = (0, 0);
        let mut needed = needed.into_iter();
        rows.retain(|row| {
            let needed = needed.next().unwrap_or(false);
            match row.binding {
                Binding::New(_) => {
                    useless += u64::from(!needed);
                    needed
                }
                Binding::Known(concept) => {
                    let concept = lexicon.concept(concept);
                    let adds = !row.terms.is_empty()
                        || row.entries.iter().any(|&e| super::write::adds(concept, &self.source.entries[e as usize]));
                    nothing_new += if adds { 0 } else { row.entries.len() as u64 };
                    adds
                }
            }
        });
        for (why, count) in [("without a usable term", useless), ("known, with nothing to add", nothing_new)] {
            if count > 0 {
                self.summary.left.insert(why, count);
            }
        }
        for row in &rows {
            self.summary.terms += row.terms.len() as u64;
            match row.binding {
                Binding::Known(_) => self.summary.known += row.entries.len() as u64,
                Binding::New(_) => self.summary.new += 1,
            }
        }
        Import { rows, clashes, summary: self.summary }
    }

    /// Looks from the top down which new concepts lie under one of the engine's, and places the others by their
    /// names where that is wished.
    fn place(
        &mut self,
        rows: &[Row],
        needed: &[bool],
        above: &mut [Vec<Binding>],
        places: &HashMap<Binding, usize>,
        placing: Placing,
    ) {
        let mut below: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
        let mut unseen: Vec<usize> = vec![0; rows.len()];
        for (at, parents) in above.iter().enumerate() {
            for parent in parents.iter().filter(|p| matches!(p, Binding::New(_))).filter_map(|p| places.get(p)) {
                below[*parent].push(at);
                unseen[at] += 1;
            }
        }
        let mut under = vec![false; rows.len()];
        let mut waiting: Vec<usize> = (0..rows.len()).filter(|&i| unseen[i] == 0).collect();
        while let Some(at) = waiting.pop() {
            let row = &rows[at];
            under[at] |= above[at].iter().any(|p| matches!(p, Binding::Known(_)));
            if needed[at] && !under[at] && slot(row.kind) == 0 {
                let head = if placing == Placing::ByName { self.head(row) } else { None };
                if let Some(concept) = head {
                    above[at].push(Binding::Known(concept));
                    under[at] = true;
                    self.summary.placed += 1;
                } else {
                    self.summary.hiding += u64::from(self.holding.contains(&row.binding));
                }
            }
            for child in std::mem::take(&mut below[at]) {
                under[child] |= under[at];
                unseen[child] -= 1;
                if unseen[child] == 0 {
                    waiting.push(child);
                }
            }
        }
    }

    /// The concept whose own name the row's name ends with, or begins with before "of": the longest such name.
    fn head(&mut self, row: &Row) -> Option<ConceptId> {
        let name = clean(&self.source.entries[*row.entries.first()? as usize].name).ok()?;
        if name.contains(',') {
            return None;
        }
        let phrase = name.split(" of ").next().unwrap_or(&name);
        let starts = std::iter::once(0).chain(phrase.match_indices([' ', '-']).map(|(i, _)| i + 1));
        for start in starts {
            let words = &phrase[start..];
            if let Some(Binding::Known(concept)) = *self.wordings.owner(words, row.kind, self.language) {
                let known = self.engine.lexicon.concept(concept);
                if known.kind == row.kind && known.name.to_lowercase() == words {
                    return Some(concept);
                }
            }
        }
        None
    }

    fn id(&self, binding: Binding, places: &HashMap<Binding, usize>, rows: &[Row]) -> String {
        match binding {
            Binding::Known(c) => self.engine.lexicon.concept(c).id.to_string(),
            Binding::New(_) => places.get(&binding).map_or_else(String::new, |&place| rows[place].id.clone()),
        }
    }

    /// The broader concepts of a new one. What was not taken, or is of another sort, is passed over: its own
    /// parents stand in for it.
    fn parents(
        &self,
        row: &Row,
        hierarchy: &Hierarchy,
        outer: &HashMap<u32, Vec<ConceptId>>,
        places: &HashMap<Binding, usize>,
        rows: &[Row],
    ) -> Vec<Binding> {
        let lexicon = &self.engine.lexicon;
        let mut found: Vec<Binding> = Vec::new();
        let mut seen: Vec<u32> = row.entries.clone();
        let mut next = 0;
        while let Some(&at) = seen.get(next) {
            next += 1;
            let binding = self.bindings.get(&at).copied().filter(|_| !row.entries.contains(&at));
            let kind = binding.and_then(|binding| match binding {
                Binding::Known(c) => Some(lexicon.concept(c).kind),
                Binding::New(_) => places.get(&binding).map(|&place| rows[place].kind),
            });
            if let (Some(binding), Some(kind)) = (binding, kind)
                && slot(kind) == slot(row.kind)
            {
                found.push(binding);
                continue;
            }
            for &above in &hierarchy.parents[at as usize] {
                if !seen.contains(&above) {
                    seen.push(above);
                }
            }
            let own = outer.get(&at).into_iter().flatten().copied();
            found.extend(own.filter(|&c| slot(lexicon.concept(c).kind) == slot(row.kind)).map(Binding::Known));
        }
        let mut once: Vec<Binding> = Vec::new();
        for binding in found {
            if binding != row.binding && !once.contains(&binding) {
                once.push(binding);
            }
        }
        once
    }
}
