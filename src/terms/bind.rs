//! Which concept of the engine an entry is: by its code, else by its name, else by the codes of other systems
//! that its source knows, else by a synonym that is a concept's own name. ICD-10-CM is bound by name alone: its
//! codes name classes ("other injury of unspecified body region") into which many a concept falls.

use super::clean::clean;
use super::import::Work;
use super::wordings::slot;
use super::{Binding, Entry};
use crate::lexicon::Kind;
use crate::span::ConceptId;
use std::collections::HashMap;

/// The system whose codes name a class that a concept falls into, and not the concept.
const NEAREST: &str = "icd10";

impl Work<'_> {
    /// Finds the concept that each entry is.
    pub(super) fn bind(&mut self, order: &[u32], kinds: &[Option<Kind>]) {
        let lexicon = &self.engine.lexicon;
        let mut codes: HashMap<(&str, &str), Vec<ConceptId>> = HashMap::new();
        for (i, concept) in lexicon.concepts.iter().enumerate() {
            for (system, code) in &concept.codes {
                codes.entry((system, code)).or_default().push(ConceptId(i as u32));
            }
        }
        for &at in order {
            let entry = &self.source.entries[at as usize];
            let Some(kind) = kinds[at as usize] else { continue };
            let fits = |c: &ConceptId| slot(lexicon.concept(*c).kind) == slot(kind);
            let by_code = |system: &str, code: &str| -> Vec<ConceptId> {
                let code = super::write::bare(system, code);
                codes.get(&(system, code)).into_iter().flatten().copied().filter(fits).collect()
            };
            let own = match &*entry.system {
                // In a table of the user's own an id may be radlabel's.
                "" => lexicon.find(&entry.code).into_iter().filter(|c| fits(c)).collect(),
                // radlabel's codes of ICD-10-CM are the nearest ones, not the same ones: an "injury of
                // unspecified body region" is no fracture. There the name decides.
                NEAREST => Vec::new(),
                system => by_code(system, &entry.code),
            };
            let mut named = None;
            if let Ok(name) = clean(&entry.name)
                && let Some(Binding::Known(concept)) = *self.wordings.owner(&name, kind, "en")
            {
                named = Some(concept);
            }
            let concept = match own[..] {
                [concept] => Some(concept),
                [] => named.or_else(|| self.elsewhere(entry, kind, &by_code)),
                _ => {
                    // The code stands for several: the name must say which.
                    let among = named.filter(|n| own.contains(n));
                    self.summary.torn += u64::from(among.is_none());
                    among.or(named)
                }
            };
            // What has a side is not the same without it.
            let concept = concept.filter(|&c| entry.side.is_none() || lexicon.concept(c).side == entry.side);
            self.bindings.insert(at, concept.map_or(Binding::New(at), Binding::Known));
        }
    }

    /// By the codes that the source knows in other systems, and by a synonym that is a concept's own name.
    fn elsewhere(
        &mut self,
        entry: &Entry,
        kind: Kind,
        by_code: &impl Fn(&str, &str) -> Vec<ConceptId>,
    ) -> Option<ConceptId> {
        let pinned = entry.others.iter().filter(|(system, _)| matches!(&**system, "radlex" | "snomed"));
        for (system, code) in pinned {
            if let [concept] = by_code(system, code)[..] {
                return Some(concept);
            }
        }
        // What a class of ICD-10-CM includes is not what the class is.
        if entry.system == NEAREST {
            return None;
        }
        entry.synonyms.iter().filter_map(|s| clean(s).ok()).find_map(|synonym| {
            match *self.wordings.owner(&synonym, kind, self.language) {
                Some(Binding::Known(c)) if self.engine.lexicon.concept(c).name.to_lowercase() == synonym => Some(c),
                _ => None,
            }
        })
    }
}
