//! Label schemes: which concepts count for which label, read from `rules/labels/*.toml`.
//!
//! At start only the top of a scheme file is read (`kind`, `version`, `id`, `title`); the rest is bound to the
//! lexicon when the scheme is first asked for, so that a dozen schemes cost no time. The user's own schemes
//! and `radlabel check` bind at once and tell every fault of every file. This module knows no reports.
//!
//! # The file
//!
//! ```toml
//! kind = "scheme"
//! version = 1
//! id = "chest"
//! title = "What people see at the head of the page"
//! about = "Where the labels come from."            # left out: nothing
//! hierarchy = { up = true, down = false }          # left out: neither
//!
//! [[label]]
//! name = "Pleural Effusion"                        # as outputs show it; unique
//! definition = "Fluid in the pleural space."
//! includes = ["loculated and subpulmonic effusion"]  # criteria in plain words, for people
//! excludes = ["pericardial effusion"]
//! parents = ["Pleural Finding"]                    # labels of this scheme; cycles are faults
//! outranks = ["Fluid"]                             # where both claim one mention, this label takes it alone
//! codes = ["radlex:RID34539"]                      # left out: those of its first concept
//! concepts = ["pleural-effusion"]                  # each with everything beneath it
//! anywhere = []                                    # as `concepts`, whatever place is named
//! except = ["hydropneumothorax"]                   # what does not count, with everything beneath it
//! within = []                                      # anatomy that it must lie in, where a place is named
//! outside = ["abdomen"]                            # anatomy that it must not lie in; the nearest place decides
//! located = [{ concepts = ["fluid"], within = ["pleura"] }]      # only where said to lie there
//! only = [{ concepts = ["fluid"], statuses = ["absent"] }]       # only with these statuses
//! where = { side = "left", size = "> 30 mm", acuity = ["acute", "subacute"] }
//! grades = [{ system = "BI-RADS", values = ["4", "4A"] }]  # present where the report gives one of these
//! examples = [{ text = "Small left effusion.", value = "present" }]   # present, absent, uncertain or none
//! ```
//!
//! A label without concepts is a heading: it lives by its children and `hierarchy.up`.
//!
//! `where` asks for attributes ([`AttributeName`] lists them): a string, or a list (of words one must be said, of
//! measures all must hold). A length needs its unit (mm, cm) and goes by the largest dimension; a number in words
//! ("multiple") is two or more; a range or bound must meet the condition whatever the value within it. An
//! unqualified denial denies every kind, so "No effusion" makes a label with `where = { side = "left" }` absent; an
//! unqualified statement asserts no particular kind. Conditions do not read severity (its words are the report's)
//! and scores yet.
//!
//! `hierarchy.up`: a present child makes its parent present, an uncertain one makes it at least uncertain; an
//! absent one says nothing of it. `hierarchy.down`: an absent parent makes a child absent that is not mentioned.
//! A propagated label rests on the mention that decided the label it came from.
//!
//! A family stands for one label a place (and a side, where `sides` is given), each located there:
//!
//! ```toml
//! [[family]]
//! name = "Fracture of {location}"                  # also in definition, criteria, parents, outranks, examples
//! over = ["c1-vertebra", "c2-vertebra"]            # anatomy; {location} is its name, {Location} with a capital
//! names = ["C1", "C2"]                             # left out: the preferred names of the lexicon
//! sides = ["left", "right"]                        # left out: none; {side}, {Side}
//! definition = "A fracture said to lie in {location}."
//! concepts = ["fracture"]                          # except, where, parents, outranks, includes, excludes as above
//! examples = [{ text = "Fracture of {location}.", value = "present" }]
//! ```
//!
//! `[no-finding]` names the label that says that nothing was found, the labels (`ignores`) and the concepts
//! (`ignores-concepts`) that do not stand against it. Findings that count for no label stand against it too, unless
//! `only-labels = true`.

mod bind;
mod lexical;
mod text;

use super::condition::Condition;
use super::{AttributeName, Status};
use crate::error::Fault;
use crate::lexicon::Lexicon;
use crate::span::ConceptId;
use std::sync::OnceLock;

/// The id of the scheme that is made of the lexicon itself: a label a finding or device.
pub const ALL: &str = "all";

/// How values travel between a label and its parents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Hierarchy {
    /// Present and uncertain children speak for their parents.
    pub up: bool,
    /// Absent parents speak for children that are not mentioned.
    pub down: bool,
}

/// A label scheme.
#[derive(Clone, Debug)]
pub struct Scheme {
    /// Its id (`chexpert`).
    pub id: Box<str>,
    /// Title for people.
    pub title: Box<str>,
    /// Where its labels come from, for people.
    pub about: Box<str>,
    /// Its file.
    pub file: Box<str>,
    /// How values travel, unless the caller says otherwise.
    pub hierarchy: Hierarchy,
    /// Its labels, in output order.
    pub labels: Vec<LabelRule>,
    /// Name of the label that says that nothing was found, and what keeps it from being said.
    pub no_finding: Option<NoFinding>,
}

impl Scheme {
    /// Position of the label of this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.labels.iter().position(|l| *l.name == *name)
    }

    /// `file:line` of a label.
    pub fn place(&self, label: usize) -> String {
        let rule = &self.labels[label];
        format!("{}:{}", rule.file.as_deref().unwrap_or(&self.file), rule.line)
    }
}

/// "No Finding".
#[derive(Clone, Debug)]
pub struct NoFinding {
    /// Position among [`Scheme::labels`].
    pub label: usize,
    /// Labels that do not stand against it.
    pub ignores: Vec<usize>,
    /// Concepts outside the scheme that stand against it when present or uncertain.
    pub blocked_by: Vec<bool>,
}

/// One label of a scheme.
#[derive(Clone, Debug, Default)]
pub struct LabelRule {
    /// Its name, as the output shows it.
    pub name: Box<str>,
    /// Its file, where that is not the scheme's.
    pub file: Option<Box<str>>,
    /// Line in its file.
    pub line: u32,
    /// What it means.
    pub definition: Box<str>,
    /// What counts, in plain words.
    pub includes: Vec<Box<str>>,
    /// What does not count, in plain words.
    pub excludes: Vec<Box<str>>,
    /// Broader labels: positions among [`Scheme::labels`].
    pub parents: Vec<u32>,
    /// Labels that lose a mention that this one claims too.
    pub outranks: Vec<u32>,
    /// Codes: (system, code).
    pub codes: Vec<(Box<str>, Box<str>)>,
    /// The concepts named for it, in order; those beneath count too.
    pub concepts: Vec<ConceptId>,
    /// The concepts beneath those that do not count.
    pub except: Vec<ConceptId>,
    /// Attributes that must be said.
    pub conditions: Vec<Condition>,
    /// Grades of the whole report that make it present: (system, values).
    pub grades: Vec<(Box<str>, Vec<Box<str>>)>,
    /// Sentences with the value they must give.
    pub examples: Vec<(Box<str>, Option<Status>)>,
}

impl LabelRule {
    /// The attributes that its conditions ask for.
    pub fn attributes(&self) -> impl Iterator<Item = AttributeName> + '_ {
        self.conditions.iter().map(Condition::attribute)
    }
}

/// What a mention must meet, beside its concept, to count for a label.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Criterion {
    /// Counts only when the mention lies in one of these (anatomy); empty = anywhere.
    pub within: Vec<ConceptId>,
    /// Does not count when the mention lies in one of these (anatomy).
    pub outside: Vec<ConceptId>,
    /// Counts only when a part in `within` is named.
    pub located: bool,
    /// Counts only with these statuses; empty = all.
    pub statuses: Vec<Status>,
    /// Counts only with these attributes.
    pub conditions: Vec<Condition>,
}

/// One way for a mention to count for a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelTarget {
    /// Index of the label.
    pub label: u32,
    /// Index into [`BoundScheme::criteria`].
    pub criterion: u32,
}

/// A scheme bound to a lexicon: for every concept, the labels that it counts for.
#[derive(Clone, Debug)]
pub struct BoundScheme {
    /// The scheme.
    pub scheme: Scheme,
    /// By concept number.
    pub targets: Vec<Vec<LabelTarget>>,
    /// What the targets ask of a mention.
    pub criteria: Vec<Criterion>,
    /// By label: its narrower labels.
    pub children: Vec<Vec<u32>>,
    /// By label: every label that takes a mention from it.
    pub outranked_by: Vec<Vec<u32>>,
}

impl BoundScheme {
    /// Some label rests on a grade of the whole report.
    pub fn asks_grades(&self) -> bool {
        self.scheme.labels.iter().any(|l| !l.grades.is_empty())
    }

    /// Every label beneath one, in order.
    pub fn beneath(&self, label: u32) -> Vec<u32> {
        bind::beneath(label, &self.children)
    }
}

/// A scheme as it was given, bound when it is first asked for.
#[derive(Debug)]
pub struct SchemeSource {
    /// Its id.
    pub id: Box<str>,
    /// Title for people.
    pub title: Box<str>,
    /// Its file.
    pub file: Box<str>,
    origin: Origin,
    bound: OnceLock<Result<BoundScheme, Vec<Fault>>>,
}

#[derive(Debug)]
enum Origin {
    /// The text of its file.
    File(Box<str>),
    /// The lexicon: see [`ALL`].
    Lexicon,
}

impl SchemeSource {
    /// A scheme from the text of a file whose top has been read.
    pub(super) fn file(id: &str, title: &str, file: &str, text: &str) -> SchemeSource {
        let origin = Origin::File(text.into());
        SchemeSource { id: id.into(), title: title.into(), file: file.into(), origin, bound: OnceLock::new() }
    }

    /// The scheme that is made of the lexicon.
    pub(super) fn lexicon() -> SchemeSource {
        SchemeSource {
            id: ALL.into(),
            title: "Every finding and device of the lexicon".into(),
            file: "lexicons".into(),
            origin: Origin::Lexicon,
            bound: OnceLock::new(),
        }
    }

    /// It is the scheme that is made of the lexicon.
    pub const fn is_lexicon(&self) -> bool {
        matches!(self.origin, Origin::Lexicon)
    }

    /// The scheme over the lexicon; the work is done once.
    ///
    /// # Errors
    /// Every fault of its file.
    pub fn bind(&self, lexicon: &Lexicon) -> Result<&BoundScheme, &[Fault]> {
        let bound = self.bound.get_or_init(|| match &self.origin {
            Origin::File(text) => bind::bind(&self.file, text, lexicon),
            Origin::Lexicon => Ok(lexical::scheme(self, lexicon)),
        });
        bound.as_ref().map_err(Vec::as_slice)
    }
}
