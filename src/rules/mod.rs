//! Rule text -> typed rules.
//!
//! All linguistics is data: `rules/<language>/*.toml` holds cues, compositions, sections and word classes,
//! `rules/labels/*.toml` label schemes. Every rule says why it stands and proves itself on sentences of its
//! own (`hits` and `misses`). This module turns the text into tables of integers over one vocabulary.

pub(crate) mod calibration;
mod condition;
mod lines;
pub(crate) mod linking;
mod load;
mod marks;
mod measures;
pub(crate) mod phrases;
mod profile;
pub(crate) mod report;
mod schema;
mod scheme;
mod sign;
mod verdict;

pub use calibration::{Bin, Calibration, CalibrationSet, Caught, Feature, Fitted, Matter, Model, Seen, Validation};
pub use condition::{AttributeName, Comparison, Condition};
#[cfg(feature = "cli")]
pub(crate) use load::term_number;
pub use marks::{MARK_STATUSES, Mark, strip_marks};
pub(crate) use measures::{MeasureWord, Measures};
pub use measures::{Quantity, Relation};
pub use profile::{Column, Filter, Profile, ProfileSource, RowFormat};
pub use report::{AlertKind, FactKind, Level, Sex, Source};
pub use scheme::{ALL, BoundScheme, Criterion, Hierarchy, LabelRule, LabelTarget, NoFinding, Scheme, SchemeSource};
pub use sign::Sign;
pub use verdict::Verdict;

use crate::lexicon::{Lexicon, Matcher, Side, Words};
use crate::span::{ConceptId, RuleId, WordId};
use report::ReportRules;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Whether the report says that a finding is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Said to be there now.
    Present,
    /// Said not to be there, or to have resolved.
    Absent,
    /// Hedged.
    Uncertain,
}

impl Status {
    /// All of them.
    pub const ALL: [Status; 3] = [Status::Present, Status::Absent, Status::Uncertain];

    /// Its name in rules, gold and outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Present => "present",
            Status::Absent => "absent",
            Status::Uncertain => "uncertain",
        }
    }

    /// The status of a name.
    pub fn named(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// The time that a mention speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Time {
    /// Now.
    Current,
    /// Told as past history only.
    Historical,
    /// Asked, planned or conditional only.
    Hypothetical,
}

impl Time {
    /// Its name in rules, gold and outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Time::Current => "current",
            Time::Historical => "historical",
            Time::Hypothetical => "hypothetical",
        }
    }
}

/// Whom a mention is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The patient.
    Patient,
    /// A relative.
    Family,
    /// Somebody or something else.
    Other,
}

impl Subject {
    /// Its name in rules, gold and outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Subject::Patient => "patient",
            Subject::Family => "family",
            Subject::Other => "other",
        }
    }
}

/// Change against an earlier study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Not there before.
    New,
    /// More, larger, worse.
    Increased,
    /// Less, smaller, better.
    Decreased,
    /// As before.
    Unchanged,
    /// No longer there.
    Resolved,
}

impl Change {
    /// All of them.
    pub const ALL: [Change; 5] =
        [Change::New, Change::Increased, Change::Decreased, Change::Unchanged, Change::Resolved];

    /// Its name in rules, gold and outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Change::New => "new",
            Change::Increased => "increased",
            Change::Decreased => "decreased",
            Change::Unchanged => "unchanged",
            Change::Resolved => "resolved",
        }
    }
}

/// Which way a cue looks for its mentions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// At what follows.
    Forward,
    /// At what stands before.
    Backward,
    /// At what follows, or where that is nothing, at what stands before.
    Either,
    /// Both ways.
    Both,
    /// It only blocks shorter cues inside it.
    None,
}

/// How far a cue looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// Over a list: through commas and conjunctions until the statement turns.
    List,
    /// One noun phrase: until a comma, a conjunction or a verb.
    Phrase,
    /// The mention near beside it, past adjectives at most.
    Adjacent,
    /// The mention that stands next, with nothing between.
    Next,
    /// The rest of the clause, whatever stands between.
    Clause,
    /// The whole sentence.
    Sentence,
}

/// A cue: what its phrases say of the mentions they reach.
#[derive(Clone, Debug)]
pub struct Cue {
    /// Its rule.
    pub rule: RuleId,
    /// Status that it gives.
    pub status: Option<Status>,
    /// Time that it gives.
    pub time: Option<Time>,
    /// Subject that it gives.
    pub subject: Option<Subject>,
    /// Change that it tells.
    pub change: Option<Change>,
    /// Side that it tells.
    pub side: Option<Side>,
    /// Its words are a severity.
    pub severity: bool,
    /// It names an acuity, a count or a position.
    pub names: Option<(Named, ValueId)>,
    /// The part that follows is where the tip of a device lies.
    pub tip: bool,
    /// It joins alternatives (or, versus, /).
    pub alternative: bool,
    /// Which way it looks.
    pub direction: Direction,
    /// How far it looks.
    pub reach: Reach,
    /// It outranks a denial ("cannot be excluded").
    pub overrides: bool,
    /// It begins a new noun phrase, so that it ends the reach of an earlier cue.
    pub opens: bool,
    /// It acts only in sections that ask (indication, history).
    pub asked: bool,
    /// It runs along bare commas ("no effusion, pneumothorax"); otherwise only along a list that a
    /// conjunction closes.
    pub commas: bool,
    /// It hedges only existence, so it says nothing when a word of change or size follows at once.
    pub existence: bool,
}

/// A term that means one finding or another by the words near it.
#[derive(Clone, Debug)]
pub(crate) struct Sense {
    pub(crate) rule: RuleId,
    pub(crate) default: Option<ConceptId>,
    /// Context words, sorted, with what they choose.
    pub(crate) choices: Vec<(WordId, ConceptId)>,
}

/// What a cue may name of a mention by a value of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Named {
    /// How old the finding is: acute, chronic, healed.
    Acuity,
    /// How many there are, in words.
    Count,
    /// How a device lies: malpositioned, in place.
    Position,
}

/// A value that rules give; see [`Rules::value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub u32);

/// A size of a part of the body that makes a finding.
#[derive(Clone, Debug)]
pub(crate) struct MeasuredPart {
    pub(crate) part: ConceptId,
    /// The size, in mm, from above `low` to below or at `high`.
    pub(crate) low: f32,
    pub(crate) high: f32,
    pub(crate) composition: Composition,
}

/// Anatomy and descriptor together make a finding.
#[derive(Clone, Copy, Debug)]
pub struct Composition {
    /// Its rule.
    pub rule: RuleId,
    /// The finding.
    pub finding: ConceptId,
    /// What the pair says of it, before any cue.
    pub status: Status,
    /// It holds of the parts of the part too ("the left base is clear").
    pub parts: bool,
}

/// A kind of section.
#[derive(Clone, Debug)]
pub struct SectionRule {
    /// Its rule.
    pub rule: RuleId,
    /// Its id (`findings`, `impression`, ...).
    pub id: Box<str>,
    /// Mentions in it count for labels.
    pub labels: bool,
    /// It holds the body of a report: text before any heading counts for labels only where no such
    /// section is.
    pub body: bool,
    /// Time of a plain mention in it.
    pub time: Time,
    /// Whom a plain mention in it is about.
    pub subject: Subject,
    /// It asks: a hedge in it is a question.
    pub asks: bool,
    /// It takes a line or two, so that a line with an unknown heading ends it.
    pub line: bool,
}

/// Where a rule stands and why.
#[derive(Clone, Debug)]
pub struct RuleInfo {
    /// Its id.
    pub id: Box<str>,
    /// Its file, as the user knows it.
    pub file: Box<str>,
    /// Its line, from 1.
    pub line: u32,
    /// Why it stands.
    pub why: Box<str>,
    /// Sentences that it must decide, with marks.
    pub hits: Vec<Box<str>>,
    /// Sentences that it must leave alone, with marks.
    pub misses: Vec<Box<str>>,
}

/// Classes of function words, as bits.
pub(crate) mod class {
    /// A finite verb or an auxiliary.
    pub(crate) const VERB: u32 = 1;
    /// A verb in the plural.
    pub(crate) const PLURAL: u32 = 1 << 1;
    /// "there is": a new statement.
    pub(crate) const EXISTENTIAL: u32 = 1 << 2;
    /// and
    pub(crate) const AND: u32 = 1 << 3;
    /// or, nor
    pub(crate) const OR: u32 = 1 << 4;
    /// but, however: the statement turns
    pub(crate) const BREAK: u32 = 1 << 5;
    /// with, due to: another matter begins
    pub(crate) const TURN: u32 = 1 << 6;
    /// the, a
    pub(crate) const DETERMINER: u32 = 1 << 7;
    /// in, of
    pub(crate) const PREPOSITION: u32 = 1 << 8;
    /// which, that
    pub(crate) const RELATIVE: u32 = 1 << 9;
    /// a full stop after it ends no sentence
    pub(crate) const ABBREVIATION: u32 = 1 << 10;
    /// a line cannot end a sentence after it
    pub(crate) const UNFINISHED: u32 = 1 << 11;
    /// a number follows it (segment, grade, cm before)
    pub(crate) const NUMBERED: u32 = 1 << 12;
    /// adverbs that a verb group may hold (again, also, now)
    pub(crate) const ADVERB: u32 = 1 << 13;
    /// due to, superimposed on: what follows is not the head
    pub(crate) const CAUSE: u32 = 1 << 14;
    /// is, appears: what follows is said of the subject
    pub(crate) const COPULA: u32 = 1 << 15;
    /// they, it: stands for a part named before
    pub(crate) const PRONOUN: u32 = 1 << 23;
    /// seen, identified: closes a list of what was looked for
    pub(crate) const PARTICIPLE: u32 = 1 << 22;
    // The bits below are set by what a phrase means, not by `words.toml`.
    /// A finding or device term.
    pub(crate) const FINDING: u32 = 1 << 16;
    /// An anatomic term.
    pub(crate) const ANATOMY: u32 = 1 << 17;
    /// A descriptor term.
    pub(crate) const DESCRIPTOR: u32 = 1 << 18;
    /// A cue.
    pub(crate) const CUE: u32 = 1 << 19;
    /// A cue that gives a status, a time or a subject.
    pub(crate) const JUDGES: u32 = 1 << 20;
    /// compatible with: what follows is the same thing by another name
    pub(crate) const EQUATES: u32 = 1 << 26;
    /// A cue that tells where the tip of a device lies.
    pub(crate) const TIP: u32 = 1 << 25;
    /// A descriptor that makes a finding where no part is named.
    pub(crate) const ALONE: u32 = 1 << 24;
    /// A cue that opens a new noun phrase.
    pub(crate) const OPENS: u32 = 1 << 21;

    /// Names in `words.toml`.
    pub(crate) const NAMES: [(&str, u32); 19] = [
        ("equates", EQUATES),
        ("verb", VERB),
        ("plural-verb", PLURAL),
        ("existential", EXISTENTIAL),
        ("and", AND),
        ("or", OR),
        ("break", BREAK),
        ("turn", TURN),
        ("determiner", DETERMINER),
        ("preposition", PREPOSITION),
        ("relative", RELATIVE),
        ("abbreviation", ABBREVIATION),
        ("unfinished", UNFINISHED),
        ("numbered", NUMBERED),
        ("adverb", ADVERB),
        ("cause", CAUSE),
        ("copula", COPULA),
        ("participle", PARTICIPLE),
        ("pronoun", PRONOUN),
    ];
}

/// What a phrase of the matcher means. `NONE` where it has no meaning of that kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meaning {
    pub(crate) bits: u32,
    pub(crate) finding: u32,
    pub(crate) anatomy: u32,
    pub(crate) descriptor: u32,
    pub(crate) cue: u32,
    /// Index into the senses: what the finding is depends on the words near it.
    pub(crate) sense: u32,
}

pub(crate) const NONE: u32 = u32::MAX;

impl Default for Meaning {
    fn default() -> Self {
        Meaning { bits: 0, finding: NONE, anatomy: NONE, descriptor: NONE, cue: NONE, sense: NONE }
    }
}

/// Everything that analysis reads: vocabulary, phrases and what they mean.
#[derive(Debug)]
pub struct Rules {
    pub(crate) words: Words,
    pub(crate) matcher: Matcher,
    pub(crate) meanings: Vec<Meaning>,
    /// Class bits of single words, by word id.
    pub(crate) classes: Vec<u32>,
    pub(crate) cues: Vec<Cue>,
    /// By (anatomy, descriptor): a range of `compositions`.
    pub(crate) pairs: HashMap<(ConceptId, ConceptId), (u32, u32)>,
    pub(crate) compositions: Vec<Composition>,
    /// Descriptors that make a finding alone, where no part is named.
    pub(crate) alone: Vec<(ConceptId, Composition)>,
    /// Descriptors that deny any finding they are said of, and by which rule.
    pub(crate) predicates: Vec<(ConceptId, RuleId)>,
    pub(crate) headings: (Matcher, Vec<u32>),
    pub(crate) measures: Measures,
    /// Parts whose size makes a finding, sorted by part.
    pub(crate) measured: Vec<MeasuredPart>,
    pub(crate) values: Vec<Box<str>>,
    pub(crate) senses: Vec<Sense>,
    /// Kinds of section.
    pub sections: Vec<SectionRule>,
    /// All rules.
    pub infos: Vec<RuleInfo>,
    /// All schemes, bound when they are first asked for; the one made of the lexicon is the last.
    pub schemes: Vec<SchemeSource>,
    /// All profiles.
    pub profiles: Vec<ProfileSource>,
    /// Ids of the cue, composition and section rules, by kind, for the checks.
    pub(crate) kinds: Vec<RuleKind>,
    pub(crate) warnings: Vec<crate::error::Fault>,
    /// What reads a whole report; analysis does not look at it.
    pub(crate) report: ReportRules,
    /// What the confidence of a label is computed from, where a file says so.
    pub calibration: Option<Calibration>,
    /// How reports are tied to studies, where a file says so.
    pub linking: Option<linking::Linking>,
}

/// What sort of rule a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// A cue.
    Cue,
    /// A composition.
    Composition,
    /// A section.
    Section,
    /// A fact of a whole report.
    Fact,
    /// A grade, score or stage.
    Grade,
    /// An alert.
    Alert,
    /// A unit, bound or word of measurement.
    Measure,
    /// A term of several meanings.
    Sense,
}

impl Rules {
    /// Compiles rule files, given as (name, text), over a lexicon.
    ///
    /// # Errors
    /// Every fault of every file.
    pub fn load<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
        lexicon: &Lexicon,
    ) -> Result<Rules, Vec<crate::error::Fault>> {
        load::load(files, lexicon)
    }

    /// Every word that a term, cue or heading uses.
    pub fn vocabulary(&self) -> &Words {
        &self.words
    }

    /// Class bits of a single word.
    pub(crate) fn word_class(&self, word: WordId) -> u32 {
        self.classes.get(word.index()).copied().unwrap_or(0)
    }

    /// Where a rule stands and why.
    pub fn info(&self, rule: RuleId) -> &RuleInfo {
        &self.infos[rule.index()]
    }

    /// What sort of rule it is.
    pub fn kind(&self, rule: RuleId) -> RuleKind {
        self.kinds[rule.index()]
    }

    /// The spelling of a value that rules give.
    pub fn value(&self, id: ValueId) -> &str {
        &self.values[id.0 as usize]
    }
}
