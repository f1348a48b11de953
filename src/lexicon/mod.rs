//! Lexicon text -> concepts and terms.
//!
//! A lexicon is a tab-separated file: comment lines that name its version, language, domain and kind,
//! one header line, one line a concept. Loading reads every file and reports every bad line at once.
//! Knows nothing of rules.

mod matcher;
mod parse;
mod words;

pub use matcher::{Matcher, MatcherBuilder, PhraseId, encode};
pub use parse::{SYSTEMS, parted};
pub(crate) use words::Number;
pub(crate) use words::english_inflections;
pub use words::{Words, near};

use crate::error::Fault;
use crate::span::ConceptId;
use std::collections::HashMap;

/// What a concept is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Anything abnormal that could be seen, measured or diagnosed.
    Finding,
    /// A tube, line, implant or other device; a finding too.
    Device,
    /// A part of the body.
    Anatomy,
    /// What may be said of a part of the body: enlarged, normal, clear.
    Descriptor,
}

impl Kind {
    /// As files name it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Finding => "finding",
            Kind::Device => "device",
            Kind::Anatomy => "anatomy",
            Kind::Descriptor => "descriptor",
        }
    }

    /// The kind of a name.
    pub fn named(name: &str) -> Option<Kind> {
        [Kind::Finding, Kind::Device, Kind::Anatomy, Kind::Descriptor].into_iter().find(|k| k.name() == name)
    }
}

/// The side that a concept or a mention is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The patient's left.
    Left,
    /// The patient's right.
    Right,
    /// Both.
    Bilateral,
}

impl Side {
    /// All of them.
    pub const ALL: [Side; 3] = [Side::Left, Side::Right, Side::Bilateral];

    /// Its name in rules, gold and outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Side::Left => "left",
            Side::Right => "right",
            Side::Bilateral => "bilateral",
        }
    }

    /// The side of a name.
    pub fn named(name: &str) -> Option<Side> {
        Side::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// A concept: one thing, however it is worded.
#[derive(Clone, Debug)]
pub struct Concept {
    /// Stable id, kebab-case English.
    pub id: Box<str>,
    /// Preferred name.
    pub name: Box<str>,
    /// What it is.
    pub kind: Kind,
    /// Broader concepts (for anatomy: what it is part of).
    pub parents: Vec<ConceptId>,
    /// The side that the concept itself implies.
    pub side: Option<Side>,
    /// The part of the body that a finding lies in by its very name ("splenic cyst": the spleen).
    pub site: Option<ConceptId>,
    /// Codes: (system, code). The systems `radlex`, `snomed` and `icd10` have columns of their own; the
    /// rest come from the column `other` (`HP` with `0001234`, `OIFM` with `OIFM_GMTS_004244`).
    pub codes: Vec<(Box<str>, Box<str>)>,
    /// What it means, in a sentence; empty where no file says.
    pub definition: Box<str>,
    /// Where its row was taken from; empty where no file says.
    pub source: Box<str>,
    /// Index into [`Lexicon::files`].
    pub file: u32,
    /// Line, from 1.
    pub line: u32,
}

/// A wording of a concept.
#[derive(Clone, Debug)]
pub struct Term {
    /// The words, lower-cased.
    pub text: Box<str>,
    /// What it means.
    pub concept: ConceptId,
    /// Index into [`Lexicon::files`].
    pub file: u32,
    /// Line, from 1.
    pub line: u32,
}

/// A lexicon file.
#[derive(Clone, Debug)]
pub struct LexiconFile {
    /// Name, as the user knows it.
    pub name: String,
    /// Language code.
    pub language: String,
    /// Domain (`chest`, `general`, ...).
    pub domain: String,
    /// Kind of every concept in it whose row does not say another.
    pub kind: Kind,
    /// Whether misspellings are read as its words.
    pub spelling: Spelling,
}

/// Whether a word one slip away from a word of a lexicon is taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// Yes; the ordinary words that this would catch are listed by the rules (`guard`).
    Slips,
    /// No: of a large imported vocabulary nobody has listed them (`# spelling: exact`).
    Exact,
}

/// All concepts and terms.
#[derive(Clone, Debug, Default)]
pub struct Lexicon {
    /// The files read, in order.
    pub files: Vec<LexiconFile>,
    /// Concepts, by id number.
    pub concepts: Vec<Concept>,
    /// Terms, in file order.
    pub terms: Vec<Term>,
    /// Narrower concepts: those of a concept stand from its start to the start of the next.
    narrower: Vec<ConceptId>,
    narrower_starts: Vec<u32>,
    /// The sided concepts of a part.
    sides: HashMap<(ConceptId, Side), ConceptId>,
    ids: HashMap<Box<str>, ConceptId>,
}

impl Lexicon {
    /// Reads lexicon files given as (name, text).
    ///
    /// # Errors
    /// Every fault of every file.
    pub fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Lexicon, Vec<Fault>> {
        parse::load(files)
    }

    /// The concept with this id.
    pub fn find(&self, id: &str) -> Option<ConceptId> {
        self.ids.get(id).copied()
    }

    /// The concept of a number.
    pub fn concept(&self, id: ConceptId) -> &Concept {
        &self.concepts[id.index()]
    }

    /// True when `concept` is `ancestor` or lies under it.
    pub fn is_a(&self, concept: ConceptId, ancestor: ConceptId) -> bool {
        let mut at = concept;
        // Most concepts have one parent, so that most questions are answered without a list of what was seen.
        loop {
            if at == ancestor {
                return true;
            }
            match self.concept(at).parents[..] {
                [] => return false,
                [parent] => at = parent,
                _ => break,
            }
        }
        // What two parents share is asked once, or a deep lattice would be walked along every path.
        let mut seen = vec![at];
        let mut next = 0;
        while let Some(&at) = seen.get(next) {
            next += 1;
            for &parent in &self.concept(at).parents {
                if parent == ancestor {
                    return true;
                }
                if !seen.contains(&parent) {
                    seen.push(parent);
                }
            }
        }
        false
    }

    /// The concept that a sided one is a side of ("left-kidney": "kidney"), by its id.
    pub fn unsided(&self, concept: ConceptId) -> Option<ConceptId> {
        let concept = self.concept(concept);
        let side = match concept.side? {
            Side::Left => "left-",
            Side::Right => "right-",
            Side::Bilateral => return None,
        };
        let plain = concept.id.strip_prefix(side)?;
        concept.parents.iter().copied().find(|&p| *self.concept(p).id == *plain)
    }

    /// The concept of one side of a part ("kidney", left: "left-kidney"), where there is one.
    pub fn sided(&self, part: ConceptId, side: Side) -> Option<ConceptId> {
        self.sides.get(&(part, side)).copied()
    }

    /// The concepts directly under a concept, in order.
    pub fn children(&self, concept: ConceptId) -> &[ConceptId] {
        let start = self.narrower_starts[concept.index()] as usize;
        &self.narrower[start..self.narrower_starts[concept.index() + 1] as usize]
    }

    /// Every concept that is `ancestor` or lies under it, in order.
    pub fn descendants(&self, ancestor: ConceptId) -> Vec<ConceptId> {
        let mut seen = std::collections::HashSet::from([ancestor]);
        let mut out = vec![ancestor];
        let mut next = 0;
        while let Some(&at) = out.get(next) {
            next += 1;
            out.extend(self.children(at).iter().copied().filter(|&c| seen.insert(c)));
        }
        out.sort_unstable();
        out
    }

    /// Turns the parents about, once all are known.
    fn link(&mut self) {
        let mut starts = vec![0_u32; self.concepts.len() + 1];
        for parent in self.concepts.iter().flat_map(|c| &c.parents) {
            starts[parent.index() + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut free = starts.clone();
        let mut narrower = vec![ConceptId(0); starts.last().copied().unwrap_or(0) as usize];
        for (i, concept) in self.concepts.iter().enumerate() {
            for parent in &concept.parents {
                narrower[free[parent.index()] as usize] = ConceptId(i as u32);
                free[parent.index()] += 1;
            }
        }
        self.narrower = narrower;
        self.narrower_starts = starts;
        let sided = (0..self.concepts.len() as u32).map(ConceptId).filter_map(|c| {
            let side = self.concept(c).side?;
            Some(((self.unsided(c)?, side), c))
        });
        self.sides = sided.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# radlabel lexicon v1\n# language: en\n# domain: test\n# kind: finding\n";

    /// A second file adds codes, parents and a definition to a concept, and takes none away.
    #[test]
    fn a_second_file_adds() {
        let first = format!("{HEAD}id\tname\tparents\tterms\tradlex\na\tA\t\ta\tRID1\nb\tB\t\tb\t\n");
        let more = "id\tname\tparents\tterms\tradlex\tother\tdefinition\tkind\n\
            a\t\tb\taa\tRID1,RID2\tHP:0001,OIFM_X_1\tThe first.\tfinding\nc\tC\ta,b\tc\t\t\t\tanatomy\n";
        let second = format!("{HEAD}{more}");
        let lexicon = Lexicon::load([("1", first.as_str()), ("2", second.as_str())]).expect("loads");
        let a = lexicon.concept(lexicon.find("a").expect("a"));
        let codes: Vec<(&str, &str)> = a.codes.iter().map(|(s, c)| (&**s, &**c)).collect();
        assert_eq!(codes, [("radlex", "RID1"), ("radlex", "RID2"), ("HP", "0001"), ("OIFM", "OIFM_X_1")]);
        assert_eq!((&*a.definition, &*a.name, a.parents.len()), ("The first.", "A", 1));
        let (b, c) = (lexicon.find("b").expect("b"), lexicon.find("c").expect("c"));
        assert_eq!(lexicon.concept(c).kind, Kind::Anatomy);
        assert_eq!(lexicon.children(b).len(), 2);
        assert_eq!(lexicon.descendants(b).len(), 3);
        assert!(lexicon.is_a(c, b) && !lexicon.is_a(b, c));
    }

    /// Forty diamonds on end: 2^40 paths, 121 concepts.
    #[test]
    fn a_lattice_is_walked_once() {
        let mut text = format!("{HEAD}id\tname\tparents\tterms\nn0\t\t\tn0\n");
        for i in 1..=40 {
            let last = i - 1;
            text += &format!("l{i}\t\tn{last}\tl{i}\nr{i}\t\tn{last}\tr{i}\nn{i}\t\tl{i},r{i}\tn{i}\n");
        }
        let lexicon = Lexicon::load([("1", text.as_str())]).expect("loads");
        let (top, bottom) = (lexicon.find("n0").expect("top"), lexicon.find("n40").expect("bottom"));
        assert!(lexicon.is_a(bottom, top) && !lexicon.is_a(top, bottom));
        assert_eq!(lexicon.descendants(top).len(), 121);
    }
}
