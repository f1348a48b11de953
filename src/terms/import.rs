//! Entries of a source -> rows of a lexicon file, bound to the concepts that the engine has already.
//!
//! A concept that radlabel has keeps its id and gains terms and codes. A term means one thing: the built-in
//! meaning goes first, then a preferred name before a synonym, then the lower code; what has to yield is told.

use super::clean::clean;
use super::ids::{Ids, by_number};
use super::wordings::Wordings;
use super::{Hierarchy, Left, Preferred, Terminology};
use crate::Engine;
use crate::lexicon::Kind;
use crate::rules::class;
use crate::span::ConceptId;
use crate::token::{Token, tokenize};
use std::collections::{HashMap, HashSet};

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
    /// New concepts that were put under a concept of the engine because their name ends with its name.
    pub placed: u64,
    /// New concepts whose terms hold the words of a finding that the engine has, without lying under any:
    /// where they are found, it is not.
    pub hiding: u64,
}

/// What becomes of a new concept that no parent leads to a concept of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placing {
    /// It stands for itself.
    Apart,
    /// Where its name ends with the name of a concept ("comminuted rib fracture"), it lies under that.
    ByName,
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

/// Binds the entries that have a kind, and gathers their terms.
pub fn import(
    engine: &Engine,
    source: &Terminology,
    hierarchy: &Hierarchy,
    kinds: &[Option<Kind>],
    language: &str,
    prefix: &str,
    placing: Placing,
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
        holding: HashSet::new(),
        tokens: Vec::new(),
        summary: Summary { read: source.entries.len() as u64, ..Summary::default() },
    };
    work.bind(&order, kinds);
    work.gather(&order, kinds, true);
    work.gather(&order, kinds, false);
    let mut rows = work.rows(&order, kinds, prefix);
    work.settle(&mut rows);
    work.finish(rows, hierarchy, placing)
}

/// How the engine reads the words of a new term.
enum Reading {
    Plain,
    /// There is a finding inside.
    Holds,
    Otherwise(&'static str),
}

/// An import under way.
pub(super) struct Work<'a> {
    pub(super) engine: &'a Engine,
    pub(super) source: &'a Terminology,
    pub(super) language: &'a str,
    pub(super) wordings: Wordings,
    pub(super) bindings: HashMap<u32, Binding>,
    pub(super) terms: HashMap<Binding, Vec<String>>,
    /// Term, who keeps it, who yields.
    pub(super) losses: Vec<(String, Binding, Binding)>,
    /// New concepts whose terms hold a finding's words.
    pub(super) holding: HashSet<Binding>,
    pub(super) tokens: Vec<Token>,
    pub(super) summary: Summary,
}

impl Work<'_> {
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
        match self.read_otherwise(&term) {
            Reading::Otherwise(why) => {
                *self.summary.unfit.entry(why).or_default() += 1;
                return;
            }
            Reading::Holds if matches!(binding, Binding::New(_)) => {
                self.holding.insert(binding);
            }
            _ => {}
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
    fn read_otherwise(&mut self, term: &str) -> Reading {
        let rules = &self.engine.rules;
        // The words of the engine and those gathered so far; a slip of a word is another word here.
        tokenize(term, &self.wordings.words, &mut self.tokens);
        let tokens = &self.tokens;
        let mut at = 0;
        let mut reading = Reading::Plain;
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
                return Reading::Otherwise("words that the rules read otherwise");
            }
            if bits & class::JUDGES != 0 && bits & means == 0 {
                return Reading::Otherwise("with a cue inside (\"no ...\", \"history of ...\")");
            }
            if bits & class::FINDING != 0 && !whole {
                reading = Reading::Holds;
            }
            at += length;
        }
        reading
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
            // The old table goes first: a million phrases need not be held twice.
            self.wordings = Wordings::default();
            self.wordings = Wordings::of(self.engine);
            let mut changed = false;
            for row in rows.iter_mut() {
                let Row { terms, binding, kind, .. } = row;
                terms.retain(|term| {
                    let owner = self.wordings.owner(term, *kind, self.language);
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
}
