//! Lexicon text -> concepts and terms.
//!
//! A lexicon is a tab-separated file: comment lines that name its version, language, domain and kind,
//! one header line, one line a concept. Loading reads every file and reports every bad line at once.
//! Knows nothing of rules.

mod matcher;
mod parse;
mod words;

pub use matcher::{Matcher, MatcherBuilder, PhraseId, encode};
pub use words::Words;
pub(crate) use words::english_inflections;

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
    /// Codes: (system, code).
    pub codes: Vec<(Box<str>, Box<str>)>,
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
    /// Kind of every concept in it.
    pub kind: Kind,
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
        concept == ancestor || self.concept(concept).parents.iter().any(|&p| self.is_a(p, ancestor))
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

    /// Every concept that is `ancestor` or lies under it.
    pub fn descendants(&self, ancestor: ConceptId) -> Vec<ConceptId> {
        (0..self.concepts.len() as u32).map(ConceptId).filter(|&c| self.is_a(c, ancestor)).collect()
    }
}
