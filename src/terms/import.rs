//! Entries of a source -> rows of a lexicon file, bound to the concepts that the engine has already.
//!
//! A concept that radlabel has keeps its id and gains terms and codes. A term means one thing: the built-in
//! meaning goes first, then a preferred name before a synonym, then the lower code; what has to yield is told.

use super::clean::clean;
use super::ids::{Ids, by_number};
use super::{Entry, Hierarchy, Left, Preferred, Terminology};
use crate::Engine;
use crate::lexicon::{Kind, MatcherBuilder, Words};
use crate::rules::{class, term_number};
use crate::span::ConceptId;
use crate::token::{Token, tokenize};
use std::collections::HashMap;

/// The concept that an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binding {
    /// One that the engine has.
    Known(ConceptId),
    /// A new one, by the number of its entry.
    New(u32),
}

/// A row of the lexicon file.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) binding: Binding,
    pub(super) kind: Kind,
    /// The entries that are this concept: several may be one that is known.
    pub(super) entries: Vec<u32>,
    pub(super) terms: Vec<String>,
    pub(super) parents: Vec<String>,
}

/// A term that had to yield.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The words.
    pub term: String,
    /// The id of the concept that keeps them.
    pub kept: String,
    /// The id of the concept that does not.
    pub yields: String,
}

/// What came of it all.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Entries of the source.
    pub read: u64,
    /// Entries that are concepts which the engine has.
    pub known: u64,
    /// New concepts.
    pub new: u64,
    /// Terms written.
    pub terms: u64,
    /// Wordings that were cleaned to become terms.
    pub cleaned: u64,
    /// Wordings that stood there already.
    pub doubled: u64,
    /// Entries left out, by reason.
    pub left: Left,
    /// Wordings left out, by reason.
    pub unfit: Left,
    /// Entries whose code stands for several concepts of the engine.
    pub torn: u64,
}

/// A source, ready to be written.
#[derive(Clone, Debug)]
pub struct Import {
    pub(super) rows: Vec<Row>,
    /// Terms that had to yield, in the order of the terms.
    pub clashes: Vec<Clash>,
    /// Counts.
    pub summary: Summary,
}

/// Meanings of one phrase stand side by side where they are of different sorts.
const fn slot(kind: Kind) -> usize {
    match kind {
        Kind::Finding | Kind::Device => 0,
        Kind::Anatomy => 1,
        Kind::Descriptor => 2,
    }
}

/// Phrases as the engine tells them apart, and who owns each.
struct Wordings {
    words: Words,
    phrases: MatcherBuilder,
    tokens: Vec<Token>,
    owners: Vec<[Option<Binding>; 3]>,
}

impl Wordings {
    /// Those of an engine. Its words come first, as they will when it loads the file.
    fn of(engine: &Engine) -> Wordings {
        let lexicon = &engine.lexicon;
        let mut made = Wordings {
            words: engine.rules.vocabulary().without_slips(),
            phrases: MatcherBuilder::default(),
            tokens: Vec::new(),
            owners: Vec::new(),
        };
        for term in &lexicon.terms {
            let kind = lexicon.concept(term.concept).kind;
            let language = &lexicon.files[term.file as usize].language;
            let owner = made.owner(&term.text, kind, language);
            owner.get_or_insert(Binding::Known(term.concept));
        }
        made
    }

    /// Who owns a phrase.
    fn owner(&mut self, text: &str, kind: Kind, language: &str) -> &mut Option<Binding> {
        let words = self.words.phrase(text, term_number(kind, language), &mut self.tokens);
        let id = self.phrases.add(&words).0 as usize;
        if id >= self.owners.len() {
            self.owners.resize(id + 1, [None; 3]);
        }
        &mut self.owners[id][slot(kind)]
    }
}

/// Binds the entries that have a kind, and gathers their terms.
pub fn import(
    engine: &Engine,
    source: &Terminology,
    hierarchy: &Hierarchy,
    kinds: &[Option<Kind>],
    language: &str,
    prefix: &str,
) -> Import {
    let mut order: Vec<u32> = (0..kinds.len() as u32).filter(|&i| kinds[i as usize].is_some()).collect();
    order.sort_by(|&a, &b| by_number(&source.entries[a as usize].code, &source.entries[b as usize].code));
    let mut work = Work {
        engine,
        source,
        language,
        wordings: Wordings::of(engine),
        bindings: HashMap::new(),
        terms: HashMap::new(),
        losses: Vec::new(),
        tokens: Vec::new(),
        summary: Summary { read: source.entries.len() as u64, ..Summary::default() },
    };
    work.bind(&order, kinds);
    work.gather(&order, kinds, true);
    work.gather(&order, kinds, false);
    let mut rows = work.rows(&order, kinds, prefix);
    work.settle(&mut rows);
    work.finish(rows, hierarchy)
}

struct Work<'a> {
    engine: &'a Engine,
    source: &'a Terminology,
    language: &'a str,
    wordings: Wordings,
    bindings: HashMap<u32, Binding>,
    terms: HashMap<Binding, Vec<String>>,
    /// Term, who keeps it, who yields.
    losses: Vec<(String, Binding, Binding)>,
    tokens: Vec<Token>,
    summary: Summary,
}

impl Work<'_> {
    /// Finds the concept that each entry is.
    fn bind(&mut self, order: &[u32], kinds: &[Option<Kind>]) {
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
        // radlabel's own codes of ICD-10-CM are the nearest ones, not the same ones.
        let pinned = entry.others.iter().filter(|(system, _)| matches!(&**system, "radlex" | "snomed"));
        for (system, code) in pinned {
            if let [concept] = by_code(system, code)[..] {
                return Some(concept);
            }
        }
        entry.synonyms.iter().filter_map(|s| clean(s).ok()).find_map(|synonym| {
            match *self.wordings.owner(&synonym, kind, self.language) {
                Some(Binding::Known(c)) if self.engine.lexicon.concept(c).name.to_lowercase() == synonym => Some(c),
                _ => None,
            }
        })
    }

    /// Takes the preferred wordings of all entries, or all others.
    fn gather(&mut self, order: &[u32], kinds: &[Option<Kind>], preferred: bool) {
        let source = self.source;
        for &at in order {
            let (Some(kind), Some(&binding)) = (kinds[at as usize], self.bindings.get(&at)) else { continue };
            let entry = &source.entries[at as usize];
            if preferred {
                match &entry.preferred {
                    Preferred::Name => self.take(&entry.name, kind, binding),
                    Preferred::Other(text) => self.take(text, kind, binding),
                    Preferred::Missing => {}
                }
            } else {
                for synonym in &entry.synonyms {
                    self.take(synonym, kind, binding);
                }
            }
        }
    }

    fn take(&mut self, wording: &str, kind: Kind, binding: Binding) {
        let term = match clean(wording) {
            Ok(term) => term,
            Err(unfit) => {
                *self.summary.unfit.entry(unfit.why()).or_default() += 1;
                return;
            }
        };
        if let Some(why) = self.read_otherwise(&term) {
            *self.summary.unfit.entry(why).or_default() += 1;
            return;
        }
        self.summary.cleaned += u64::from(term != wording.to_lowercase());
        let kind = match binding {
            Binding::Known(c) => self.engine.lexicon.concept(c).kind,
            Binding::New(_) => kind,
        };
        let owner = self.wordings.owner(&term, kind, self.language);
        match *owner {
            None => {
                *owner = Some(binding);
                self.terms.entry(binding).or_default().push(term);
            }
            Some(other) if other == binding => self.summary.doubled += 1,
            Some(other) => self.losses.push((term, other, binding)),
        }
    }

    /// Rules read these words as something else: a term must neither be a function word or a cue nor swallow a
    /// cue that judges ("no abnormality", "history of stroke").
    fn read_otherwise(&mut self, term: &str) -> Option<&'static str> {
        let rules = &self.engine.rules;
        tokenize(term, rules.vocabulary(), &mut self.tokens);
        let tokens = &self.tokens;
        let mut at = 0;
        while at < tokens.len() {
            let found = rules.matcher.longest(tokens[at..].iter().map(|t| t.word));
            let Some((length, phrase)) = found else {
                at += 1;
                continue;
            };
            let bits = rules.meanings[phrase.0 as usize].bits;
            let whole = at == 0 && length == tokens.len();
            let means = class::FINDING | class::ANATOMY | class::DESCRIPTOR;
            if whole && bits & !means != 0 {
                return Some("words that the rules read otherwise");
            }
            if bits & class::JUDGES != 0 && bits & means == 0 {
                return Some("with a cue inside (\"no ...\", \"history of ...\")");
            }
            at += length;
        }
        None
    }

    /// One row a concept, by id.
    fn rows(&mut self, order: &[u32], kinds: &[Option<Kind>], prefix: &str) -> Vec<Row> {
        let lexicon = &self.engine.lexicon;
        let mut ids = Ids::new(self.source, prefix);
        let mut rows: Vec<Row> = Vec::new();
        let mut places: HashMap<Binding, usize> = HashMap::new();
        for &at in order {
            let (Some(kind), Some(&binding)) = (kinds[at as usize], self.bindings.get(&at)) else { continue };
            if let Some(&place) = places.get(&binding) {
                rows[place].entries.push(at);
                continue;
            }
            let (id, kind) = match binding {
                Binding::Known(c) => (lexicon.concept(c).id.to_string(), lexicon.concept(c).kind),
                Binding::New(_) => {
                    let entry = &self.source.entries[at as usize];
                    let given = (entry.system.is_empty() && super::write::is_id(&entry.code)).then_some(&*entry.code);
                    (ids.make(&entry.name, &entry.code, given, lexicon), kind)
                }
            };
            places.insert(binding, rows.len());
            let terms = self.terms.remove(&binding).unwrap_or_default();
            rows.push(Row { id, binding, kind, entries: vec![at], terms, parents: Vec::new() });
        }
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        rows
    }

    /// Which words are one word in both numbers can hang on which is read first, and the file is read in the
    /// order of its ids: terms that only then prove to be the same yield too.
    fn settle(&mut self, rows: &mut [Row]) {
        for _ in 0..4 {
            let mut wordings = Wordings::of(self.engine);
            let mut changed = false;
            for row in rows.iter_mut() {
                let Row { terms, binding, kind, .. } = row;
                terms.retain(|term| {
                    let owner = wordings.owner(term, *kind, self.language);
                    match *owner {
                        None => {
                            *owner = Some(*binding);
                            return true;
                        }
                        Some(other) if other == *binding => self.summary.doubled += 1,
                        Some(other) => self.losses.push((term.clone(), other, *binding)),
                    }
                    changed = true;
                    false
                });
            }
            if !changed {
                break;
            }
        }
    }

    /// Leaves out what would be of no use, and finds the parents of the rest.
    fn finish(mut self, mut rows: Vec<Row>, hierarchy: &Hierarchy) -> Import {
        let lexicon = &self.engine.lexicon;
        let places: HashMap<Binding, usize> = rows.iter().enumerate().map(|(i, r)| (r.binding, i)).collect();
        let mut outer: HashMap<u32, Vec<ConceptId>> = HashMap::new();
        for &(entry, concept) in &hierarchy.outer {
            outer.entry(entry).or_default().push(concept);
        }
        // A concept without a term is kept where narrower ones need it; so parents are asked from below.
        let mut needed: Vec<bool> =
            rows.iter().map(|r| !r.terms.is_empty() && matches!(r.binding, Binding::New(_))).collect();
        let mut waiting: Vec<usize> = (0..rows.len()).filter(|&i| needed[i]).collect();
        while let Some(at) = waiting.pop() {
            let parents = self.parents(&rows[at], hierarchy, &outer, &places, &rows);
            rows[at].parents = parents.iter().map(|b| self.id(*b, &places, &rows)).collect();
            rows[at].parents.sort();
            for parent in parents {
                if let (Binding::New(_), Some(&place)) = (parent, places.get(&parent))
                    && !std::mem::replace(&mut needed[place], true)
                {
                    waiting.push(place);
                }
            }
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
